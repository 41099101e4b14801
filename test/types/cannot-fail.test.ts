/** Tests every entry of the list of functions that cannot fail, at the server, over awkward values of its types: no error, no notice. */
import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isField, isUtc } from '../../src/sql/analyze/argument-facts.ts';
import { isLeakproofLike, isLeakproofLikeWithEscape, isLeakproofRegexLiteral } from '../../src/sql/analyze/pattern.ts';
import { knownEntries, knownOutputs, type Needs } from '../../src/sql/types/cannot-fail.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { AWKWARD, awkwardTables, collate, ELEMENT, LONG, POLYMORPHIC } from './awkward.ts';

let database: FreshDatabase;
let client: pg.Client;
const notices: string[] = [];
beforeAll(async () => {
  database = await freshDatabase();
  for (const sql of awkwardTables()) await database.query(sql);
  await database.query(OBJECTS);
  await database.query(
    'INSERT INTO awkward_oid SELECT DISTINCT n FROM (SELECT objid AS n FROM pg_depend UNION SELECT oid FROM pg_class UNION SELECT oid FROM pg_proc WHERE oid::bigint % 9 = 0) AS o',
  );
  await database.query(`CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`);
  client = await database.connect();
  client.on('notice', (notice) => notices.push(String(notice.message)));
});
afterAll(() => database.drop());

/** The entries as the server spells their types. */
interface Entry {
  readonly name: string;
  readonly args: readonly string[];
  readonly needs: Needs;
}

async function entries(): Promise<Entry[]> {
  const rows = await database.query<{ oid: number; typname: string }>('SELECT oid::int, typname FROM pg_type');
  const names = new Map(rows.map(({ oid, typname }) => [oid, typname]));
  return [...knownEntries()].map(([signature, needs]) => {
    const [, name, oids] = /^(\w+)\((.*)\)$/.exec(signature)!;
    return { name: name!, args: oids === '' ? [] : oids!.split(',').map((oid) => names.get(Number(oid))!), needs };
  });
}

const FIELDS =
  'century day decade dow doy epoch hour isodow isoyear julian microseconds millennium milliseconds minute month quarter second timezone week year'.split(
    ' ',
  );
const FIELD_TYPES: Readonly<Record<string, number>> = {
  date: 1082,
  timestamp: 1114,
  timestamptz: 1184,
  time: 1083,
  timetz: 1266,
  interval: 1186,
};
const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const PATTERNS = [
  '',
  '%',
  '_',
  'a%b_c',
  '%\\%%',
  '\\\\',
  'a\\\\\\\\',
  '%é%',
  '\\a',
  '%_%_%',
  `${'%a'.repeat(999)}`,
  'ﬁ%',
];
const REGEXES = [
  '^petit40[0-3]$',
  'a',
  '^$|a'.slice(3),
  '(a|b)+c?',
  '[a-z]{2,4}',
  '\\d+\\.\\d*',
  '^(é|ß)*.$',
  '[^a-z0-9_-]',
  '((a*)*)*',
  "o'",
];

/** For an argument that is judged by its constant: constants that pass, `args` of them by place. A need that is not here has none. */
const CONSTANTS: Readonly<
  Partial<Record<Needs, (args: readonly string[]) => Readonly<Record<number, readonly string[]>>>>
> = {
  pattern: () => ({ 1: PATTERNS.map(quoted) }),
  'regular expression': () => ({ 1: REGEXES.map(quoted) }),
  field: (args) => ({ 0: FIELDS.filter((field) => isField(FIELD_TYPES[args[1]!]!, field)).map(quoted) }),
  utc: () => ({ 0: ['Etc/UTC', 'etc/utc'].map(quoted) }),
  divisor: (args) => ({ 1: ['1', '2', '-2', '7', '32767'].map((n) => `${n}::${args[1]}`) }),
  length: () => ({ 2: ['0', '1', '2147483647'] }),
  width: () => ({ 1: ['0', '1', '1000'] }),
  part: () => ({ 2: ['1', '-1', '2147483647', '-2147483648'] }),
  removes: () => ({ 2: ["''"] }),
  clock: (args) => ({
    0: [args[0] === 'date' ? 'CURRENT_DATE' : 'now()'],
    1:
      args[1] === 'int4'
        ? ['1000000', '-1000000']
        : ["interval '999 years'", "interval '-999 years'", "interval '1 day'"],
  }),
  'own modifier': () => ({ 1: ['NULL'] }),
  'constant query': () => ({ 1: QUERIES }),
  'constant query first': () => ({ 0: QUERIES }),
};
const QUERIES = [
  "to_tsquery('simple', 'a & !b | c:*')",
  "'a <-> b'::tsquery",
  "to_tsquery('simple', 'w1 & (w2 | !w3)')",
];

