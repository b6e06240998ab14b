import { card, table } from './table.js';

describe('what a person reads', () => {
  it('lines columns up, follows paths and joins lists', () => {
    const rows = [
      { id: '1', scopes: ['a', 'b'], evidence: { tokensIssued: 3 } },
      { id: '22', scopes: [], evidence: {} },
    ];

    expect(
      table(
        [
          ['ID', 'id'],
          ['SCOPES', 'scopes'],
          ['TOKENS', 'evidence.tokensIssued'],
        ],
        rows,
      ),
    ).toBe(['ID  SCOPES  TOKENS', '1   a b     3', '22  -       -'].join('\n'));
  });

  it('never lets stored text steer the terminal', () => {
    expect(table([['NAME', 'name']], [{ name: 'safe\u001b[2J\u202egnihton' }])).toBe('NAME\nsafe [2J gnihton');
    expect(card({ name: 'a\nb' })).toBe('name  a b');
  });
});
