/**
 * Tables of two forms, each once for every kind of grant, and a guard for the role that holds them; and the reference database: its tables of the
 * same names hold only the columns, values and rows that the role may see.
 */
import pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

/** The kinds of grants: `f` a row filter, `s` system columns, `m` a mask, `x` a mask that can fail, `v` a view, `w` a withheld column among the others. */
export const GRANTS = ['whole', 'listed', 's', 'w', 'f', 'fs', 'fsw', 'm', 'fm', 'x', 'fx', 'fsx', 'v', 'fv'] as const;
export type Grant = (typeof GRANTS)[number];

export interface Column {
  readonly name: string;
  readonly type: 'int' | 'text' | 'date';
}

/** `withheld` is among the columns of every table but the whole and the listed ones. */
export const SHAPES = {
  l: [
    { name: 'id', type: 'int' },
    { name: 'a', type: 'int' },
    { name: 'b', type: 'text' },
    { name: 'c', type: 'int' },
    { name: 'd', type: 'date' },
  ],
  r: [
    { name: 'id', type: 'int' },
    { name: 'a', type: 'int' },
    { name: 'e', type: 'text' },
    { name: 'f', type: 'int' },
  ],
} as const satisfies Record<string, readonly Column[]>;
export type Shape = keyof typeof SHAPES;

const MASKS: Readonly<Record<Shape, { readonly m: readonly [string, string]; readonly x: readonly [string, string] }>> =
  {
    l: { m: ['b', 'left(b, 2)'], x: ['d', "date_trunc('year', d::timestamp)::date"] },
    r: { m: ['e', 'left(e, 2)'], x: ['f', '60 / f'] },
  };

const has = (grant: Grant, part: string): boolean => grant !== 'whole' && grant !== 'listed' && grant.includes(part);
/** Whether the table has a column that the role may not see. */
export const withholds = (grant: Grant): boolean => has(grant, 'w') || has(grant, 'm');
const nameOf = (shape: Shape, grant: Grant): string => `${shape}_${grant}`;

/** In hidden rows `c` and `f` are 0, and `b`, `e` and `d` are values on which a cast or a mask fails. */
function realTable(shape: Shape, grant: Grant): string {
  const name = has(grant, 'v') ? `${nameOf(shape, grant)}_base` : nameOf(shape, grant);
  const withheld = withholds(grant) ? ", hid text DEFAULT 'hidden'" : '';
  const [table, rows] =
    shape === 'l'
      ? [
          `id integer PRIMARY KEY, a integer${withheld}, b varchar(12), c integer, d date`,
          `SELECT i, i % 4, CASE WHEN i < 90 THEN (i * 7)::text ELSE 'hidden' END, CASE WHEN i < 90 THEN i % 5 + 1 ELSE 0 END,
             CASE WHEN i < 90 THEN date '2020-01-01' + i * 40 ELSE 'infinity' END`,
        ]
      : [
          `id integer PRIMARY KEY, a integer, e text${withheld}, f integer`,
          `SELECT i, i % 4, CASE WHEN i < 90 THEN i::text ELSE 'hidden' END, CASE WHEN i < 90 THEN i % 3 + 1 ELSE 0 END`,
        ];
  const columns = SHAPES[shape].map((column) => column.name).join(', ');
  const hidden = has(grant, 'f') ? 'UNION ALL SELECT generate_series(90, 94)' : '';
  const view = has(grant, 'v')
    ? `CREATE VIEW ${nameOf(shape, grant)} AS SELECT ${columns} FROM ${name} WHERE id < 95;`
    : '';
  const numbers = `(SELECT generate_series(1, 7) AS i ${hidden}) AS numbers`;
  return `CREATE TABLE ${name} (${table}); INSERT INTO ${name} (${columns}) ${rows} FROM ${numbers}; ${view}`;
}

/** The table as the role sees it, made from the real one. */
function seenTable(shape: Shape, grant: Grant): string {
  const name = nameOf(shape, grant);
  const columns = SHAPES[shape].map((column) => {
    const [m, x] = [MASKS[shape].m, MASKS[shape].x];
    const mask =
      has(grant, 'm') && m[0] === column.name ? m[1] : has(grant, 'x') && x[0] === column.name ? x[1] : undefined;
    return mask === undefined
      ? column.name
      : `(${mask})::${column.name === 'b' ? 'varchar(12)' : column.name === 'd' ? 'date' : column.type} AS ${column.name}`;
  });
  const rows = has(grant, 'f') ? ' WHERE id < 90' : '';
  const key = has(grant, 'v') ? '' : `ALTER TABLE ${name} ADD PRIMARY KEY (id);`;
  return `CREATE TABLE ${name} AS SELECT ${columns.join(', ')} FROM raw.${name}${rows}; ${key}`;
}

function grantText(shape: Shape, grant: Grant): string {
  const masked = [has(grant, 'm') && MASKS[shape].m, has(grant, 'x') && MASKS[shape].x].filter(
    (mask) => mask !== false,
  );
  const names = SHAPES[shape].map(({ name }) => name).filter((name) => !masked.some(([of]) => of === name));
  const columns =
    grant === 'whole' ? '"*"' : `[${[...names, ...(has(grant, 's') ? ['xmin', 'ctid', 'tableoid'] : [])].join(', ')}]`;
  const masks = masked.length > 0 ? `, masks: { ${masked.map(([name, sql]) => `${name}: "${sql}"`).join(', ')} }` : '';
  const rows = has(grant, 'f') ? ', rows: id < 90' : '';
  const writes = has(grant, 'v')
    ? ''
    : `, insert: { columns: [${names.join(', ')}] }, update: { columns: [${names.join(', ')}]${rows} }, delete: {${rows.slice(1)} }`;
  return `  ${nameOf(shape, grant)}: { select: { columns: ${columns}${masks}${rows} }${writes} }`;
}