/** Columns for functions that are judged by the catalog's column in their argument. */
const COLUMNS: Readonly<Partial<Record<Needs, readonly string[]>>> = {
  'stored expression': [
    ...[
      'pg_attrdef adbin adrelid',
      'pg_class relpartbound oid',
      'pg_constraint conbin conrelid',
      'pg_index indexprs indrelid',
    ],
    ...['pg_index indpred indrelid', 'pg_partitioned_table partexprs partrelid', 'pg_statistic_ext stxexprs stxrelid'],
    ...['pg_proc proargdefaults 0', 'pg_type typdefaultbin 0'],
  ],
  'own modifier': ['pg_attribute atttypid atttypmod', 'pg_type typbasetype typtypmod', 'pg_attribute atttypid NULL'],
};

/** Objects of each kind that has such a column. */
const OBJECTS = `
CREATE TABLE objects (id serial PRIMARY KEY, span interval day to second(3) DEFAULT interval '1 day', code bit(3), name varchar(9) CHECK (name <> ''),
  size numeric(8, 2) GENERATED ALWAYS AS (length(name)) STORED, list timestamp(2)[], at time(1) with time zone);
CREATE INDEX ON objects (lower(name), (size + 1)) WHERE id > 7;
CREATE STATISTICS objects_together ON lower(name), size FROM objects;
CREATE DOMAIN short AS varchar(7) DEFAULT 'x' CHECK (VALUE <> '');
CREATE TABLE parts (id integer, day date) PARTITION BY RANGE ((id + 1), day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1, MINVALUE) TO (7, MAXVALUE);
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON objects FOR EACH ROW WHEN (OLD.id <> NEW.id) EXECUTE FUNCTION touched('x');
CREATE FUNCTION defaulted(a integer DEFAULT 7, VARIADIC b short[] DEFAULT '{}') RETURNS TABLE (c text) LANGUAGE sql AS 'SELECT $2[1]';
COMMENT ON COLUMN objects.name IS 'a name'`;

/** `a0.v`, from the table of that type, or one of the constants. */
function calls({ name, args, needs }: Entry): string[] {
  const given = (COLUMNS[needs] ?? []).map((words) => {
    const [catalog, ...columns] = words.split(' ');
    return `${called(name, [...columns, ...args.slice(2).map(() => 'true')])} FROM pg_catalog.${catalog} OFFSET 0) AS all_of_them`;
  });
  if (needs === 'stored expression') return given;
  return [...given, ...generated({ name, args, needs })];
}

function generated({ name, args, needs }: Entry): string[] {
  const found: string[] = [];
  const constants = CONSTANTS[needs]?.(args) ?? {};
  const generic = args.find((arg) => arg in POLYMORPHIC);
  for (const kind of generic === undefined ? [''] : POLYMORPHIC[generic]!) {
    const types = args.map((arg) => (arg === 'anyelement' ? ELEMENT[kind]! : arg in POLYMORPHIC ? kind : arg));
    let choices: string[][] = [[]];
    types.forEach((_type, i) => {
      choices = choices.flatMap((chosen) => (constants[i] ?? [`a${i}.v`]).map((value) => [...chosen, value]));
    });
    const tables = types.flatMap((type, i) => (constants[i] ? [] : [`"awkward_${type}" AS a${i}`]));
    for (const chosen of choices)
      found.push(`${called(name, chosen)} FROM ${tables.join(', ') || '(SELECT) AS none'} OFFSET 0) AS all_of_them`);
  }
  return found;
}

const VARIADIC = new Set(['jsonb_extract_path', 'jsonb_extract_path_text']);

/** Without its end: the rows are added. A set-returning function is not allowed in an aggregate. */
function called(name: string, args: readonly string[]): string {
  const given = VARIADIC.has(name) ? `${args.slice(0, -1).join(', ')}, VARIADIC ${args.at(-1)}` : args.join(', ');
  return `SELECT count(x) FROM (SELECT pg_catalog."${name}"(${given}) AS x`;
}

/** The error or notice; undefined without one. */
async function problem(sql: string): Promise<string | undefined> {
  notices.length = 0;
  try {
    await client.query(sql);
  } catch (error) {
    return `${sql}: ${(error as Error).message}`;
  }
  return notices.length > 0 ? `${sql}: ${notices[0]}` : undefined;
}

async function problems(statements: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const sql of statements) found.push(...((await problem(sql)) ?? []).toString().split('\n').filter(Boolean));
  return found;
}

