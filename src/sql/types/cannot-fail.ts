/**
 * The built-ins that are not marked leakproof, yet raise nothing, no notice either, whatever their arguments hold (`rewriting.md` §2,
 * class 2); some of them only where a certain argument is a constant that `sql/analyze/argument-facts.ts` can judge. Data: every entry is tried
 * on the server with awkward values by test/types/cannot-fail.test.ts.
 *
 * What is never taken in: a function whose result can be made longer again and again (`||`, `repeat`, `replace` by something), since where
 * it fails then tells how long a value is.
 */
import type { Fn, Oid } from '../catalog/catalog.ts';
import * as t from './oids.ts';

/** What is required apart from the types. */
export type Needs =
  | 'nothing'
  /** No operand has a collation of its own: one that is not deterministic fails. */
  | 'no collation'
  /** The elements' own comparison is one that cannot fail. */
  | 'comparable elements'
  /** A range of the server's own types. */
  | 'built-in range'
  /** The second argument is a LIKE pattern that does not end in its escape; and no collation. */
  | 'pattern'
  /** The second argument is a regular expression that is known to compile; and no collation. */
  | 'regular expression'
  /** The second argument is a short constant: of any other it is not known how deep it nests. */
  | 'constant query'
  /** The same of the first. */
  | 'constant query first'
  /** The first argument is a field that the type has. */
  | 'field'
  /** The first argument is the time zone without an offset. */
  | 'utc'
  /** The second argument is a number other than 0 and -1. */
  | 'divisor'
  /** A third argument is a number that is not negative. */
  | 'length'
  /** The second argument is a number from 0 to 1000. */
  | 'width'
  /** The third argument is a number that is not 0; and no collation. */
  | 'part'
  /** The third argument is the empty string; and no collation. */
  | 'removes'
  /** The first argument is the clock, the second a small literal. */
  | 'clock'
  /** The first argument is a column of a catalog that holds expressions over one relation. */
  | 'stored expression'
  /** The second argument is the type modifier that goes with the first, or NULL. */
  | 'own modifier';

const TYPES: Readonly<Record<string, Oid>> = {
  bool: t.BOOL,
  bytea: t.BYTEA,
  char: 18,
  name: t.NAME,
  int8: t.INT8,
  int2: t.INT2,
  int4: t.INT4,
  text: t.TEXT,
  oid: t.OID,
  float4: 700,
  float8: 701,
  inet: 869,
  _text: 1009,
  bpchar: t.BPCHAR,
  varchar: 1043,
  date: t.DATE,
  time: t.TIME,
  timestamp: t.TIMESTAMP,
  timestamptz: t.TIMESTAMPTZ,
  interval: t.INTERVAL,
  timetz: t.TIMETZ,
  numeric: t.NUMERIC,
  anyarray: t.ANYARRAY,
  anyelement: t.ANYELEMENT,
  anyenum: t.ANYENUM,
  tsvector: 3614,
  tsquery: 3615,
  jsonb: t.JSONB,
  pg_node_tree: 194,
  anyrange: t.ANYRANGE,
};

