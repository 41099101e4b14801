/** Values that break careless code, by type, as a column may hold them. Each is an SQL expression of that type. */

import { serverVersion } from '../support/postgres.ts';

const FAR_DATES = [
  "'infinity'",
  "'-infinity'",
  "'4714-11-24 BC'",
  "'5874897-12-31'",
  "'0001-02-29 BC'",
  "'2024-02-29'",
  "'2026-12-31'",
];
const FAR_TIMES = [
  "'infinity'",
  "'-infinity'",
  "'4714-11-24 00:00 BC'",
  "'294276-12-31 23:59:59.999999'",
  "'1883-11-18 12:03:58'",
  "'2026-03-29 02:30'",
  "'0044-03-15 BC'",
];
const TEXTS = [
  "''",
  "' '",
  String.raw`E'\\'`,
  String.raw`E'a\\\\b\\'`,
  "'%'",
  "'a%_b'",
  "'x''y\"z'",
  "'Ǆ ŉ ß İ ı ﬁ Σίσυφος'",
  String.raw`E'e\u0301\u200d\ufeff'`,
  String.raw`E'\U0001F9D2\U0001F3FD \U0010FFFF \uE000'`,
  String.raw`E'\u0001\n\r\t\u0085\u2028'`,
  "'NaN'",
  "'1e400'",
  "'-2147483648'",
  '\'{"a": "\\u0000"}\'',
  "'($[*'",
  "repeat('a', 1500)",
  "repeat('ßİ%\\', 400)",
];
const NUMBERS = ["'NaN'", "'Infinity'", "'-Infinity'", "'0'", "'-0'", "'1.5'", "'-1.5'"];