describe.each(['UTC', 'America/New_York', 'Asia/Tokyo'])('in %s', (zone) => {
  beforeAll(async () => {
    await client.query(`SET timezone = '${zone}'`);
  });

  test('no entry fails', async () => {
    const all = await entries();
    // Where the zone changes nothing, once is enough.
    const moved = all.filter(({ args }) => zone === 'UTC' || args.some((arg) => /time|date/.test(arg)));
    expect(await problems(moved.flatMap(calls))).toEqual([]);
  });

  test('no output function that is taken fails', async () => {
    const outputs = await database.query<{ typname: string; typoutput: string }>(
      `SELECT typname, typoutput::text FROM pg_type WHERE typnamespace IN ('pg_catalog'::regnamespace, 'public'::regnamespace)`,
    );
    const tried = outputs.filter(({ typname, typoutput }) => knownOutputs.has(typoutput) && typname in AWKWARD);
    expect(new Set(tried.map(({ typoutput }) => typoutput))).toEqual(knownOutputs);
    const statements = tried.flatMap(({ typname }) =>
      ['text', 'varchar', 'bpchar'].map((to) => `SELECT count(v::${to}) FROM "awkward_${typname}"`),
    );
    expect(await problems(statements)).toEqual([]);
  });
});

describe.each(['"und-x-icu"', 'loose'])('where columns have the collation %s', (collation) => {
  beforeAll(async () => {
    for (const sql of collate(collation)) await database.query(sql);
  });
  afterAll(async () => {
    for (const sql of collate('"default"')) await database.query(sql);
  });

  test('no entry fails that does not ask for another', async () => {
    const asks: readonly Needs[] = ['no collation', 'pattern', 'regular expression', 'part', 'removes'];
    const all = (await entries()).filter(({ args }) => args.some((arg) => /text|bpchar|anyarray/.test(arg)));
    const tried = all.filter(({ needs }) => collation !== 'loose' || !asks.includes(needs));
    expect(await problems(tried.flatMap(calls))).toEqual([]);
  });
});

test('no entry fails on a long value', async () => {
  const all = (await entries()).map((entry) => ({
    ...entry,
    args: entry.args.map((arg) => (arg === 'anyarray' ? '_text' : arg)),
  }));
  const long = all.filter(({ args }) => args.length > 0 && args[0] !== 'int4' && args.every((arg) => arg in LONG));
  const statements = long.map(({ name, args, needs }) => {
    const constants = CONSTANTS[needs]?.(args) ?? {};
    const given = args.map(
      (arg, i) => constants[i]?.[0] ?? `${LONG[arg]![i === 0 ? 1 : 0]}::${arg === '_text' ? 'text[]' : arg}`,
    );
    return `${called(name, given)} OFFSET 0) AS one`;
  });
  expect(statements.length).toBeGreaterThan(50);
  expect(await problems(statements)).toEqual([]);
});

test('no subscript fails', async () => {
  const numbers = `(SELECT v AS i FROM awkward_int4) AS a, (SELECT v AS j FROM awkward_int4) AS b`;
  const subscripts = ['[i]', '[i][j]', '[i:]', '[:i]', '[i:j]', '[i:j][j:i]', '[:][i:j]'];
  const arrays = POLYMORPHIC.anyarray!.flatMap((type) =>
    subscripts.map((subscript) => `SELECT count(v${subscript}) FROM "awkward_${type}", ${numbers}`),
  );
  const documents = ['[i]', '[i][j]', "['a'][i]", "['a']['b'][0]"].map(
    (subscript) => `SELECT count(v${subscript}) FROM awkward_jsonb, ${numbers}`,
  );
  expect(await problems([...arrays, ...documents])).toEqual([]);
});

/** Functions that were seen failing, or whose result grows without end: they must stay out of the list. */
const TRAPS: readonly (readonly [name: string, ...args: string[]])[] = [
  ['abs', 'int4'],
  ['int8um', 'int8'],
  ['int4pl', 'int4', 'int4'],
  ['float8', 'numeric'],
  ['numeric_add', 'numeric', 'numeric'],
  ['ceil', 'numeric'],
  ['date_pli', 'date', 'int4'],
  ['date_mi', 'date', 'date'],
  ['timestamp', 'date'],
  ['timestamptz', 'timestamp'],
  ['date_trunc', 'text', 'timestamp'],
  ['interval_um', 'interval'],
  ['substr', 'text', 'int4', 'int4'],
  ['jsonb_array_length', 'jsonb'],
  ['array_position', 'anyarray', 'anyelement'],
  ['textregexeq', 'text', 'text'],
  ['textlike', 'text', 'text'],
];