/** Signatures by what they need; `*` before `(` is short for the six comparisons eq, ne, lt, le, gt, ge. */
const ENTRIES: readonly (readonly [Needs, string])[] = [
  // Clocks; a condition may hold them, and they are the same for every row.
  ['nothing', 'now() transaction_timestamp() statement_timestamp()'],
  // Text. Each result is at most a small multiple of its argument, and no chain of them multiplies it again.
  [
    'nothing',
    `lower(text) upper(text) initcap(text) reverse(text) ascii(text) btrim(text) btrim(text,text) ltrim(text) ltrim(text,text)
     rtrim(text) rtrim(text,text) left(text,int4) right(text,int4) substr(text,int4) substring(text,int4) translate(text,text,text)
     length(text) length(bpchar) length(bytea) char_length(text) char_length(bpchar) character_length(text) character_length(bpchar)
     octet_length(text) octet_length(bpchar) octet_length(bytea) text(bpchar) text(bool) text(char) text(name) text(inet)
     btrim(bytea,bytea) substr(bytea,int4) substring(bytea,int4)`,
  ],
  ['length', 'substr(text,int4,int4) substring(text,int4,int4)'],
  ['width', 'lpad(text,int4) lpad(text,int4,text) rpad(text,int4) rpad(text,int4,text)'],
  ['no collation', 'strpos(text,text) position(text,text) starts_with(text,text)'],
  ['part', 'split_part(text,text,int4)'],
  ['removes', 'replace(text,text,text)'],
  [
    'pattern',
    `textlike(text,text) textnlike(text,text) texticlike(text,text) texticnlike(text,text) like(text,text) notlike(text,text)
     bpcharlike(bpchar,text) bpcharnlike(bpchar,text) bpchariclike(bpchar,text) bpcharicnlike(bpchar,text)
     namelike(name,text) namenlike(name,text) nameiclike(name,text) nameicnlike(name,text)`,
  ],
  [
    'regular expression',
    `textregexeq(text,text) textregexne(text,text) texticregexeq(text,text) texticregexne(text,text)
     bpcharregexeq(bpchar,text) bpcharregexne(bpchar,text) bpcharicregexeq(bpchar,text) bpcharicregexne(bpchar,text)
     nameregexeq(name,text) nameregexne(name,text) nameicregexeq(name,text) nameicregexne(name,text)`,
  ],
  // Numbers. Sums and products overflow; so does a numeric that is rounded up at its greatest.
  [
    'nothing',
    `numeric_*(numeric,numeric) numeric_cmp(numeric,numeric) numeric_abs(numeric) abs(numeric) numeric_uminus(numeric)
     numeric_uplus(numeric) sign(numeric) trunc(numeric) numeric(int2) numeric(int4) numeric(int8) numeric(float4) numeric(float8)
     float8(int2) float8(int4) float8(int8) float8(float4) float4(int2) float4(int4) float4(int8)
     int2and(int2,int2) int2or(int2,int2) int2xor(int2,int2) int2not(int2) int4and(int4,int4) int4or(int4,int4) int4xor(int4,int4)
     int4not(int4) int8and(int8,int8) int8or(int8,int8) int8xor(int8,int8) int8not(int8)
     float8abs(float8) abs(float8) float8um(float8) float4abs(float4) abs(float4) float4um(float4) ceil(float8) ceiling(float8) floor(float8) round(float8) trunc(float8) sign(float8)`,
  ],
  [
    'divisor',
    'int2div(int2,int2) int4div(int4,int4) int8div(int8,int8) int84div(int8,int4) int82div(int8,int2) int42div(int4,int2)',
  ],
  ['divisor', 'int2mod(int2,int2) int4mod(int4,int4) int8mod(int8,int8) mod(int2,int2) mod(int4,int4) mod(int8,int8)'],
  // Dates and times. What shifts them goes out of range at the far ends; comparisons know of that.
  [
    'nothing',
    `date_*_timestamp(date,timestamp) date_*_timestamptz(date,timestamptz) timestamp_*_date(timestamp,date)
     timestamp_*_timestamptz(timestamp,timestamptz) timestamptz_*_date(timestamptz,date) timestamptz_*_timestamp(timestamptz,timestamp)
     date(timestamp) date(timestamptz) time(timestamp) time(timestamptz) isfinite(date) isfinite(timestamp) isfinite(timestamptz) isfinite(interval)`,
  ],
  [
    'field',
    'extract(text,date) extract(text,timestamp) extract(text,timestamptz) extract(text,time) extract(text,timetz) extract(text,interval)',
  ],
  ['utc', 'timezone(text,timestamptz) timezone(text,timestamp)'],
  [
    'clock',
    'timestamptz_pl_interval(timestamptz,interval) timestamptz_mi_interval(timestamptz,interval) date_pli(date,int4) date_mii(date,int4) date_pl_interval(date,interval) date_mi_interval(date,interval)',
  ],
  // Enums, networks.
  ['nothing', 'enum_*(anyenum,anyenum)'],
  [
    'nothing',
    'network_sub(inet,inet) network_subeq(inet,inet) network_sup(inet,inet) network_supeq(inet,inet) network_overlap(inet,inet) family(inet) masklen(inet) host(inet)',
  ],
  // Documents.
  [
    'nothing',
    `jsonb_*(jsonb,jsonb) jsonb_cmp(jsonb,jsonb) jsonb_contains(jsonb,jsonb) jsonb_contained(jsonb,jsonb) jsonb_exists(jsonb,text)
     jsonb_exists_any(jsonb,_text) jsonb_exists_all(jsonb,_text) jsonb_object_field(jsonb,text) jsonb_object_field_text(jsonb,text)
     jsonb_array_element(jsonb,int4) jsonb_array_element_text(jsonb,int4) jsonb_extract_path(jsonb,_text)
     jsonb_extract_path_text(jsonb,_text) jsonb_typeof(jsonb)`,
  ],
  ['constant query', 'ts_match_vq(tsvector,tsquery)'],
  ['constant query first', 'ts_match_qv(tsquery,tsvector)'],
  // Arrays and ranges.
  [
    'nothing',
    'array_length(anyarray,int4) cardinality(anyarray) array_ndims(anyarray) array_lower(anyarray,int4) array_upper(anyarray,int4) unnest(anyarray) generate_subscripts(anyarray,int4)',
  ],
  [
    'comparable elements',
    'array_*(anyarray,anyarray) arrayoverlap(anyarray,anyarray) arraycontains(anyarray,anyarray) arraycontained(anyarray,anyarray)',
  ],
  [
    'built-in range',
    `range_contains_elem(anyrange,anyelement) elem_contained_by_range(anyelement,anyrange) range_contains(anyrange,anyrange)
     range_contained_by(anyrange,anyrange) range_overlaps(anyrange,anyrange) range_eq(anyrange,anyrange) range_ne(anyrange,anyrange)
     isempty(anyrange) lower(anyrange) upper(anyrange) lower_inf(anyrange) upper_inf(anyrange)`,
  ],
  // The catalogs: for a number that is not an object the answer is NULL.
  [
    'nothing',
    `current_database() current_schema() current_schemas(bool) obj_description(oid,name) obj_description(oid) shobj_description(oid,name) col_description(oid,int4)
     pg_get_userbyid(oid) pg_encoding_to_char(int4) pg_get_constraintdef(oid) pg_get_constraintdef(oid,bool) pg_get_triggerdef(oid) pg_get_triggerdef(oid,bool) pg_get_indexdef(oid)
     pg_get_indexdef(oid,int4,bool) pg_get_function_arguments(oid) pg_get_function_identity_arguments(oid) pg_get_function_result(oid)
     pg_table_is_visible(oid) pg_type_is_visible(oid) pg_function_is_visible(oid) pg_operator_is_visible(oid) pg_opclass_is_visible(oid)
     pg_opfamily_is_visible(oid) pg_collation_is_visible(oid) pg_conversion_is_visible(oid) pg_statistics_obj_is_visible(oid)
     pg_ts_config_is_visible(oid) pg_ts_dict_is_visible(oid) pg_ts_parser_is_visible(oid) pg_ts_template_is_visible(oid)`,
  ],
  ['stored expression', 'pg_get_expr(pg_node_tree,oid) pg_get_expr(pg_node_tree,oid,bool)'],
  ['own modifier', 'format_type(oid,int4)'],
];

