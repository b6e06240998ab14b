import fc from 'fast-check';
import { openSuccessor, sealSuccessor } from './sealed-successor.js';

describe('the successor of a refresh token', () => {
  test('is read with its predecessor, and with nothing else', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ minLength: 1 }), fc.string(), (successor, predecessor, other) => {
        const sealed = sealSuccessor(successor, predecessor);
        expect(openSuccessor(sealed, predecessor)).toBe(successor);
        if (other !== predecessor) expect(() => openSuccessor(sealed, other)).toThrow();
      }),
    );
  });
  test('does not stand in what is kept', () => {
    const sealed = sealSuccessor('the-successor', 'the-predecessor');
    expect(sealed.includes('the-successor') || sealed.includes('the-predecessor')).toBe(false);
  });
  test('that was changed is not given out', () => {
    const sealed = sealSuccessor('the-successor', 'the-predecessor');
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    expect(() => openSuccessor(sealed, 'the-predecessor')).toThrow();
  });
});
