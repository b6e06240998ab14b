import fc from 'fast-check';
import { readExactJson } from './exact-json.js';
import { applyJsonPatch, PatchFailed, readJsonPatch } from './json-patch.js';

const target = {
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  category: [{ text: 'a' }, { text: 'b' }],
  subject: { reference: 'Patient/p1' },
  'a/b~': 1,
};
const patch = (...operations: object[]) => {
  const before = structuredClone(target);
  try {
    return applyJsonPatch(target, readJsonPatch(operations));
  } catch (error) {
    if (!(error instanceof PatchFailed)) throw error;
    return error.why;
  } finally {
    expect(target).toEqual(before);
  }
};

describe('RFC 6902', () => {
  it.each<[object, object]>([
    [{ op: 'add', path: '/note', value: 1 }, { note: 1 }],
    [{ op: 'add', path: '/status', value: 'x' }, { status: 'x' }],
    [{ op: 'add', path: '/category/1', value: {} }, { category: [{ text: 'a' }, {}, { text: 'b' }] }],
    [{ op: 'add', path: '/category/-', value: {} }, { category: [{ text: 'a' }, { text: 'b' }, {}] }],
    [{ op: 'remove', path: '/category/0' }, { category: [{ text: 'b' }] }],
    [{ op: 'replace', path: '/category/1/text', value: 'c' }, { category: [{ text: 'a' }, { text: 'c' }] }],
    [{ op: 'replace', path: '/a~1b~0', value: 2 }, { 'a/b~': 2 }],
    [
      { op: 'copy', from: '/category/0', path: '/category/2' },
      { category: [{ text: 'a' }, { text: 'b' }, { text: 'a' }] },
    ],
    [{ op: 'move', from: '/category/0', path: '/category/1' }, { category: [{ text: 'b' }, { text: 'a' }] }],
    [{ op: 'test', path: '/subject', value: { reference: 'Patient/p1' } }, {}],
  ])('%j', (operation, changed) => {
    expect(patch(operation)).toEqual({ ...target, ...changed });
  });

  it.each([
    [{ op: 'remove', path: '/none' }, 'no-such-place'],
    [{ op: 'replace', path: '/none', value: 1 }, 'no-such-place'],
    [{ op: 'replace', path: '/category/2', value: 1 }, 'no-such-place'],
    [{ op: 'replace', path: '/category/-', value: 1 }, 'no-such-place'],
    [{ op: 'add', path: '/category/3', value: 1 }, 'no-such-place'],
    [{ op: 'add', path: '/category/01', value: 1 }, 'no-such-place'],
    [{ op: 'add', path: '/status/x', value: 1 }, 'no-such-place'],
    [{ op: 'add', path: '/none/x', value: 1 }, 'no-such-place'],
    [{ op: 'replace', path: '/constructor', value: 1 }, 'no-such-place'],
    [{ op: 'test', path: '/status', value: 'amended' }, 'test'],
    [{ op: 'move', from: '/subject', path: '/subject/x' }, 'malformed'],
    [{ op: 'add', path: '', value: {} }, 'malformed'],
    [{ op: 'add', path: 'status', value: {} }, 'malformed'],
    [{ op: 'add', path: '/a~2', value: {} }, 'malformed'],
    [{ op: 'add', path: '/__proto__/x', value: {} }, 'malformed'],
    [{ op: 'add', path: '/status' }, 'malformed'],
    [{ op: 'merge', path: '/status', value: 1 }, 'malformed'],
  ])('%j is refused: %s', (operation, why) => {
    expect(patch(operation)).toBe(why);
  });

  it('all of it or nothing', () => {
    expect(patch({ op: 'remove', path: '/status' }, { op: 'test', path: '/id', value: 'o2' })).toBe('test');
  });
});

it('what copies itself over and over is stopped', () => {
  const long = { op: 'add', path: '/note', value: 'x'.repeat(1_000) };
  const double = [
    { op: 'add', path: '/x', value: {} },
    { op: 'copy', from: '/category', path: '/x/c' },
  ];
  const doubling = Array.from({ length: 40 }, () => ({ op: 'copy', from: '/category', path: '/category/-' }));
  expect(patch(long, ...double, ...doubling)).toBe('too-large');
});

it('numbers keep their digits, and are compared by value', () => {
  const read = readExactJson('{"value":1.50,"other":2.0}');
  if (!read.ok || typeof read.value !== 'object' || read.value === null) throw new Error('not read');
  const patched = applyJsonPatch(
    read.value,
    readJsonPatch([
      { op: 'test', path: '/value', value: 1.5 },
      { op: 'copy', from: '/value', path: '/third' },
      { op: 'remove', path: '/other' },
    ]),
  );
  expect(JSON.stringify(patched)).toBe('{"value":1.50,"third":1.50}');
});

it('what was added and removed again leaves what was there', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z~/]{1,8}$/), fc.jsonValue(), (name, value) => {
      fc.pre(!Object.hasOwn(target, name));
      const path = `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      expect(patch({ op: 'add', path, value }, { op: 'remove', path })).toEqual(target);
    }),
  );
});
