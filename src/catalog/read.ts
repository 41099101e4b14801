/** Reads what Rowgate knows of a database from the server's own catalog. */
import { KNOWN_EXTENSIONS } from '../policy/compile/known-extensions.ts';
import { Catalog, type CatalogData, type Fn, type Oid } from '../sql/catalog/catalog.ts';
import { GRAMMAR_VERSION, majorVersion, OLDEST_VERSION } from '../sql/parse/older-grammar.ts';
import { DEPENDENTS, membersQuery } from './dependents.ts';
import { fixedNames, type Written } from './fixed-names.ts';
import * as queries from './queries.ts';
import { catalogSchema } from './schema.ts';

/** Runs one statement and gives its rows, a column by its name; text columns as strings. */
export type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * Reads the whole catalog in one snapshot. `query` must keep to one connection with no transaction open; one is opened and ended on it. Any account
 * may read what is read here. Throws if the server's version is not supported, or if its answer is not understood.
 */
export async function readCatalog(query: Query): Promise<CatalogData> {
  await query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    // format_type() then names the schema of every type but the built-in ones.
    await query('SET LOCAL search_path = pg_catalog');
    return await marked(catalogSchema.parse(await readAll(query)), query);
  } finally {
    await query('ROLLBACK');
  }
}

async function marked(data: CatalogData, query: Query): Promise<CatalogData> {
  const written = parseRows(await query(queries.FIXED_NAMES)) as unknown as Written[];
  const fixed = await fixedNames(new Catalog(data), written);
  const functions = data.functions.map((fn) => {
    const why = fixed.get(fn.oid);
    return why === undefined ? fn : { ...fn, fixedNames: why };
  });
  return { ...data, functions };
}

async function readAll(query: Query): Promise<unknown> {
  const rows = async (sql: string): Promise<Row[]> => parseRows(await query(sql));
  const [server] = await rows(queries.SERVER);
  const version = majorVersion(Number(server?.serverVersion));
  // INVARIANT 9: a newer server has words and forms that this grammar does not know, or reads differently.
  if (!server || !(version >= OLDEST_VERSION && version <= GRAMMAR_VERSION)) {
    const supported = `PostgreSQL ${OLDEST_VERSION} to ${GRAMMAR_VERSION} is supported`;
    throw new Error(
      `${supported}, the server is PostgreSQL ${version}${version > GRAMMAR_VERSION ? ': a newer Rowgate is needed' : ''}`,
    );
  }
  const columns = new Map<unknown, Row[]>();
  for (const { relation, ...column } of await rows(queries.COLUMNS)) {
    const siblings = columns.get(relation);
    if (siblings) siblings.push(column);
    else columns.set(relation, [column]);
  }
  const views = new Map((await rows(queries.VIEWS)).map(({ relation, ...view }) => [relation, view]));
  const relations = (await rows(queries.RELATIONS)).map((relation) => ({
    ...relation,
    ...(views.has(relation.oid) && { view: views.get(relation.oid) }),
    columns: columns.get(relation.oid) ?? [],
  }));
  return {
    serverVersion: server.serverVersion,
    database: server.database,
    encoding: server.encoding,
    relations,
    types: await rows(queries.TYPES),
    functions: (await rows(queries.FUNCTIONS)).map((row) => asFunction(row as unknown as FunctionRow)),
    operators: await rows(queries.OPERATORS),
    casts: await rows(queries.CASTS),
    opclasses: await rows(queries.OPCLASSES),
    schemas: (await rows(queries.SCHEMAS)).map((schema) => schema.name),
    collations: await rows(queries.COLLATIONS),
    dependents: await rows(DEPENDENTS),
    members: await rows(membersQuery(KNOWN_EXTENSIONS)),
  };
}

type Row = Readonly<Record<string, unknown>>;

function parseRows(rows: readonly Row[]): Row[] {
  const json = rows[0]?.json;
  const parsed: unknown = typeof json === 'string' ? JSON.parse(json) : undefined;
  if (!Array.isArray(parsed)) throw new Error('the catalog query gave no answer');
  return parsed;
}

/** Arguments as in pg_proc: only `inputs` if there is no other kind, else all with a mode each (i o b v t). */
interface FunctionRow extends Omit<Fn, 'args' | 'argNames' | 'outColumns'> {
  readonly inputs: readonly Oid[];
  readonly all: readonly Oid[] | null;
  readonly modes: readonly string[] | null;
  readonly names: readonly string[] | null;
}

function asFunction({ inputs, all, modes, names, ...row }: FunctionRow): Fn {
  const parameters = (all ?? inputs).map((type, i) => ({ type, mode: modes?.[i] ?? 'i', name: names?.[i] ?? '' }));
  // A procedure is called with its OUT arguments as well.
  const passed = parameters.filter(({ mode }) => (row.kind === 'p' ? mode !== 't' : 'ibv'.includes(mode)));
  const out = parameters.filter(({ mode }) => 'obt'.includes(mode));
  return {
    ...row,
    args: passed.map(({ type }) => type),
    argNames: passed.map(({ name }) => name),
    // The server names unnamed columns by their place; a single one is named after the function.
    outColumns: out.map(({ type, name }, i) => ({ type, name: name || (out.length > 1 ? `column${i + 1}` : '') })),
  };
}
