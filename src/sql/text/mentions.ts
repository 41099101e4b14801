/** What the text of a function's body mentions, by name alone: enough for a warning, never for a decision. */
import { isParsed, parse } from '../parse/parse.ts';
import { parserModule } from '../parse/parser-module.ts';
import { type Node, stringOf } from '../parse/tree.ts';

export interface Mentions {
  /** Relations; those that are CTEs are left out. */
  readonly relations: readonly MentionedName[];
  readonly functions: readonly MentionedName[];
  /** Every word that may be a column. */
  readonly words: ReadonlySet<string>;
  /** It contains a star or a whole row: every column may be meant. */
  readonly every: boolean;
  /** Something of it cannot be read, as SQL that is put together when it runs. */
  readonly opaque: boolean;
}

export interface MentionedName {
  readonly schema?: string;
  readonly name: string;
}

/** Of the body of an SQL function. */
export function mentionsOfSql(body: string): Mentions {
  return mentionsOf([body], false);
}

/** Of a whole CREATE FUNCTION or CREATE PROCEDURE in PL/pgSQL. The parser must be loaded. */
export function mentionsOfPlpgsql(definition: string): Mentions {
  let tree: unknown;
  try {
    tree = parserModule.ask((library) => library.parsePlPgSQLSync(definition));
    if (tree instanceof Error) return mentionsOf([], true);
  } catch {
    return mentionsOf([], true);
  }
  const found: Pieces = { texts: [], dynamic: false };
  collect(tree, found);
  return mentionsOf(found.texts, found.dynamic);
}

interface Pieces {
  readonly texts: string[];
  dynamic: boolean;
}

/** RAW_PARSE_PLPGSQL_EXPR and the assignments to a variable, its field and its field's field. */
const EXPRESSION = 2;
const ASSIGNMENTS = [3, 4, 5];

function collect(value: unknown, found: Pieces): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (/dyn/i.test(key)) found.dynamic = true;
    if (key === 'PLpgSQL_expr') found.texts.push(statementOf(inner as { query?: string; parseMode?: number }));
    else collect(inner, found);
  }
}

function statementOf({ query = '', parseMode = 0 }: { query?: string; parseMode?: number }): string {
  if (parseMode === EXPRESSION) return `SELECT ${query}`;
  return ASSIGNMENTS.includes(parseMode) ? `SELECT ${query.replace(/^[^=]*=/s, '')}` : query;
}

function mentionsOf(texts: readonly string[], opaque: boolean): Mentions {
  const seen = new Seen();
  for (const text of texts) {
    const parsed = parse(text);
    if (isParsed(parsed)) for (const { node } of parsed.statements) seen.walk(node);
    else seen.opaque = true;
  }
  const { relations, functions, words, ctes } = seen;
  const aliases = [...seen.aliases, ...relations.map(({ name }) => name)];
  return {
    relations: relations.filter(({ schema, name }) => schema !== undefined || !ctes.has(name)),
    functions,
    words,
    every: seen.star || aliases.some((name) => seen.alone.has(name)),
    opaque: opaque || seen.opaque,
  };
}

/** The parts of a tree's nodes that are looked at, whichever node it is. */
interface Mentioning {
  readonly relname?: string;
  readonly schemaname?: string;
  readonly ctename?: string;
  readonly funcname?: readonly Node[];
  readonly fields?: readonly Node[];
  readonly indirection?: readonly Node[];
  readonly usingClause?: readonly Node[];
  readonly isNatural?: boolean;
  readonly alias?: { readonly aliasname?: string };
  readonly InsertStmt?: Readonly<Record<string, unknown>>;
}

class Seen {
  readonly relations: MentionedName[] = [];
  readonly functions: MentionedName[] = [];
  readonly words = new Set<string>();
  /** Names without a dot: a column or a whole row. */
  readonly alone = new Set<string>();
  readonly ctes = new Set<string>();
  readonly aliases = new Set<string>();
  star = false;
  opaque = false;

  walk(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      for (const item of value) this.walk(item);
      return;
    }
    const body = value as Mentioning;
    if (body.relname) this.relations.push(nameOf(body.schemaname, body.relname));
    if (body.ctename) this.ctes.add(body.ctename);
    if (body.funcname) this.call(body.funcname.map((part) => stringOf(part) ?? ''));
    for (const name of [...(body.fields ?? []), ...(body.indirection ?? []), ...(body.usingClause ?? [])]) {
      this.word(stringOf(name));
    }
    if (body.fields?.length === 1) this.alone.add(stringOf(body.fields[0]) ?? '');
    if ('A_Star' in body || body.isNatural) this.star = true;
    if ('DoStmt' in body) this.opaque = true;
    if (body.alias?.aliasname !== undefined) this.aliases.add(body.alias.aliasname);
    // What is inserted into is not read for it.
    if (body.InsertStmt) {
      const { relation, cols, ...rest } = body.InsertStmt;
      if (rest.returningList || rest.onConflictClause) this.walk(relation);
      this.walk(rest);
      return;
    }
    for (const inner of Object.values(value)) this.walk(inner);
  }

  /** `ssn(s)` may be the column of a row as well. */
  private call(names: readonly string[]): void {
    this.functions.push(lastTwo(names));
    this.word(names.at(-1));
  }

  private word(name: string | undefined): void {
    if (name !== undefined) this.words.add(name);
  }
}

function nameOf(schema: string | undefined, name: string): MentionedName {
  return { ...(schema && { schema }), name };
}

function lastTwo(names: readonly string[]): MentionedName {
  return nameOf(names.at(-2), names.at(-1) ?? '');
}