/** Of well-known extensions, by name: their types have no fixed OIDs. They compare, and fail only where memory ends. */
const OF_EXTENSIONS: Readonly<Record<string, ReadonlySet<string>>> = {
  citext: new Set(['citext_eq', 'citext_ne', 'citext_lt', 'citext_le', 'citext_gt', 'citext_ge', 'citext_cmp']),
  pg_trgm: new Set(
    'similarity similarity_op word_similarity word_similarity_op word_similarity_commutator_op'.split(' '),
  ),
};

const COMPARISONS = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'];

function written(): Map<string, Needs> {
  const found = new Map<string, Needs>();
  for (const [needs, text] of ENTRIES) {
    for (const [, name, types] of text.matchAll(/(?<![\w*])([\w*]+)\(([^()]*)\)/g)) {
      const args = types === '' ? [] : types!.split(',').map(typeOf);
      const names = name!.includes('*') ? COMPARISONS.map((c) => name!.replace('*', c)) : [name!];
      for (const each of names) found.set(signature(each, args), needs);
    }
  }
  return found;
}

function typeOf(name: string): Oid {
  const oid = TYPES[name];
  if (oid === undefined) throw new Error(`no type ${name} among those that cannot-fail.ts knows`);
  return oid;
}

function signature(name: string, args: readonly Oid[]): string {
  return `${name}(${args.join()})`;
}

const KNOWN: ReadonlyMap<string, Needs> = written();

/** Every entry, as `name(oid,oid)`: for the test that tries each. */
export function knownEntries(): ReadonlyMap<string, Needs> {
  return KNOWN;
}

const answers = new WeakMap<Fn, Needs | 'impossible'>();

/** What must hold for this function to raise nothing; undefined: nothing makes it so. */
export function neededBy(fn: Fn): Needs | undefined {
  let answer = answers.get(fn);
  if (answer === undefined) {
    answer = find(fn) ?? 'impossible';
    answers.set(fn, answer);
  }
  return answer === 'impossible' ? undefined : answer;
}

function find(fn: Fn): Needs | undefined {
  // The server's own, or a well-known extension's: a function of that name elsewhere is another.
  if (fn.extension !== '') return OF_EXTENSIONS[fn.extension]?.has(fn.name) ? 'nothing' : undefined;
  return fn.schema === 'pg_catalog' ? KNOWN.get(signature(fn.name, fn.args)) : undefined;
}

/** Output functions of types whose every value has a text, shorter than a small multiple of it. */
const OUTPUTS: ReadonlySet<string> = new Set([
  'boolout',
  'int2out',
  'int4out',
  'int8out',
  'oidout',
  'float4out',
  'float8out',
  'numeric_out',
  'date_out',
  'time_out',
  'timetz_out',
  'timestamp_out',
  'timestamptz_out',
  'interval_out',
  'uuid_out',
  'inet_out',
  'cidr_out',
  'macaddr_out',
  'enum_out',
  'jsonb_out',
  'nameout',
  'charout',
  'textout',
  'varcharout',
  'bpcharout',
  'regclassout',
  'regtypeout',
  'regprocout',
  'regprocedureout',
  'regnamespaceout',
  'regroleout',
]);

/** Input functions that take any text as it is, where no type modifier cuts it. */
const INPUTS: ReadonlySet<string> = new Set(['textin', 'varcharin', 'bpcharin']);

/** Whether a cast that goes through text, from this output to this input function, cannot fail. */
export function textCannotFail(output: Fn, input: Fn): boolean {
  return isBuiltIn(output) && isBuiltIn(input) && OUTPUTS.has(output.name) && INPUTS.has(input.name);
}

/** The names of output functions taken: for the test that tries each. */
export const knownOutputs: ReadonlySet<string> = OUTPUTS;

function isBuiltIn(fn: Fn): boolean {
  return fn.schema === 'pg_catalog' && fn.extension === '';
}
