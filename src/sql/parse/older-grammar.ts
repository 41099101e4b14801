/**
 * Whether a text means to an older server what the grammar of PostgreSQL 18 reads in it. Its scanner knows fewer keywords, and before version 16
 * fewer forms of numbers: `SELECT 0x1F` is `SELECT 0 AS x1f` to PostgreSQL 14, `system_user` a column, `json_value(…)` a user's function.
 */
import type { Catalog } from '../catalog/catalog.ts';
import type { Token } from '../text/tokens.ts';
import { typeByName } from '../types/type-name.ts';
import { isParsed, type ParsedText, parse } from './parse.ts';
import { sameTree } from './tree.ts';

/** The version of the grammar that texts are read with. */
export const GRAMMAR_VERSION = 18;
/** The oldest server whose keywords are known here, and whose catalog is read correctly. */
export const OLDEST_VERSION = 14;

/** server_version_num to the major version: 180004 to 18. */
export function majorVersion(serverVersion: number): number {
  return Math.floor(serverVersion / 10_000);
}

/** What a text says differently to an older server; `at` in characters of the text. */
export interface NewerForm {
  readonly word: string;
  readonly since: number;
  readonly at: number;
}

/**
 * The first form that a server of the catalog's version would read differently; undefined if it reads the text alike, or not at all. INVARIANT 22:
 * every word that the server does not know as a keyword is put in quotes, since its scanner takes it for a name; the text must keep its tree. So no
 * list of forms can be incomplete: only the keywords are listed, and a test compares them with the servers.
 */
export function newerForm(parsed: ParsedText, catalog: Catalog, searchPath: readonly string[]): NewerForm | undefined {
  const version = majorVersion(catalog.data.serverVersion);
  if (version >= GRAMMAR_VERSION) return undefined;
  const number = version < NUMBERS ? newNumber(parsed) : undefined;
  if (number) return number;
  const words = newWords(parsed, version);
  const alike = (some: readonly NewerForm[]): boolean => readsAlike(parsed, some, catalog, searchPath);
  if (words.length === 0 || alike(words)) return undefined;
  const told = words.length <= FEW ? words.find((word) => !alike([word])) : undefined;
  return told ?? words[0];
}

/** Of more words it is not told which one it was: each is a text to parse. */
const FEW = 4;

/** Since when there are `0x1F`, `0o17`, `0b11` and `1_000`. */
const NUMBERS = 16;

function newNumber(parsed: ParsedText): NewerForm | undefined {
  if (!/\d_\d|0[xXoObB]/.test(parsed.text)) return undefined;
  const token = parsed.tokens().find(({ text }) => /^[\d.]/.test(text) && /_|^0[xXoObB]/.test(text));
  return token && { word: token.text, since: NUMBERS, at: token.start };
}

function newWords(parsed: ParsedText, version: number): NewerForm[] {
  const tokens = parsed.tokens();
  return tokens.flatMap(({ word, start }, i) => {
    const since = isJsonPredicate(tokens, i) ? JSON_PREDICATE : (KEYWORDS.get(word) ?? 0);
    return since > version ? [{ word, since, at: start }] : [];
  });
}

/** In version 16 `json` is a keyword after these, and a name anywhere else. */
const JSON_PREDICATE = 16;

function isJsonPredicate(tokens: readonly Token[], i: number): boolean {
  if (tokens[i]?.word !== 'json') return false;
  return /\bis( not)?$|\bformat$/.test(`${tokens[i - 2]?.word ?? ''} ${tokens[i - 1]?.word ?? ''}`);
}

function readsAlike(
  { text, statements, workLimit }: ParsedText,
  words: readonly NewerForm[],
  catalog: Catalog,
  searchPath: readonly string[],
): boolean {
  let quoted = '';
  let from = 0;
  for (const { word, at } of words) {
    quoted += `${text.slice(from, at)}"${word}"`;
    from = at + word.length;
  }
  const again = parse(quoted + text.slice(from), { workLimit, mostTokens: Number.POSITIVE_INFINITY });
  if (!isParsed(again) || again.statements.length !== statements.length) return false;
  const samePart = (older: object, newer: object): boolean | undefined => {
    workLimit.spend();
    if (!namesOwnType(older, newer, catalog, searchPath) && !namesOwnFunction(older, newer, catalog)) return undefined;
    const rest = { names: undefined, funcname: undefined };
    return sameTree({ ...older, ...rest }, { ...newer, ...rest }, samePart);
  };
  return again.statements.every((statement, i) => sameTree(statement.node, statements[i]?.node, samePart));
}

/** `'{}'::json`: to the newer grammar it is pg_catalog's, to the older one the first that is found. */
function namesOwnType(older: object, newer: object, catalog: Catalog, searchPath: readonly string[]): boolean {
  const name = ownName(older, newer, 'names');
  return name !== undefined && typeByName(catalog, searchPath, [name])?.schema === 'pg_catalog';
}

/** `json_object('{…}')`, likewise. */
function namesOwnFunction(older: object, newer: object, catalog: Catalog): boolean {
  const name = ownName(older, newer, 'funcname');
  return name !== undefined && catalog.functionsNamed(name).every(({ schema }) => schema === 'pg_catalog');
}

/** The name that has no schema in the one tree, and follows pg_catalog in the other. */
function ownName(older: object, newer: object, field: 'names' | 'funcname'): string | undefined {
  const [name, more] = partsOf(older, field);
  const [schema, own] = partsOf(newer, field);
  return more === undefined && schema === 'pg_catalog' && own === name ? name : undefined;
}

function partsOf(body: object, field: string): (string | undefined)[] {
  const list: unknown = (body as Record<string, unknown>)[field];
  if (!Array.isArray(list)) return [];
  return list.map((part) => (part as { String?: { sval?: string } }).String?.sval);
}

function since(version: number, words: string): [string, number][] {
  return words.split(/\s+/).map((word) => [word, version]);
}

/** Words that became keywords after version 14, or moved to another class of them (`json`, in 17), with the version of the change. */
export const KEYWORDS: ReadonlyMap<string, number> = new Map([
  ...since(15, 'matched merge parameter'),
  ...since(16, 'absent format indent json_array json_arrayagg json_object json_objectagg keys scalar system_user'),
  ...since(
    17,
    `conditional empty error json json_exists json_query json_scalar json_serialize json_table json_value keep merge_action nested omit path
    plan quotes source string target unconditional`,
  ),
  ...since(18, 'enforced objects period virtual'),
]);
