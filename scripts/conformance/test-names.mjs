// The names of a file's tests, with those of a table of cases written out.
import ts from 'typescript';

const TESTS = new Set(['it', 'test']);

/**
 * @param {string} file
 * @param {string} text
 * @returns {string[]} in the order of the file
 */
export function testNames(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  /** @type {string[]} */
  const names = [];
  /** @param {import('typescript').Node} node */
  const visit = (node) => {
    if (ts.isCallExpression(node)) names.push(...namesOf(node));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** @param {import('typescript').CallExpression} call */
function namesOf(call) {
  const [named] = call.arguments;
  const name = named && textOf(named);
  if (name === undefined) return [];
  if (ts.isIdentifier(call.expression)) return TESTS.has(call.expression.text) ? [name] : [];
  const { expression: each } = call;
  if (!ts.isCallExpression(each) || !ts.isPropertyAccessExpression(each.expression)) return [];
  const { expression: kind, name: how } = each.expression;
  if (!ts.isIdentifier(kind) || !TESTS.has(kind.text) || how.text !== 'each') return [];
  const [given] = each.arguments;
  const cases = given && ts.isAsExpression(given) ? given.expression : given;
  if (!cases || !ts.isArrayLiteralExpression(cases)) return [name.replaceAll(/\s*%\w:?\s*/g, ' … ').trim()];
  return cases.elements.map((row) => filled(name, ts.isArrayLiteralExpression(row) ? [...row.elements] : [row]));
}

/**
 * @param {string} name
 * @param {import('typescript').Expression[]} values
 */
function filled(name, values) {
  let next = 0;
  return name.replaceAll(/%[sdijp]/g, () => {
    const value = values[next++];
    return value === undefined ? '…' : (textOf(value) ?? value.getText());
  });
}

/** @param {import('typescript').Node} node */
function textOf(node) {
  return ts.isStringLiteralLike(node) ? node.text : undefined;
}
