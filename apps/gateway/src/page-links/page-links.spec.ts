import { randomBytes } from 'node:crypto';
import { PageLinks, type PagedInteraction, type PageOwner } from './page-links.js';

const interaction: PagedInteraction = {
  kind: 'search-type',
  type: 'Observation',
  via: 'get',
  params: [{ name: 'code', value: 'a' }],
};
const place = { phase: 0, target: '?_getpages=1&_getpagesoffset=20', skip: 3 };
const owner: PageOwner = { endpoint: 'north', applicationId: 'a1', holder: 'grant-1', patient: 'p1' };
const links = new PageLinks([randomBytes(32)]);

test('a link leads back to what was asked and where it stood', () => {
  expect(links.open(links.seal(interaction, place, owner), owner)).toEqual({ interaction, place });
});

test.each<[string, PageOwner]>([
  ['another application', { ...owner, applicationId: 'a2' }],
  ['another grant', { ...owner, holder: 'grant-2' }],
  ['another patient', { ...owner, patient: 'p2' }],
  ['no patient', { endpoint: 'north', applicationId: 'a1', holder: 'grant-1' }],
  ['another endpoint', { ...owner, endpoint: 'south' }],
])('it counts for nobody else: %s', (_what, other) => {
  expect(links.open(links.seal(interaction, place, owner), other)).toBeUndefined();
});

test('one that was changed, cut, made with another key, or that has expired does not count', () => {
  const sealed = links.seal(interaction, place, owner);
  const changed = Buffer.from(sealed, 'base64url');
  changed[40] = (changed[40] ?? 0) ^ 1;
  for (const not of [changed.toString('base64url'), sealed.slice(0, -8), '', 'AAAA', 'not base64 at all'])
    expect(links.open(not, owner)).toBeUndefined();
  expect(new PageLinks([randomBytes(32)]).open(sealed, owner)).toBeUndefined();
  let now = 0;
  const timed = new PageLinks([randomBytes(32)], () => now);
  const link = timed.seal(interaction, place, owner);
  expect(timed.open(link, owner)).toBeDefined();
  now = 16 * 60_000;
  expect(timed.open(link, owner)).toBeUndefined();
});

test('while its key is changed, one of either key counts at every instance', () => {
  const [before, after] = [randomBytes(32), randomBytes(32)];
  const instances = [[before], [before, after], [after, before], [after]] as const;
  const all = instances.map((keys) => new PageLinks(keys));
  const steps = [
    [0, 1],
    [1, 2],
    [2, 3],
  ] as const;
  for (const [one, other] of steps) {
    const sealed = [one, other].map((it) => all[it]?.seal(interaction, place, owner) ?? '');
    const opened = sealed.flatMap((it) => [all[one]?.open(it, owner), all[other]?.open(it, owner)]);
    // Links of the step before are over, or the last instance would not know them.
    expect(opened.map((it) => it !== undefined)).toEqual([true, true, true, true]);
  }
});

test('neither what it holds nor how much of it shows', () => {
  const [short, long] = [place, { ...place, target: `?_getpages=${'x'.repeat(200)}` }].map((it) =>
    links.seal(interaction, it, owner),
  );
  expect(short).toHaveLength(long?.length ?? 0);
  expect(Buffer.from(short ?? '', 'base64url').toString('latin1')).not.toContain('getpages');
});
