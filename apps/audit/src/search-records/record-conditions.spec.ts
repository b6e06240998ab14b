import { recordColumns } from '#records';
import { RecordsQuery } from './records-query.js';
import { conditionsOf } from './record-conditions.js';

function queryOf(filters: Partial<RecordsQuery>): RecordsQuery {
  return Object.assign(new RecordsQuery(), filters);
}

describe('the conditions of a search', () => {
  it('are none without filters', () => {
    expect(conditionsOf(queryOf({}), undefined)).toEqual({ where: '', parameters: [] });
  });

  it('hold together, each with its parameter, whatever stands in it', () => {
    const injected = "x' OR 'a' = 'a $1";
    expect(conditionsOf(queryOf({ type: injected, status: 403 }), undefined)).toEqual({
      where: 'WHERE r.type = $1 AND r.status = $2',
      parameters: [injected, 403],
    });
  });

  it('ask for every field of a record by its name, but for its data', () => {
    const fields = Object.keys(recordColumns).filter((field) => field !== 'time' && field !== 'detail');
    const asked = fields.map((field) => conditionsOf(Object.assign(new RecordsQuery(), { [field]: 'x' }), undefined));
    expect(fields.filter((_, index) => asked[index]?.parameters.length !== 1)).toEqual([]);
    expect(fields).toEqual(expect.arrayContaining(['id', 'reason', 'userAgent', 'patients', 'purposes']));
  });

  it('use one parameter for a filter that looks in two places', () => {
    const { where, parameters } = conditionsOf(queryOf({ outcome: 'allowed', patient: 'p1' }), undefined);
    expect(where).toBe('WHERE r.outcome = $1 AND (r.patient = $2 OR r.patients @> ARRAY[$2::text])');
    expect(parameters).toEqual(['allowed', 'p1']);
  });

  it('begin after the place that the cursor names', () => {
    const place = ['2026-01-01T00:00:00.000001Z', 'id'];
    expect(conditionsOf(queryOf({ type: 't' }), place)).toEqual({
      where: 'WHERE r.type = $1 AND (r.time, r.id) < ($2::timestamptz, $3::text)',
      parameters: ['t', ...place],
    });
  });
});