/** Takes a row of the table's own type. */
export const functionOf = (shape: Shape, grant: Grant): string => `of_${nameOf(shape, grant)}`;
const rowFunction = (shape: Shape, grant: Grant): string =>
  `CREATE FUNCTION ${functionOf(shape, grant)}(${nameOf(shape, grant)}) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1::text';`;

const EACH = (['l', 'r'] as const).flatMap((shape) => GRANTS.map((grant) => [shape, grant] as const));

const SINK = 'CREATE TABLE sink (p integer, q integer, u text, w integer, y date);';

const ROLE = `role: reader
collect: allow
statements: [copy_to]
tables:
${EACH.map(([shape, grant]) => grantText(shape, grant)).join('\n')}
  sink: { select: { columns: "*" }, insert: { columns: "*" } }
functions: [${EACH.map(([shape, grant]) => `public.${functionOf(shape, grant)}`).join(', ')}]
limits: none`;

export interface Ran {
  readonly sqlstate?: string;
  readonly message?: string;
  readonly columns?: readonly string[];
  readonly rows?: readonly string[];
}

export interface World {
  readonly guard: Guard;
  /** The text that the guard sends for it. */
  sent(sql: string): { readonly text: string } | { readonly refusal: string };
  real(text: string, ordered: boolean): Promise<Ran>;
  seen(text: string, ordered: boolean): Promise<Ran>;
  drop(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  await loadParser();
  const real = await freshDatabase();
  const functions = EACH.map(([shape, grant]) => rowFunction(shape, grant)).join('\n');
  await real.query(SINK + EACH.map(([shape, grant]) => realTable(shape, grant)).join('\n') + functions);
  const seen = await freshDatabase();
  await seen.query(
    `CREATE SCHEMA raw; SET search_path = raw; ${EACH.map(([shape, grant]) => realTable(shape, grant)).join('\n')}
     SET search_path = public; ${SINK} ${EACH.map(([shape, grant]) => seenTable(shape, grant)).join('\n')}
     SET client_min_messages = warning; DROP SCHEMA raw CASCADE; ${functions}`,
  );
  const guard = await guardOn(real);
  const [inReal, inSeen] = [await runner(real), await runner(seen)];
  return {
    guard,
    sent(sql) {
      const judged = guard.judge(sql);
      if (judged.effect === 'refuse') return { refusal: judged.refusal?.message ?? '' };
      return { text: judged.effect === 'allow' ? sql : renderTemplate(judged.template, () => '100000') };
    },
    real: inReal,
    seen: inSeen,
    async drop() {
      await real.drop();
      await seen.drop();
    },
  };
}

async function guardOn(database: FreshDatabase): Promise<Guard> {
  const client = await database.connect();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const { policy, diagnostics } = loadPolicy(
    [
      { path: 'roles/reader.yaml', text: ROLE },
      { path: 'principals.yaml', text: 'principals: {}' },
    ],
    { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask },
  );
  const role = policy.roles.get('reader');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  return new Guard({ catalog, role, searchPath: ['public'] });
}

/** Values of these types differ between the databases: what is compared is whether there is one. */
const OF_PLACES = new Set(['xid', 'tid', 'oid', 'regclass']);

/** Runs a text and undoes it. */
async function runner(database: FreshDatabase): Promise<(text: string, ordered: boolean) => Promise<Ran>> {
  const client = await database.connect();
  await client.query(`SET search_path = public; SET statement_timeout = '20s'`);
  const { rows } = await client.query<{ oid: number; name: string }>(
    `SELECT oid, CASE WHEN typtype = 'c' THEN 'record' WHEN typcategory = 'A' AND typelem IN (SELECT oid FROM pg_type WHERE typtype = 'c') THEN 'record[]'
       ELSE format_type(oid, NULL) END AS name FROM pg_type`,
  );
  const names = new Map(rows.map(({ oid, name }) => [oid, name]));
  let copied = '';
  client.connection.on('copyData', ({ chunk }: { chunk: Buffer }) => {
    copied += chunk.toString('utf8');
  });
  return async (text, ordered) => {
    copied = '';
    await client.query('BEGIN');
    try {
      const outcome: unknown = await client.query({
        text,
        rowMode: 'array',
        types: { getTypeParser: () => (value: string) => value },
      });
      const results = (Array.isArray(outcome) ? outcome : [outcome]) as pg.QueryArrayResult<(string | null)[]>[];
      const columns: string[] = [];
      const lines: string[] = copied.split('\n').filter((line) => line !== '');
      for (const result of results) {
        const types = result.fields.map((field) => names.get(field.dataTypeID) ?? String(field.dataTypeID));
        columns.push(
          ...result.fields.map(
            (field, i) => `${field.name} ${types[i]} ${types[i] === 'record' ? '' : field.dataTypeModifier}`,
          ),
        );
        columns.push(`${result.command} ${result.rowCount}`);
        lines.push(
          ...result.rows.map((row) =>
            JSON.stringify(row.map((value, i) => (OF_PLACES.has(types[i]!) ? value !== null : value))),
          ),
        );
      }
      return { columns, rows: ordered ? lines : lines.sort() };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      return { sqlstate: error.code ?? '', message: error.message };
    } finally {
      await client.query('ROLLBACK');
    }
  };
}
