/** Tests that `search_path` is read as the server reads it: from text at startup and in `set_config`, name by name in SET. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { formatSearchPath, isSearchPath, parseSearchPath } from '../../src/guard/search-path.ts';
import { maySet } from '../../src/guard/settings.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SCHEMAS = ['Public', 'my schema', 'a,b', 'say "x"', 'é', 'É', 'éa', ' public', '\u00a0', '\u00a0a', '1'];

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  for (const name of SCHEMAS) await database.query(`CREATE SCHEMA "${name.replaceAll('"', '""')}"`);
});
afterAll(() => database.drop());

it.each([
  'public',
  ' PUBLIC\t,\n"Public" ',
  '"my schema","a,b", "say ""x"""',
  'É,é,ÉA,éA',
  '" public",public',
  '\u00a0,\u00a0A',
  '1',
])('%j is the list that the server makes of it', async (text) => {
  await database.query("SELECT set_config('search_path', $1, false)", [text]);
  const [row] = await database.query('SELECT current_schemas(false)::text[] AS path');
  expect(parseSearchPath(text)?.filter((name) => name === 'public' || SCHEMAS.includes(name))).toEqual(row?.path);
});

it.each(['', ' ', 'a,', ',a', '"a', 'a b', '""', 'a"b"'])('%j is no list', (text) => {
  expect(parseSearchPath(text)).toBeUndefined();
});

it('what is written is read back', () => {
  expect(parseSearchPath(formatSearchPath(SCHEMAS))).toEqual(SCHEMAS);
});

it.each([
  [['public', 'My Schema'], 'allowed'],
  [undefined, 'allowed'],
  [['public'], 'pinned'],
  [['My Schema', 'public'], 'pinned'],
  [['$user', 'public', 'My Schema'], 'pinned'],
  [['public', 'my schema'], 'pinned'],
  [['public, My Schema'], 'pinned'],
  [[' public', 'My Schema'], 'pinned'],
  [[], 'pinned'],
] as const)('SET to %j is %s', (values, expected) => {
  expect(maySet('SEARCH_PATH', values, ['public', 'My Schema'])).toBe(expected);
});

it('an unreadable list is no path', () => {
  expect(isSearchPath(undefined, [])).toBe(false);
});
