/**
 * Tests types of subject keys: an accepted type counts each person once, in every format and whatever a session has set; a type that could count one
 * person as two, or two as one, is withheld.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { grantsOfTables } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { addKeys, isReadable } from '../../src/session/results/key-text.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { catalogOf, environment } from './environment.ts';

const MAKE = `
  CREATE DOMAIN ine AS varchar(11);
  CREATE DOMAIN old_number AS numeric(12);
  CREATE DOMAIN born AS date;
  CREATE TYPE colour AS ENUM ('red', 'green');
  CREATE TYPE two AS (a int, b int);
  CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE COLLATION own (provider = icu, locale = 'fr');
`;

/** With values; some are equal in other spellings. */
const TAKEN: readonly (readonly [type: string, ...values: string[]])[] = [
  ['smallint', '1', '01', '-1', '32767'],
  ['integer', '1', ' 1', '-1', '2147483647'],
  ['bigint', '1', '+1', '-9223372036854775808', '9223372036854775807'],
  ['numeric(10)', '1', '1.00', '1e0', '0', '-0', '10000', '-10000', '123450000', 'NaN', '9999999999'],
  ['numeric(5,-3)', '1000', '1001', '-99999000'],
  ['numeric(1000,-1000)', '0', `1${'0'.repeat(1999)}`],
  ['old_number', '7', '7.0'],
  ['uuid', 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}', '0'.repeat(32)],
  ['text', 'a', 'A', 'a ', 'é', 'e\u0301', ''],
  ['varchar(3)', 'a', 'a ', 'b'],
  ['ine', '1234567890A', '1234567890a'],
  ['name', 'a', 'a ', 'NULL'],
  ['char(4)', 'a', 'a ', 'ab', ''],
  ['text COLLATE "C"', 'a', 'A'],
  ['integer[]', '{1,2}', '{2,1}', '{1,NULL}', '[0:1]={1,2}', '{{1},{2}}', '{}'],
  ['bigint[]', '{1}', '{ 1 }', '{2}'],
  ['smallint[]', '{1}', '{2}'],
  ['uuid[]', `{${'0'.repeat(32)}}`, `{${'1'.repeat(32)}}`],
  ['text[]', '{a}', '{"a"}', '{"a,b"}', '{"a\\"b\\\\"}', '{"NULL"}', '{NULL}', '{"{1}"}', '{""}', '{"a\nb"}'],
  ['varchar(9)[]', '{"a b"}', '{a}'],
  ['char(4)[]', '{a}', '{"a   "}', '{"a b"}'],
  ['name[]', '{a}', '{"a b"}'],
];

/** A setting may change the text of a value or make one of two, or one value has several texts; enumerations and the rest are not read in binary. */
const WITHHELD: readonly string[] = [
  ...['float8', 'real', 'date', 'born', 'timestamp', 'timestamptz', 'time', 'interval', 'money', 'bytea'],
  ...['numeric', 'numeric(8,2)', 'citext', 'text COLLATE nocase', 'text COLLATE own', 'jsonb', 'int4range'],
  ...['colour', 'two', 'boolean', 'oid', 'float8[]', 'colour[]', 'numeric(5)[]', 'ine[]'],
];

/** Settings that change the text of some types. */
const SETTINGS = [
  'SET extra_float_digits = -15; SET DateStyle = SQL, MDY; SET bytea_output = escape; SET IntervalStyle = sql_standard; SET TimeZone = UTC',
  "SET extra_float_digits = 3; SET DateStyle = German; SET bytea_output = hex; SET IntervalStyle = iso_8601; SET TimeZone = 'Asia/Tokyo'",
];

let database: FreshDatabase;
let client: pg.Client;
let catalog: Catalog;
beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(MAKE);
  await client.query('CREATE EXTENSION citext; CREATE TABLE pupils (id bigint PRIMARY KEY, name text)');
  for (const type of [...TAKEN.map(([type]) => type), ...WITHHELD])
    await client.query(`CREATE TABLE ${tableOf(type)} (n serial, pupil ${type}, mark int)`);
  for (const [type, ...values] of TAKEN)
    for (const value of values) await client.query(`INSERT INTO ${tableOf(type)} (pupil) VALUES ($1)`, [value]);
  catalog = await catalogOf(database.url);
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

