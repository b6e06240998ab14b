import { SubjectCache } from './subject-cache.js';

const ada = { issuer: 'https://idp.example.org', subject: 'ada' };

describe('ids of persons who called lately', () => {
  it('are given until the person is forgotten', () => {
    const cache = new SubjectCache();
    cache.put(ada, 'id-1');
    expect(cache.idOf(ada)).toBe('id-1');
    cache.forget('id-1');
    expect(cache.idOf(ada)).toBeUndefined();
  });

  it('make room for each other: the oldest goes', () => {
    const cache = new SubjectCache();
    cache.put(ada, 'id-1');
    for (let count = 0; count < 20_000; count++) cache.put({ ...ada, subject: String(count) }, `id-of-${count}`);
    expect(cache.idOf(ada)).toBeUndefined();
    expect(cache.idOf({ ...ada, subject: '19999' })).toBe('id-of-19999');
  });

  it('are not kept once forgotten, by whoever read them before', () => {
    const cache = new SubjectCache();
    cache.forget('id-1');
    cache.put(ada, 'id-1');
    expect(cache.idOf(ada)).toBeUndefined();
    cache.put(ada, 'id-2');
    expect(cache.idOf(ada)).toBe('id-2');
  });
});
