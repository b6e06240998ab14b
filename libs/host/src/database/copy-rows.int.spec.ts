import fc from 'fast-check';
import { Client } from 'pg';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { copyOn } from './copy-rows.js';
import { storableJson } from './storable.js';

const COLUMNS = ['id', 'words', 'number', 'texts', 'json'];
const TABLE = '(id integer PRIMARY KEY, words text, number bigint, texts text[], json jsonb)';

const words = fc.string({ unit: 'binary', maxLength: 20 });
/** What COPY's format, arrays and JSON give a meaning to. */
const awkward = fc.constantFrom(
  '\\',
  '\\N',
  '\\.',
  '\t',
  '\n',
  '\r\n',
  '"',
  '{}',
  ',',
  'NULL',
  '',
  "'",
  'a\0b',
  '\ud800',
  '\\u0000',
);
const text = fc.oneof(
  words,
  awkward,
  fc.array(awkward, { maxLength: 5 }).map((parts) => parts.join('x')),
);
const row = fc.record({
  words: fc.option(text, { nil: undefined }),
  number: fc.option(fc.maxSafeInteger(), { nil: null }),
  texts: fc.option(fc.array(text, { maxLength: 4 }), { nil: undefined }),
  json: fc.option(fc.dictionary(text, fc.oneof(text, fc.integer(), fc.array(text, { maxLength: 3 }))), { nil: null }),
});

describe('rows that are copied', () => {
  let own: Isolation;
  let client: Client;

  beforeAll(async () => {
    own = await isolate();
    client = new Client({ connectionString: own.databaseUrl });
    await client.connect();
    await client.query(`CREATE TABLE copied ${TABLE}`);
    await client.query(`CREATE TABLE inserted ${TABLE}`);
  });
  afterAll(async () => {
    await client.end();
    await own.dispose();
  });

  const query = async <Row>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> =>
    (await client.query(sql, [...parameters])).rows as Row[];
  const copy = () => copyOn(() => Promise.resolve(client), query);
  // As text: JSON.parse of Node 24.21 reads the key "\t" as "\\" where an object like it had that one before.
  const rowsOf = async (table: string) =>
    await query(`SELECT id, words, number, texts, json::text FROM ${table} ORDER BY id`);

  it('are those that INSERT makes of the same values, whatever these are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 40 }), async (values) => {
        const rows = values.map((value, id) => ({ id, ...value }));
        await client.query('BEGIN');
        const isCopied = await copy()('copied', COLUMNS, rows);
        await query(
          `INSERT INTO inserted SELECT * FROM jsonb_to_recordset($1::jsonb) AS r (id integer, words text, number bigint, texts text[], json jsonb)`,
          [storableJson(rows)],
        );
        const [copied, inserted] = [await rowsOf('copied'), await rowsOf('inserted')];
        await client.query('ROLLBACK');
        expect(isCopied).toBe(true);
        expect(copied).toHaveLength(rows.length);
        expect(copied).toEqual(inserted);
      }),
      { numRuns: 60 },
    );
  });

  it('are none when one of them is there already, and the transaction goes on', async () => {
    await client.query('BEGIN');
    await copy()('copied', COLUMNS, [{ id: 2, words: 'first' }]);
    expect(await copy()('copied', COLUMNS, [{ id: 1 }, { id: 2, words: 'second' }, { id: 3 }])).toBe(false);
    expect(await copy()('copied', COLUMNS, [{ id: 4 }])).toBe(true);
    await client.query('COMMIT');
    expect(await query('SELECT id, words FROM copied ORDER BY id')).toEqual([
      { id: 2, words: 'first' },
      { id: 4, words: null },
    ]);
  });

  it('fail loudly for any other reason', async () => {
    await client.query('BEGIN');
    await expect(copy()('copied', ['id', 'nothing'], [{ id: 9, nothing: 'x' }])).rejects.toThrow('nothing');
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await expect(copy()('copied', COLUMNS, [{ id: 'no number' }])).rejects.toThrow('integer');
    await client.query('ROLLBACK');
    expect(await query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });
});