const nameOf = (type: string) => `marks of ${type.replaceAll('"', '')}`;
const tableOf = (type: string) => `"${nameOf(type)}"`;

function load(type: string) {
  const name = JSON.stringify(tableOf(type));
  const subjects = `subjects:\n  pupil:\n    keys:\n      - pupils.id\n      - ${JSON.stringify(`${tableOf(type)}.pupil`)}\n`;
  const role = `role: reader\nscope: { pupil: all }\ntables:\n  pupils: { select: { columns: [name] } }
  ${name}: { select: { columns: [pupil, mark] } }\nlimits: none\n`;
  const files = [
    { path: 'subjects.yaml', text: subjects },
    { path: 'roles/reader.yaml', text: role },
  ];
  const { policy, diagnostics } = loadPolicy(files, environment(catalog));
  return {
    tables: grantsOfTables(policy.roles.get('reader')!).map(({ relation }) => relation.name),
    problems: diagnostics.map(formatDiagnostic),
    withholds: diagnostics.every(({ withholds }) => withholds),
  };
}

/** The values as a client gets them, and what the server says of their type. */
async function shown(type: string, format: 0 | 1) {
  const table = tableOf(type);
  const { rows, fields } = await client.query({
    text: `SELECT pupil FROM ${table} ORDER BY n`,
    rowMode: 'array',
    types: AS_IS,
  });
  const oid = fields[0]!.dataTypeID;
  if (format === 0) return { oid, values: rows.map(([value]) => Buffer.from(value)) };
  const send = (await client.query('SELECT typsend::text AS send FROM pg_type WHERE oid = $1', [oid])).rows[0].send;
  const sent = await client.query<{ bytes: Buffer }>(`SELECT ${send}(pupil) AS bytes FROM ${table} ORDER BY n`);
  return { oid, values: sent.rows.map(({ bytes }) => bytes) };
}

const AS_IS = { getTypeParser: () => (value: string) => value } as never;

describe('taken', () => {
  test.each(TAKEN)('%s', async (type) => {
    expect(load(type)).toEqual({ tables: ['pupils', nameOf(type)], problems: [], withholds: true });
    // Each element of an array is a key.
    const key = type.endsWith(']') ? 'unnest(pupil)' : 'pupil';
    const equal = await client.query<{ rows: number[] }>(
      `SELECT array_agg(DISTINCT n ORDER BY n) AS rows FROM (SELECT n, ${key} AS k FROM ${tableOf(type)}) AS m WHERE k IS NOT NULL GROUP BY k`,
    );
    const rowsOfKey = new Map<string, Set<number>>();
    for (const settings of SETTINGS) {
      await client.query(settings);
      for (const format of [0, 1] as const) {
        const { oid, values } = await shown(type, format);
        for (const [at, value] of values.entries()) {
          const keys: string[] = [];
          expect(addKeys(keys, value, oid, format)).toBe(0);
          expect(keys.filter((each) => !isReadable(each))).toEqual([]);
          for (const each of keys) rowsOfKey.set(each, (rowsOfKey.get(each) ?? new Set()).add(at + 1));
        }
      }
    }
    const counted = [...rowsOfKey.values()].map((rows) => [...rows].sort((a, b) => a - b).join());
    expect(counted.sort()).toEqual(equal.rows.map(({ rows }) => rows.join()).sort());
  });
});

describe('withheld', () => {
  test.each(WITHHELD)('%s', (type) => {
    const { tables, problems, withholds } = load(type);
    expect(tables).toEqual(['pupils']);
    expect(withholds).toBe(true);
    expect(problems).toContainEqual(expect.stringMatching(/^subjects\.yaml:5:9: error: .* cannot be a key: /));
  });
});
