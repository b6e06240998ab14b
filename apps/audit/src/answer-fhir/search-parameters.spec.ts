import { readSearch, SearchRefused } from './search-parameters.js';

const search = (query: string) => readSearch(new URLSearchParams(query));

describe('the parameters of a search for AuditEvents', () => {
  it.each([
    ['date=2026', ['2026-01-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z']],
    ['date=2026-12', ['2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z']],
    ['date=2026-02-28', ['2026-02-28T00:00:00.000Z', '2026-03-01T00:00:00.000Z']],
    ['date=2026-02-28T10:00:00Z', ['2026-02-28T10:00:00.000Z', '2026-02-28T10:00:01.000Z']],
    ['date=ge2026-02-28T10:00:00%2B02:00', ['2026-02-28T08:00:00.000Z']],
    ['date=gt2026-02-28', ['2026-03-01T00:00:00.000Z']],
    ['date=le2026-02-28', ['2026-03-01T00:00:00.000Z']],
    ['date=lt2026-02-28', ['2026-02-28T00:00:00.000Z']],
  ])('%s means these times', (query, values) => {
    expect(search(query).values).toEqual(values);
  });

  it.each(['p1', 'Patient/p1', 'https://fhir.example.org/Patient/p1'])('a patient is named by %s', (value) => {
    expect(search(`patient=${encodeURIComponent(value)}`).values).toEqual(['p1', ['p1']]);
  });

  it('commas are alternatives, repetitions must all hold, and no value stands in the statement', () => {
    const { conditions, values } = search(`agent=a,b&agent=${encodeURIComponent("'; DROP TABLE x")}`);
    expect(conditions).toHaveLength(2);
    expect(conditions[0]).toContain(' OR ');
    expect(values).toEqual(['a', 'b', "'; DROP TABLE x"]);
    expect(conditions.join('')).not.toContain('DROP');
  });

  it('a page has at most 200, and at least one', () => {
    expect([search('').count, search('_count=1000').count, search('_count=0').count]).toEqual([50, 200, 1]);
  });

  it.each([
    'colour=red',
    'constructor=x',
    'date=yesterday',
    'date=2026-02-30',
    'date=2026-01-01T10:00',
    'patient=Group/1',
    'outcome=good',
    'action=X',
    '_sort=date',
    '_count=many',
    'agent=%00',
  ])('%s is refused', (query) => {
    expect(() => search(query)).toThrow(SearchRefused);
  });
});
