/** Tests long lists of constants, which are judged by a few of their members: the rest changes only their number. */
import * as pgQuery from 'libpg-query';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Bulk, withoutBulk as bulkInSteps } from '../../src/sql/parse/bulk-constants.ts';
import { fuzz, fuzzRuns, type Random } from '../support/random.ts';

beforeAll(() => pgQuery.loadModule());

const rows = (n: number, row: (i: number) => string): string => Array.from({ length: n }, (_, i) => row(i)).join(', ');

/** All steps at once. */
function withoutBulk(text: string, types: readonly number[] = []): Bulk | undefined {
  const steps = bulkInSteps(text, types);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

describe('the members that are left out', () => {
  test.each([
    ['rows of one shape', `INSERT INTO t VALUES ${rows(900, (i) => `(${i}, 'a''${i}')`)}`, 3],
    ['NULL stands for a string', `INSERT INTO t VALUES ${rows(900, (i) => (i % 2 ? `('a${i}')` : '(NULL)'))}`, 3],
    ['one of each shape stays', `INSERT INTO t VALUES ${rows(900, (i) => (i === 500 ? '(5000000000)' : `(${i})`))}`, 4],
    [
      'a function in one row ends the list',
      `INSERT INTO t VALUES ${rows(900, (i) => (i === 700 ? '(now())' : `(${i})`))}`,
      203,
    ],
    ['parameters that stand once, but the highest', `INSERT INTO t VALUES ${rows(900, (i) => `($${i + 1})`)}`, 3],
    ['members of IN', `SELECT 1 FROM t WHERE id IN (${rows(2_000, String)}) AND 1 = 1`, 3],
    ['casts to plain types', `SELECT 1 FROM t WHERE d IN (${rows(900, (i) => `'2026-01-0${i % 9}'::date`)})`, 3],
  ])('%s', (_, text, left) => {
    const bulk = withoutBulk(text);
    expect(bulk?.text.match(/\(|,/g)?.length).toBeLessThan(text.match(/\(|,/g)!.length);
    const members = /VALUES/.test(text) ? bulk!.text.split(/\) *, *\(/) : bulk!.text.split('IN (')[1]!.split(',');
    expect(members).toHaveLength(left);
    expect(pgQuery.fingerprintSync(bulk!.text)).toBe(pgQuery.fingerprintSync(text));
  });

  test.each([
    ['a short list', `INSERT INTO t VALUES ${rows(20, (i) => `(${i}, '${'x'.repeat(400)}')`)}`],
    ['calls', `INSERT INTO t VALUES ${rows(900, (i) => `(f(${i}))`)}`],
    ['casts to types that name relations', `SELECT 1 FROM t WHERE d IN (${rows(900, (i) => `'t${i}'::regclass`)})`],
    ['a parameter used elsewhere', `SELECT f($1) FROM t WHERE d IN (${rows(900, () => '$1')})`],
    ['patterns', `SELECT 1 FROM t WHERE d LIKE ANY (ARRAY[${rows(900, (i) => `'a${i}'`)}])`],
    ['a text with a NUL byte', `INSERT INTO t VALUES ${rows(900, (i) => `(${i})`)}\u0000`],
    ['a list inside a string', `SELECT 'INSERT INTO t VALUES ${rows(900, (i) => `(${i})`)}'`],
    ['a list inside a comment', `SELECT 1 /* VALUES ${rows(900, (i) => `(${i})`)} */`],
    ['a list inside a dollar quote', `SELECT $x$ VALUES ${rows(900, (i) => `(${i})`)} $x$`],
  ])('nothing: %s', (_, text) => {
    expect(withoutBulk(text)).toBeUndefined();
  });
});

test('a parameter of another declared type stays', () => {
  const text = `SELECT 1 FROM t WHERE d IN (${rows(900, (i) => `$${i + 1}`)})`;
  expect(withoutBulk(text, [])!.text).not.toContain('$500');
  expect(
    withoutBulk(
      text,
      Array.from({ length: 900 }, (_, i) => (i === 499 ? 701 : 1700)),
    )!.text,
  ).toContain('$500');
  expect(withoutBulk(text.replace('$7,', '$007,').replace('SELECT 1', 'SELECT $7'), [])!.text).toContain('$007');
});

test('places are found again in the whole text', () => {
  const text = `INSERT INTO t VALUES ${rows(900, (i) => `(${i}, '😀')`)} RETURNING here`;
  const bulk = withoutBulk(text)!;
  expect(bulk.toWhole(bulk.text.indexOf('here'))).toBe(text.indexOf('here'));
  expect(bulk.toWhole(bulk.text.indexOf('INTO'))).toBe(text.indexOf('INTO'));
  const position = [...bulk.text.slice(0, bulk.text.indexOf('here'))].length + 1;
  expect(bulk.positionInWhole(position)).toBe([...text.slice(0, text.indexOf('here'))].length + 1);
  expect(bulk.positionInWhole(8)).toBe(8);
});

test('random lists: the parser makes of the short text what it makes of the whole one, but for the members left out', () => {
  let cut = 0;
  fuzz(fuzzRuns(40, 5_000), (random) => {
    const text = randomText(random);
    const bulk = withoutBulk(text);
    if (!bulk) return;
    const [whole, short] = [treeOf(text), treeOf(bulk.text)];
    expect(short === undefined).toBe(whole === undefined);
    if (whole === undefined) return;
    cut += 1;
    expect(JSON.stringify(shapeOf(short))).toBe(JSON.stringify(shapeOf(whole)));
  });
  expect(cut).toBeGreaterThan(0);
});

const CONSTANTS = [
  ...[
    '1',
    '-7',
    '2147483647',
    '2147483648',
    '-2147483648',
    '9223372036854775807',
    '9223372036854775808',
    '1.5',
    '.5',
    '1e3',
    '0x1F',
    '1_000',
  ],
  ...[
    "'a'",
    "'a''b'",
    "E'a\\'b'",
    "e'\\\\'",
    "'a\\'",
    "'(1), (2)'",
    "'a'\n'b'",
    "U&'\\0041'",
    "B'1'",
    '$$x$$',
    'NULL',
    'null',
    'TRUE',
    'false',
  ],
  ...[
    'DEFAULT',
    '$1',
    "'5'::int",
    '5::int',
    '-5::int',
    "'x'::TEXT",
    "'t'::regclass",
    "'1'::numeric(3)",
    "'x' -- )\n",
    '/* ) */ 3',
    '- 4',
    '+4',
    'a',
    'f(1)',
    '(1)',
    '1+1',
  ],
];

function randomText(random: Random): string {
  const one = (): string => random.pick(CONSTANTS);
  const common = one();
  const member = (): string => (random.once(15) ? one() : common);
  const list = (n: number): string => Array.from({ length: n }, member).join(random.once(3) ? ' ,\n' : ',');
  const row = (width: number): string => `(${list(width)})`;
  const width = 1 + random.int(3);
  const values = Array.from({ length: 100 + random.int(1_000) }, () => row(width)).join(', ');
  switch (random.int(5)) {
    case 0:
      return `INSERT INTO t VALUES ${values} RETURNING *`;
    case 1:
      return `SELECT * FROM (VALUES ${values}) AS v, t WHERE a in (${list(900)}) or b = 1`;
    case 2:
      return `SELECT a NOT IN (${list(900)}), 'VALUES (1), (2)' FROM t`;
    case 3:
      return `SELECT position('a' IN (${list(900)})), t.values, ${values}`;
    default:
      return `INSERT INTO values VALUES ${values}; SELECT 1 IN (${list(1_200)})`;
  }
}

function treeOf(text: string): unknown {
  try {
    return pgQuery.parseSync(text).stmts;
  } catch {
    return undefined;
  }
}

/** The tree without places, constants by their kind, and of like neighbours in a list the kinds that occur. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = value.map((item) => JSON.stringify(shapeOf(item)));
    return value.length < 3 ? shapes : [...new Set(shapes)].sort();
  }
  if (typeof value !== 'object' || value === null) return value;
  if ('A_Const' in value) return kindOf((value as { A_Const: Record<string, unknown> }).A_Const);
  if ('ParamRef' in value) return 'parameter';
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !/location|stmt_len|list_(start|end)/.test(key))
      .map(([key, inner]) => [key, shapeOf(inner)]),
  );
}

function kindOf(constant: Record<string, unknown>): string {
  if ('ival' in constant) return 'integer';
  const digits = (constant.fval as { fval?: string } | undefined)?.fval;
  if (digits !== undefined) {
    if (!/^-?\d+$/.test(digits)) return 'numeric';
    const fits = (bits: number): boolean => BigInt.asIntN(bits, BigInt(digits)) === BigInt(digits);
    return fits(32) ? 'integer' : fits(64) ? 'bigint' : 'numeric';
  }
  return 'boolval' in constant ? 'boolean' : 'bsval' in constant ? 'bit' : 'untyped';
}

test.each([
  ['members', `SELECT 1 FROM t WHERE id IN (${rows(100_000, String)})`],
  ['rows', `INSERT INTO t VALUES ${rows(40_000, (i) => `(${i}, '${i}')`)}`],
  ['parameters', `SELECT 1 FROM t WHERE id IN (${rows(60_000, (i) => `$${i + 1}`)})`],
  ['tokens of no list', `SELECT ${rows(100_000, String)}`],
])('a megabyte of %s is read in steps', (_, text) => {
  const steps = bulkInSteps(text);
  let count = 1;
  while (!steps.next().done) count += 1;
  // A step reads 20,000 tokens at most; for tokens that cut the list there is one look each.
  expect(count).toBeGreaterThanOrEqual(text.length / 100_000);
});
