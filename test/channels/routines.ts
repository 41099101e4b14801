/** The server's own routines from its catalogs, and how a number becomes an argument of each type. */
import type pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { CLASSES } from '../../src/guard/builtin-functions.ts';
import { functionClass } from '../../src/guard/function-class.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import type { Choices } from '../noninterference/choices.ts';
import type { FreshDatabase } from '../support/postgres.ts';

export interface Routine extends pg.QueryResultRow {
  readonly oid: number;
  readonly name: string;
  /** The columns of pg_proc, and `s`: it returns a set. */
  readonly kind: 'function' | 'rows' | 'aggregate' | 'ordered' | 'hypothetical' | 'window';
  readonly arguments: readonly string[];
  /** For an ordered-set aggregate: the number of arguments before WITHIN GROUP. */
  readonly direct: number;
}

export interface Operator extends pg.QueryResultRow {
  readonly name: string;
  readonly left: string;
  readonly right: string;
}

export interface Routines {
  readonly of: Readonly<Record<Routine['kind'], readonly Routine[]>>;
  readonly operators: readonly Operator[];
}

/** From an integer expression. Every argument of a routine must have one of these. */
const FROM_NUMBER: Readonly<Record<string, (x: string) => string>> = {
  smallint: (x) => `((${x}) % 100)::int2`,
  integer: (x) => `(${x})`,
  bigint: (x) => `(${x})::int8`,
  numeric: (x) => `(${x})::numeric`,
  real: (x) => `(${x})::float4`,
  'double precision': (x) => `(${x})::float8`,
  money: (x) => `(${x})::money`,
  oid: (x) => `(${x})::oid`,
  boolean: (x) => `((${x}) > 50)`,
  text: (x) => `(${x})::text`,
  'character varying': (x) => `(${x})::varchar`,
  character: (x) => `(${x})::bpchar`,
  name: (x) => `(${x})::text::name`,
  bytea: (x) => `convert_to((${x})::text, 'UTF8')`,
  bit: (x) => `(${x})::bit(32)`,
  'bit varying': (x) => `(${x})::bit(32)::varbit`,
  date: (x) => `(date '2026-01-01' + (${x}))`,
  'timestamp without time zone': (x) => `(timestamp '2026-01-01' + (${x}) * interval '1 hour')`,
  'timestamp with time zone': (x) => `(timestamptz '2026-01-01 00:00:00+00' + (${x}) * interval '1 hour')`,
  'time without time zone': (x) => `(time '00:00' + (${x}) * interval '1 minute')`,
  interval: (x) => `((${x}) * interval '1 hour')`,
  json: (x) => `to_json(${x})`,
  jsonb: (x) => `jsonb_build_object('a', ${x})`,
  jsonpath: (x) => `('$[' || (${x}) || ']')::jsonpath`,
  xml: (x) => `xmlelement(name a, ${x})`,
  uuid: (x) => `lpad((${x})::text, 32, '0')::uuid`,
  inet: (x) => `('10.0.0.' || abs(${x}) % 250)::inet`,
  cidr: (x) => `('10.0.' || abs(${x}) % 250 || '.0/24')::cidr`,
  macaddr: (x) => `lpad((${x})::text, 12, '0')::macaddr`,
  point: (x) => `point(${x}, 1)`,
  box: (x) => `box(point(0, 0), point(${x}, 1))`,
  lseg: (x) => `lseg(point(0, 0), point(${x}, 1))`,
  circle: (x) => `circle(point(0, 0), ${x})`,
  polygon: (x) => `polygon(box(point(0, 0), point(${x}, 1)))`,
  tsvector: (x) => `to_tsvector('simple', 'a' || (${x}))`,
  tsquery: (x) => `to_tsquery('simple', 'a' || (${x}))`,
  int4range: (x) => `int4range(0, abs(${x}))`,
  int4multirange: (x) => `int4multirange(int4range(0, abs(${x})))`,
  numrange: (x) => `numrange(0, abs(${x}))`,
  daterange: (x) => `daterange('2026-01-01', date '2026-01-01' + abs(${x}))`,
  'text[]': (x) => `ARRAY['a', (${x})::text]`,
  'integer[]': (x) => `ARRAY[1, ${x}]`,
  'double precision[]': (x) => `ARRAY[0.5, 0.01 * (${x})]::float8[]`,
  regconfig: () => `'simple'::regconfig`,
  record: (x) => `ROW(1, ${x})`,
  '"any"': (x) => `(${x})`,
  anyelement: (x) => `(${x})`,
  anynonarray: (x) => `(${x})`,
  anycompatible: (x) => `(${x})`,
  anycompatiblenonarray: (x) => `(${x})`,
  anyarray: (x) => `ARRAY[1, ${x}]`,
  anycompatiblearray: (x) => `ARRAY[1, ${x}]`,
  anyrange: (x) => `int4range(0, abs(${x}))`,
  anymultirange: (x) => `int4multirange(int4range(0, abs(${x})))`,
};

export const TYPES = Object.keys(FROM_NUMBER);

export function ofType(type: string, x: string): string {
  const make = FROM_NUMBER[type];
  if (!make) throw new Error(`no ${type} is made of a number`);
  return make(x);
}

/** Arguments for a call; all of them or one are made of `x`. */
export function argumentsOf(choices: Choices, types: readonly string[], x: string): string[] {
  const at = choices.int(Math.max(1, types.length));
  const all = choices.chance(15);
  return types.map((type, i) => ofType(type, all || i === at ? x : choices.pick(['1', '2', '50'])));
}

/** The routines that a restricted role may call and whose arguments can be made. */
export async function readRoutines(database: FreshDatabase): Promise<Routines> {
  const routines = await database.query<Routine>(`
    SELECT p.oid::int, p.proname AS name,
           CASE p.prokind WHEN 'w' THEN 'window'
                          WHEN 'a' THEN CASE a.aggkind WHEN 'n' THEN 'aggregate' WHEN 'o' THEN 'ordered' ELSE 'hypothetical' END
                          ELSE CASE WHEN p.proretset THEN 'rows' ELSE 'function' END END AS kind,
           ARRAY(SELECT format_type(type, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t (type, at) ORDER BY at) AS arguments,
           coalesce(a.aggnumdirectargs, 0)::int AS direct
      FROM pg_proc AS p LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind IN ('f', 'a', 'w')
     ORDER BY 1, 2, 3`);
  const operators = await database.query<Operator>(`
    SELECT oprname AS name, format_type(oprleft, NULL) AS left, format_type(oprright, NULL) AS right
      FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprkind = 'b' ORDER BY 1, 2, 3`);
  const canMake = (types: readonly string[]): boolean => types.every((type) => type in FROM_NUMBER);
  const catalog = new Catalog(await readCatalog((sql) => database.query(sql)));
  const mayBeCalled = ({ oid }: Routine): boolean => {
    const found = functionClass(catalog.functionsByOid.get(oid)!, catalog);
    return found !== undefined && found !== 'nothing' && CLASSES[found].allowed;
  };
  const usable = routines.filter((routine) => canMake(routine.arguments) && mayBeCalled(routine));
  const ofKind = (kind: Routine['kind']) => usable.filter((routine) => routine.kind === kind);
  return {
    of: {
      function: ofKind('function').filter((routine) => routine.arguments.length > 0),
      rows: ofKind('rows'),
      aggregate: ofKind('aggregate'),
      ordered: ofKind('ordered'),
      hypothetical: ofKind('hypothetical'),
      window: ofKind('window'),
    },
    operators: operators.filter(({ left, right }) => canMake([left, right])),
  };
}