/** By the name that pg_type has. */
export const AWKWARD: Readonly<Record<string, readonly string[]>> = {
  bool: ['true', 'false'],
  bytea: [String.raw`'\x'`, String.raw`'\x00ff5c'`, String.raw`'\x5c'`, "decode(repeat('00ff', 100000), 'hex')"],
  char: ["''", "'a'", String.raw`E'\\377'`],
  name: TEXTS.slice(0, 14),
  int2: ['-32768', '32767', '0', '1', '-1'],
  int4: ['-2147483648', '2147483647', '0', '1', '-1', '7'],
  int8: ["'-9223372036854775808'", "'9223372036854775807'", '0', '1', '-1'],
  text: TEXTS,
  oid: ['0', "'4294967295'", '25'],
  // By OID: of objects, and of none.
  regclass: ['0', '4294967295', '1259', '25'],
  regtype: ['0', '4294967295', '25', '1259'],
  regproc: ['0', '4294967295', '1242', '25'],
  regprocedure: ['0', '4294967295', '1242', '25'],
  regnamespace: ['0', '4294967295', '11', '25'],
  regrole: ['0', '4294967295', '10', '25'],
  float4: [...NUMBERS, "'3.4e38'", "'1e-45'"],
  float8: [...NUMBERS, "'1.7e308'", "'-1.7e308'", "'5e-324'"],
  inet: ["'0.0.0.0/0'", "'10.1.2.3/8'", "'255.255.255.255'", "'::/0'", "'::ffff:1.2.3.4/96'", "'fe80::1'"],
  cidr: ["'0.0.0.0/0'", "'10.0.0.0/8'", "'::1/128'"],
  macaddr: ["'00:00:00:00:00:00'", "'ff:ff:ff:ff:ff:ff'"],
  uuid: ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
  bpchar: TEXTS.slice(0, 16),
  varchar: TEXTS,
  date: FAR_DATES,
  time: ["'00:00'", "'24:00'", "'23:59:59.999999'"],
  timetz: ["'00:00+15:59'", "'24:00-15:59'", "'12:00Z'"],
  timestamp: FAR_TIMES,
  timestamptz: FAR_TIMES.map((time) => time.replace(/( BC)?'$/, "+00$1'").replace("infinity+00'", "infinity'")),
  interval: [
    ...(serverVersion() >= 17 ? ["'infinity'", "'-infinity'"] : []),
    "'178000000 years'",
    "'-178000000 years'",
    "'2147483647 days'",
    "'-2147483648 days'",
    "'1 month -30 days 1 us'",
    "'0'",
  ],
  numeric: [
    ...NUMBERS,
    "'1e131071'",
    "'-1e131071'",
    "repeat('9', 131072)",
    "repeat('9', 131072) || '.5'",
    "'0.' || repeat('0', 16382) || '1'",
    "'1e400'",
    "'-1e-400'",
  ],
  json: ["'null'", String.raw`'{"a": "\u0000"}'`, "'[1e400]'"],
  jsonb: [
    "'null'",
    "'{}'",
    "'[]'",
    "'0'",
    '\'"a"\'',
    "'true'",
    String.raw`'{"a": {"b": [1, "x", null, {"c": -1e400}]}, "": "é", "\\": 1}'`,
    '\'[[], {}, [[1]], "a", null]\'',
    "(repeat('[', 3000) || repeat(']', 3000))",
    "(repeat('{\"a\":', 2000) || '1' || repeat('}', 2000))",
    '(SELECT jsonb_object_agg(i, i) FROM generate_series(1, 3000) AS i)',
  ],
  tsvector: [
    "''",
    "'a:1 b:2A,3B'",
    "repeat('w', 2000)",
    "(SELECT string_agg('w' || i || ':' || i, ' ') FROM generate_series(1, 5000) AS i)",
  ],
  mood: ["'low'", "'high'", "'middle'"],
  _int4: [
    "'{}'",
    "'{NULL}'",
    "'{1,2,3}'",
    "'[-5:-3]={1,NULL,3}'",
    "'{{1,2},{3,4}}'",
    "'[2:2][7:8][1:1]={{{1},{2}}}'",
    "'[2147483646:2147483646]={1}'",
  ],
  _text: ["'{}'", "'{NULL}'", `'{a,"",NULL}'`, "'{{a,b},{c,d}}'", "'[-1:1]={a,b,c}'", `'{"0","-1","99999999999","a"}'`],
  _numeric: ["'{}'", "'{NaN,Infinity,-1e131071}'", "'{{1},{2}}'"],
  _jsonb: ["'{}'", `'{"{}",null,"[1]"}'`],
  _mood: ["'{}'", "'{low,NULL,high}'"],
  _timestamptz: ["'{}'", "'{infinity,-infinity}'"],
  int4range: ["'empty'", "'(,)'", "'[1,5)'", "'[-2147483648,2147483647)'", "'[2147483647,)'"],
  int8range: ["'empty'", "'(,)'", "'[1,5)'"],
  numrange: ["'empty'", "'(,)'", "'[1.5,1e131071]'", "'[NaN,NaN]'", "'(-Infinity,Infinity)'"],
  daterange: ["'empty'", "'(,)'", "'[-infinity,infinity]'", "'[2026-01-01,2026-02-01)'", "'[,5874897-12-31)'"],
  tsrange: ["'empty'", "'(,)'", "'[-infinity,infinity]'"],
  tstzrange: ["'empty'", "'(,)'", "'[2026-01-01,)'"],
};

/** A mild value and a long one: for the first argument alone, since many functions take the product of their arguments' lengths. */
export const LONG: Readonly<Record<string, readonly [mild: string, long: string]>> = {
  text: ["'a'", "repeat('ßİa%', 60000)"],
  bpchar: ["'a'", "repeat('ßİa%', 60000)"],
  bytea: [String.raw`'\x5c'`, "decode(repeat('00ff5c', 300000), 'hex')"],
  jsonb: ["'{}'", "(SELECT jsonb_object_agg(i, repeat('x', 100)) FROM generate_series(1, 50000) AS i)"],
  _text: ["'{a}'", '(SELECT array_agg(i::text) FROM generate_series(1, 200000) AS i)'],
  int4: ['1', '1'],
};

/** The types of a polymorphic argument; all of one call are of the same. */
export const POLYMORPHIC: Readonly<Record<string, readonly string[]>> = {
  anyarray: ['_int4', '_text', '_numeric', '_jsonb', '_mood', '_timestamptz'],
  anyenum: ['mood'],
  anyrange: ['int4range', 'int8range', 'numrange', 'daterange', 'tsrange', 'tstzrange'],
};

/** The element of each range. */
export const ELEMENT: Readonly<Record<string, string>> = {
  int4range: 'int4',
  int8range: 'int8',
  numrange: 'numeric',
  daterange: 'date',
  tsrange: 'timestamp',
  tstzrange: 'timestamptz',
};

/** Types that have a collation. */
const COLLATED = ['text', 'varchar', 'bpchar', '_text'];

/** A table `awkward_TYPE (v TYPE)` for each, with a NULL in it. */
export function awkwardTables(): string[] {
  const tables = Object.entries(AWKWARD).map(([type, values]) => {
    const written = type.startsWith('_') ? `${type.slice(1)}[]` : type === 'char' ? '"char"' : type;
    // Their text is a name, but for a number that is read as one.
    const first = type.startsWith('reg') ? 'oid' : 'text';
    const rows = ['NULL', ...values].map((value) => `((${value})::${first}::${written})`);
    return `CREATE TABLE "awkward_${type}" (v ${written}); INSERT INTO "awkward_${type}" VALUES ${rows.join(', ')}`;
  });
  // In steps: a new value of an enum is not there before its transaction ends.
  return ["CREATE TYPE mood AS ENUM ('low', 'high')", "ALTER TYPE mood ADD VALUE 'middle' BEFORE 'high'", ...tables];
}

/** Gives every column of text that collation. */
export function collate(collation: string): string[] {
  return COLLATED.map((type) => {
    const written = type === '_text' ? 'text[]' : type;
    return `ALTER TABLE "awkward_${type}" ALTER v TYPE ${written} COLLATE ${collation}`;
  });
}
