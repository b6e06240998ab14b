import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { aggregate, compare, divide, either, isAggregation, type Vector } from './promql-vectors.js';
import { extrapolated, histogramQuantile } from './promql-functions.js';
import { durationIn, type Labels, numberIn, type SeriesStore } from './series.js';

/** How long a sample counts where no later one came (Prometheus' `query.lookback-delta`). */
const LOOKBACK_MS = 300_000;

type Matches = (labels: Labels) => boolean;

/**
 * As much of PromQL as our rules use, on samples in memory: what Prometheus' own grammar makes of an expression, evaluated as
 * Prometheus does (gatehouse.rules.test.yml holds the two together). What is not known here is refused, never passed over.
 *
 * @throws Error what the expression has that is not known
 */
export function readPromql(expression: string): (store: SeriesStore, time: number) => Vector {
  const { firstChild } = parser.parse(expression).topNode;
  if (firstChild === null) throw new Error('an empty expression');
  const read = new Reading(expression).vector(firstChild);
  return (store, time) => read({ store, time });
}

/** The labels that an expression which only selects names with `=`, as promtool writes series. */
export function seriesLabels(text: string): Labels {
  const { firstChild } = parser.parse(text).topNode;
  if (firstChild?.name !== 'VectorSelector') throw new Error(`${text} is no series`);
  return new Reading(text).equalities(firstChild);
}

interface At {
  readonly store: SeriesStore;
  /** In milliseconds. */
  readonly time: number;
}

class Reading {
  constructor(private readonly text: string) {}