test.each(TRAPS)('the values find out %s', async (name, ...args) => {
  const kinds = args.map((arg) => (arg === 'anyarray' ? '_int4' : arg === 'anyelement' ? 'int4' : arg));
  const tried = calls({ name, args: kinds, needs: 'nothing' }).map((sql) =>
    name === 'date_trunc' ? sql.replace('a0.v', "'millennium'") : sql,
  );
  // West of Greenwich, where the last hours of time lie beyond its end.
  await client.query(`SET timezone = 'America/New_York'`);
  expect(await problems(tried)).not.toEqual([]);
});

test('every entry is a function of this server that leaves no trace', async () => {
  const rows = await database.query<{ signature: string }>(
    `SELECT proname || '(' || array_to_string(proargtypes::oid[], ',') || ')' AS signature FROM pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND provolatile <> 'v'`,
  );
  const there = new Set(rows.map(({ signature }) => signature));
  expect([...knownEntries().keys()].filter((signature) => !there.has(signature))).toEqual([]);
});

test('every entry that is judged by a constant has constants here, and every type awkward values', async () => {
  const judged: readonly Needs[] = ['nothing', 'no collation', 'comparable elements', 'built-in range'];
  for (const { name, args, needs } of await entries()) {
    if (COLUMNS[needs]) continue;
    if (!judged.includes(needs)) expect(CONSTANTS[needs], `${name} needs a ${needs}`).toBeDefined();
    const constants = CONSTANTS[needs]?.(args) ?? {};
    for (const [i, arg] of args.entries()) {
      const known = arg === 'anyelement' || arg in POLYMORPHIC || arg in AWKWARD || i in constants;
      expect(known, `${name}: no awkward values of ${arg}`).toBe(true);
    }
    for (const values of Object.values(constants)) expect(values.length).toBeGreaterThan(0);
  }
  expect(PATTERNS.filter((pattern) => !isLeakproofLike(pattern))).toEqual([]);
  expect(REGEXES.filter((regex) => !isLeakproofRegexLiteral(regex))).toEqual([]);
  expect(['Etc/UTC', 'etc/utc'].every(isUtc)).toBe(true);
  expect(['UTC', 'utc', 'GMT', 'Z'].some(isUtc)).toBe(false);
});

/** Pieces that regular expressions are made of, whether they fit together or not. */
const piece = fc.constantFrom(
  ...[
    'a',
    'é',
    '-',
    ' ',
    '.',
    '\\d',
    '\\.',
    '\\(',
    '[a-z]',
    '[^0-9x]',
    '[z-a]',
    '[a-]',
    '*',
    '+',
    '?',
    '{2}',
    '{1,3}',
    '{3,1}',
    '{0}',
  ],
  ...['(', ')', '|', '^', '$', '\\1', '(?i)', '[[:alpha:]]', '\\', '{', '[', ']'],
);

test('an accepted regular expression compiles and runs', async () => {
  const drawn = fc
    .sample(fc.array(piece, { maxLength: 9 }), { numRuns: 20_000, seed: 4 })
    .map((parts) => parts.join(''));
  const sound = [...new Set(drawn.filter(isLeakproofRegexLiteral))].slice(0, 2000);
  expect(sound.length).toBeGreaterThan(500);
  const sql = `SELECT count(*) FROM unnest($1::text[]) AS p, (SELECT left(v, 200) AS v FROM awkward_text) AS a WHERE v ~ p OR v ~* p`;
  await expect(client.query(sql, [sound])).resolves.toBeDefined();
});

test('an accepted pattern ends in no lone escape, whatever the escape is', async () => {
  const character = fc.constantFrom('a', '%', '_', '\\', '!', 'é', '😀');
  const drawn = fc.sample(fc.tuple(fc.array(character, { maxLength: 6 }), fc.constantFrom('\\', '!', '', '😀', '!!')), {
    numRuns: 4000,
    seed: 4,
  });
  for (const [parts, by] of drawn) {
    const pattern = parts.join('');
    if (!isLeakproofLikeWithEscape(pattern, by)) continue;
    // Long enough to reach the pattern's end: the text is the pattern without its wildcards.
    const sql = `SELECT t LIKE like_escape($1, $2), t LIKE like_escape($1, $2) || 'x' FROM (VALUES ($1), (replace($1, $2, '')), ('a'), ('')) AS v(t)`;
    await expect(client.query(sql, [pattern, by]), `${pattern} ESCAPE ${by}`).resolves.toBeDefined();
  }
});
