/** Tests clients that read no canary: they get what the server gives, in every protocol, without the key column that the guard added. */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WithoutLastColumn } from '../../src/protocol/data-row.ts';
import { Backend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { canaryWorld, type World } from './world.ts';

let world: World;
let guarded: pg.Client;
let direct: pg.Client;
beforeAll(async () => {
  world = await canaryWorld();
  guarded = (await world.reader()).client;
  direct = new pg.Client({ connectionString: world.database.url });
  await direct.connect();
});
afterAll(async () => {
  await direct?.end();
  await world?.stop();
});

const queries = [
  'SELECT name FROM pupils WHERE id < 50 ORDER BY id',
  'SELECT name AS n, class + 1 FROM pupils AS p WHERE p.id < 5 ORDER BY 1 DESC LIMIT 3',
  'SELECT p FROM (SELECT 1) AS one, pupils p WHERE id = 3',
  'SELECT a.name, b.name FROM pupils a LEFT JOIN pupils b ON b.id = a.id + 195 AND b.id < 300 WHERE a.id < 10',
  'SELECT (row_number() OVER (ORDER BY name))::int, name FROM pupils WHERE id < 20',
  'SELECT generate_series(1, 3), name FROM pupils WHERE id < 3',
  'SELECT 1 FROM pupils WHERE id < 0',
  'SELECT repeat(name, 20000) FROM pupils WHERE id < 4',
  'SELECT DISTINCT class FROM pupils WHERE id < 50',
  'SELECT name FROM withheld WHERE length(name) < 8 ORDER BY name',
  'SELECT w.*, 2 AS two FROM withheld w CROSS JOIN masked_short s WHERE w.name = s.name AND length(s.name) < 8',
  'SELECT * FROM (SELECT name, class FROM pupils WHERE id < 9 ORDER BY class LIMIT 5) AS p WHERE class > 2',
  'SELECT p.n, (count(*) OVER ())::int FROM (SELECT DISTINCT ON (class) name FROM pupils WHERE id < 50 ORDER BY class, id) AS p (n)',
  'SELECT q.* FROM (SELECT name, class FROM pupils WHERE id < 5) p, LATERAL (SELECT p.*, 1 AS one) AS q',
  'WITH p AS (SELECT name, class FROM pupils WHERE id < 20) SELECT * FROM p JOIN (SELECT 3 AS class) AS q USING (class)',
  'SELECT a.name, b.* FROM (SELECT name FROM pupils WHERE id < 5) a LEFT JOIN (SELECT 1 AS one, name FROM pupils WHERE id < 3) b USING (name)',
  "UPDATE pupils SET name = name WHERE name = 'pupil 5'",
  "UPDATE pupils SET name = name WHERE name = 'pupil 5' RETURNING name",
  'DELETE FROM pupils WHERE id = 0',
];
/** At the server no column is withheld, so `w.*` is written there as the granted column. */
const ownColumns = (sql: string) => sql.replace('SELECT w.*', 'SELECT w.name');

const modes: [string, Partial<pg.QueryConfig> & { binary?: boolean; rows?: number }][] = [
  ['as a Query', {}],
  ['in text', { values: [] }],
  ['in binary', { values: [], binary: true }],
  ['by name, twice', { name: 'named' }],
  ['in parts', { values: [], rows: 2 }],
];

describe.each(modes)('%s', (_, mode) => {
  it.each(queries)('%s', async (sql) => {
    const name = mode.name && { name: `${mode.name} ${queries.indexOf(sql)}` };
    const queryMode = mode.values && { queryMode: 'extended' };
    const ask = (client: pg.Client, text: string) =>
      client.query({ ...mode, ...queryMode, ...name, text, rowMode: 'array' } as pg.QueryArrayConfig);
    for (let i = 0; i < (mode.name ? 2 : 1); i += 1) {
      const [here, there] = [await ask(guarded, sql), await ask(direct, ownColumns(sql))];
      const what = ({ fields, rows, rowCount, command }: pg.QueryArrayResult) => ({
        fields: fields.map((field) => [field.name, sql.includes('SELECT p ') ? 0 : field.dataTypeID, field.format]),
        rows: rows.map((row) => JSON.stringify(row)).sort(),
        rowCount,
        command,
      });
      expect(what(here)).toEqual(what(there));
    }
  });
});

it('the column is taken out of a row wherever that is cut', () => {
  const whole = dataRow(['a'.repeat(30), null, '  4711']);
  const expected = dataRow(['a'.repeat(30), null]);
  for (let first = 7; first <= whole.length; first += 1) {
    for (let second = first; second <= whole.length; second += 1) {
      const column = new WithoutLastColumn(6);
      const cuts = [...new Set([0, first, second, whole.length])];
      const pieces = cuts.slice(1).map((end, i) =>
        column.take({
          type: whole[0]!,
          length: whole.length,
          bytes: whole.subarray(cuts[i], end),
          first: i === 0,
          last: end === whole.length,
        }),
      );
      expect(Buffer.concat(pieces.map(({ bytes }) => bytes))).toEqual(Buffer.from(expected));
      expect(column.value.toString()).toBe('  4711');
    }
  }
});

it('a last column of another length is not taken for it', () => {
  const whole = dataRow(['a', 'the client’s own']);
  const frame = { type: whole[0]!, length: whole.length, bytes: whole, first: true, last: true };
  expect(() => new WithoutLastColumn(6).take(frame)).toThrow('unexpected column');
});

function dataRow(values: readonly (string | null)[]): Buffer {
  const row = new MessageWriter(Backend.DataRow).int16(values.length);
  for (const value of values) {
    row.int32(value === null ? -1 : Buffer.byteLength(value));
    if (value !== null) row.bytes(Buffer.from(value));
  }
  return Buffer.from(row.finish());
}