  vector(node: SyntaxNode): (at: At) => Vector {
    switch (node.name) {
      case 'ParenExpr':
        return this.vector(this.#only(node));
      case 'VectorSelector':
        return this.#selected(this.#matcher(node));
      case 'AggregateExpr':
        return this.#aggregated(node);
      case 'FunctionCall':
        return this.#called(node);
      case 'BinaryExpr':
        return this.#joined(node);
      default:
        return this.#unknown(node);
    }
  }

  /** Name and labels of a selector, where all are said with `=`. */
  equalities(node: SyntaxNode): Labels {
    return Object.fromEntries(
      this.#conditions(node).map(({ label, operator, value }) => {
        if (operator !== 'EqlSingle') throw new Error(`${this.#textOf(node)} is no series`);
        return [label, value];
      }),
    );
  }

  #selected(matches: Matches): (at: At) => Vector {
    return ({ store, time }) =>
      [...store.all()].flatMap(({ labels, samples }) => {
        if (!matches(labels)) return [];
        const last = samples.findLast((sample) => sample.time <= time);
        if (last?.value === undefined || last.time <= time - LOOKBACK_MS) return [];
        return [{ labels, value: last.value }];
      });
  }

  #aggregated(node: SyntaxNode): (at: At) => Vector {
    const how = node.getChild('AggregateOp')?.firstChild?.name ?? '';
    if (!isAggregation(how)) return this.#unknown(node);
    const modifier = node.getChild('AggregateModifier');
    if (modifier !== null && modifier.getChild('By') === null) this.#unknown(modifier);
    const by =
      modifier
        ?.getChild('GroupingLabels')
        ?.getChildren('LabelName')
        .map((label) => this.#textOf(label)) ?? [];
    const body = this.vector(this.#only(this.#child(node, 'FunctionCallBody')));
    return (at) => aggregate(body(at), how, by);
  }

  #called(node: SyntaxNode): (at: At) => Vector {
    const name = this.#child(node, 'FunctionIdentifier').firstChild?.name;
    const body = this.#child(node, 'FunctionCallBody');
    if (name === 'HistogramQuantile') {
      const [quantile, of] = childrenOf(body);
      if (quantile === undefined || of === undefined) return this.#unknown(node);
      const share = this.#number(quantile);
      const buckets = this.vector(of);
      return (at) => histogramQuantile(share, buckets(at));
    }
    if (name === 'Absent') return this.#absent(this.#only(body));
    if (name !== 'Rate' && name !== 'Increase' && name !== 'Delta') return this.#unknown(node);
    const range = this.#only(body);
    if (range.name !== 'MatrixSelector') return this.#unknown(range);
    const matches = this.#matcher(this.#child(range, 'VectorSelector'));
    const rangeMs = durationIn(this.#textOf(this.#child(range, 'DurationExpr')));
    return ({ store, time }) =>
      [...store.all()].flatMap(({ labels: { __name__, ...labels }, samples }) => {
        if (!matches({ ...labels, ...(__name__ === undefined ? {} : { __name__ }) })) return [];
        const increase = extrapolated(samples, { end: time, rangeMs }, name === 'Delta' ? 'gauge' : 'counter');
        if (increase === undefined) return [];
        return [{ labels, value: name === 'Rate' ? increase / (rangeMs / 1_000) : increase }];
      });
  }

  /** One with the labels that the selector names, where it selects nothing. */
  #absent(node: SyntaxNode): (at: At) => Vector {
    if (node.name !== 'VectorSelector') return this.#unknown(node);
    const { __name__: _, ...labels } = this.equalities(node);
    const selected = this.vector(node);
    return (at) => (selected(at).length > 0 ? [] : [{ labels, value: 1 }]);
  }

  #joined(node: SyntaxNode): (at: At) => Vector {
    const [left, operator, right, ...more] = childrenOf(node);
    if (left === undefined || operator === undefined || right === undefined || more.length > 0)
      return this.#unknown(node);
    const of = this.vector(left);
    if (operator.name === 'Div' || operator.name === 'Or') {
      const join = operator.name === 'Div' ? divide : either;
      const other = this.vector(right);
      return (at) => join(of(at), other(at));
    }
    const limit = this.#number(right);
    switch (operator.name) {
      case 'Eql':
      case 'Gtr':
      case 'Lss':
        return (at) => compare(of(at), operator.name as 'Eql' | 'Gtr' | 'Lss', limit);
      default:
        return this.#unknown(operator);
    }
  }

  #matcher(node: SyntaxNode): Matches {
    const conditions = this.#conditions(node).map(({ label, operator, value }): Matches => {
      const like = new RegExp(`^(?:${value})$`, 's');
      switch (operator) {
        case 'EqlSingle':
          return (labels) => (labels[label] ?? '') === value;
        case 'Neq':
          return (labels) => (labels[label] ?? '') !== value;
        case 'EqlRegex':
          return (labels) => like.test(labels[label] ?? '');
        case 'NeqRegex':
          return (labels) => !like.test(labels[label] ?? '');
        default:
          return this.#unknown(node);
      }
    });
    return (labels) => conditions.every((condition) => condition(labels));
  }

  #conditions(node: SyntaxNode): { readonly label: string; readonly operator: string; readonly value: string }[] {
    const name = this.#textOf(this.#child(node, 'Identifier'));
    const matchers = childrenOf(node.getChild('LabelMatchers')).map((matcher) => {
      if (matcher.name !== 'UnquotedLabelMatcher') return this.#unknown(matcher);
      const operator = this.#child(matcher, 'MatchOp').firstChild?.name ?? '';
      const quoted = this.#textOf(this.#child(matcher, 'StringLiteral'));
      if (!/^"[^"\\]*"$/.test(quoted)) return this.#unknown(matcher);
      return { label: this.#textOf(this.#child(matcher, 'LabelName')), operator, value: quoted.slice(1, -1) };
    });
    return [{ label: '__name__', operator: 'EqlSingle', value: name }, ...matchers];
  }

  #number(node: SyntaxNode): number {
    return node.name === 'NumberDurationLiteral' ? numberIn(this.#textOf(node)) : this.#unknown(node);
  }

  #only(node: SyntaxNode): SyntaxNode {
    const [child, ...more] = childrenOf(node);
    return child === undefined || more.length > 0 ? this.#unknown(node) : child;
  }

  #child(node: SyntaxNode, name: string): SyntaxNode {
    return node.getChild(name) ?? this.#unknown(node);
  }

  #textOf({ from, to }: SyntaxNode): string {
    return this.text.slice(from, to);
  }

  #unknown(node: SyntaxNode): never {
    throw new Error(`this reader of PromQL does not know ${node.name} (${this.#textOf(node)}) in ${this.text}`);
  }
}

function childrenOf(node: SyntaxNode | null): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) found.push(child);
  return found;
}
