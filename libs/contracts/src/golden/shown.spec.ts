import { Type } from 'typebox';
import { unnamedProperties, unshownProperties } from './shown.js';

const schema = Type.Object({
  a: Type.String(),
  b: Type.Optional(Type.Object({ c: Type.Optional(Type.String()) })),
  list: Type.Array(Type.Object({ d: Type.Optional(Type.String()) })),
});

describe('what golden records show of a schema', () => {
  it('is all of it, taken together', () => {
    expect(unshownProperties(schema, [{ a: '', b: { c: '' }, list: [] }, { list: [{}, { d: '' }] }])).toEqual([]);
  });

  it('lacks a property that none has, at any depth', () => {
    expect(unshownProperties(schema, [{ a: '', b: {}, list: [{}] }])).toEqual(['b.c', 'list[].d']);
    expect(unshownProperties(schema, [{ a: '', list: [] }])).toEqual(['b']);
  });

  it('is more than it when a property was taken out of the schema', () => {
    expect(unnamedProperties(schema, { a: '', b: { c: '', e: '' }, list: [{ d: '', f: '' }] })).toEqual([
      'b.e',
      'list[].f',
    ]);
  });
});
