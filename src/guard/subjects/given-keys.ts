/** Reads the keys at a place of the client's text: constants, and which parameters contain the others. */
import { KIND, type Lexed, lex } from '../../sql/text/lexer.ts';
import type { GivenKeys, GivenRows } from './disclosure.ts';
import { isIntegerKey, readKey } from './key-types.ts';

/** `text`: the key in the form in which it is counted. `array`: the parameter contains many. NULL is not a key, and is left out. */
export type GivenKey = { readonly text: string } | { readonly parameter: number; readonly array: boolean };

/**
 * More keys at a place are not read: what is asked for by them is a question. They would be read, counted and taken in one piece, for which other
 * sessions wait.
 */
export const MOST_GIVEN = 10_000;

/** Places at which parameters alone stand: a prepared statement is read once, however often it runs. */
const ofParameters = new WeakMap<GivenKeys, { readonly text: string; readonly keys: readonly GivenKey[] }>();

/** All keys at the place. undefined: some cannot be read as the server would. `text`: the client's. */
export function readGivenKeys(text: string, given: GivenKeys): readonly GivenKey[] | undefined {
  const known = ofParameters.get(given);
  if (known?.text === text) return known.keys;
  const items = itemsOf(text.slice(given.start, given.end), given.column);
  if (!items) return undefined;
  const keys: GivenKey[] = [];
  for (const item of items) {
    if (item.kind === 'null') continue;
    if (item.kind === 'word') return undefined;
    if (item.kind === 'parameter') {
      keys.push({ parameter: item.number, array: given.array });
      continue;
    }
    const read = keysIn(item.value, given);
    if (!read) return undefined;
    for (const key of read) keys.push({ text: key });
  }
  if (items.every(({ kind }) => kind === 'parameter')) ofParameters.set(given, { text, keys });
  return keys;
}

/** undefined: a key that is not read as the server reads it would be counted as another's. */
function keysIn(value: string, { type, array }: Pick<GivenKeys, 'type' | 'array'>): readonly string[] | undefined {
  const keys = (array ? elementsOf(value) : [value])?.map((one) => readKey(type, one));
  return keys?.every((key) => key !== undefined) ? keys : undefined;
}

/** The parameters at a place; undefined if it contains anything else. */
export function parametersAt(text: string, given: GivenKeys): readonly number[] | undefined {
  const numbers = readGivenKeys(text, given)?.map((key) => ('parameter' in key ? key.parameter : 0));
  return numbers?.includes(0) ? undefined : numbers;
}

/** The keys that an EXECUTE gives to such a place of what it runs. `text`: the statement. undefined: one of them cannot be read. */
export function readArguments(text: string, given: GivenKeys): readonly string[] | undefined {
  const items = given.parameters && new Reader(text, lex(text)).ofExecute();
  if (!items) return undefined;
  const keys: string[] = [];
  for (const number of given.parameters) {
    const item = items[number - 1];
    if (item?.kind === 'null') continue;
    // A number is converted if a text is wanted: 007 becomes 7.
    if (item?.kind !== 'constant' || (item.isNumber && !isIntegerKey(given.type))) return undefined;
    const read = keysIn(item.value, given);
    if (!read) return undefined;
    for (const key of read) keys.push(key);
  }
  return keys;
}

/** Whether the form of the place can be read; its values are not inspected. */
export function isReadableForm(text: string, { start, end, array, column }: Omit<GivenKeys, 'type'>): boolean {
  const items = itemsOf(text.slice(start, end), column);
  return items?.every(({ kind }) => kind !== 'word') === true && (!array || items.length === 1);
}

/** How many rows of VALUES a place contains. */
export function countRows(text: string, { start, end }: GivenRows): number {
  const { count, kind, start: starts } = lex(text.slice(start, end));
  let depth = 0;
  let rows = 0;
  for (let i = 0; i < count; i++) {
    const sign = kind[i] === KIND.single ? text[start + starts[i]!] : undefined;
    if (sign === '(') {
      if (depth === 0) rows += 1;
      depth += 1;
    } else if (sign === ')') depth -= 1;
  }
  return rows;
}

type Item =
  | { readonly kind: 'constant'; readonly value: string; readonly isNumber?: true }
  | { readonly kind: 'parameter'; readonly number: number }
  | { readonly kind: 'null' }
  /** TRUE, FALSE, DEFAULT: not a key, but it may be beside one. */
  | { readonly kind: 'word' };

/** Constants and parameters, separated by commas; with `column` rows of them in brackets, from which that one is taken. */
function itemsOf(source: string, column: number | undefined): readonly Item[] | undefined {
  const reader = new Reader(source, lex(source));
  return column === undefined ? reader.list() : reader.rows(column);
}

class Reader {
  private at = 0;

  constructor(
    private readonly source: string,
    private readonly tokens: Lexed,
  ) {}

  list(): readonly Item[] | undefined {
    const items = this.items();
    return items && this.at === this.tokens.count ? items : undefined;
  }

  rows(column: number): readonly Item[] | undefined {
    const found: Item[] = [];
    do {
      if (!this.takes('(')) return undefined;
      const item = this.items()?.[column];
      if (!item || !this.takes(')')) return undefined;
      found.push(item);
    } while (found.length <= MOST_GIVEN && this.takes(','));
    return this.at === this.tokens.count && found.length <= MOST_GIVEN ? found : undefined;
  }

  /** The arguments of EXECUTE, none of them cast: a cast could change the value. */
  ofExecute(): readonly Item[] | undefined {
    const { kind, count } = this.tokens;
    if (this.at >= count || this.token().toLowerCase() !== 'execute') return undefined;
    this.at += 1;
    if (this.at >= count || (kind[this.at] !== KIND.word && kind[this.at] !== KIND.quoted)) return undefined;
    this.at += 1;
    if (!this.takes('(')) return undefined;
    const items = this.items(false);
    return items && this.takes(')') && this.at === count ? items : undefined;
  }

  private items(cast = true): Item[] | undefined {
    const items: Item[] = [];
    do {
      const item = this.item(cast);
      if (!item) return undefined;
      items.push(item);
    } while (items.length <= MOST_GIVEN && this.takes(','));
    return items.length > MOST_GIVEN ? undefined : items;
  }

  private item(cast: boolean): Item | undefined {
    const sign = this.takes('-') ? '-' : '';
    const { kind, count } = this.tokens;
    if (this.at >= count) return undefined;
    const token = this.token();
    const found = itemOf(token, kind[this.at]!, sign);
    this.at += 1;
    if (!found) return undefined;
    // The type was read with the statement: it is skipped here. In `-5::int` the sign is an operator on the cast value.
    if (!this.takes('::')) return found;
    if (!cast || sign !== '' || this.at >= count || kind[this.at] !== KIND.word) return undefined;
    this.at += 1;
    return this.takes('[') && !this.takes(']') ? undefined : found;
  }

  private takes(sign: string): boolean {
    if (this.at >= this.tokens.count || this.token() !== sign) return false;
    this.at += 1;
    return true;
  }

  private token(): string {
    return this.source.slice(this.tokens.start[this.at], this.tokens.end[this.at]);
  }
}

/** Strings in plain quotes alone, on one line: `E'…'`, `U&'…'` and `$$…$$` mean something else than their characters. */
const PLAIN_STRING = /^'((?:[^']|'')*)'$/;

const WORDS: Readonly<Record<string, Item>> = {
  null: { kind: 'null' },
  true: { kind: 'word' },
  false: { kind: 'word' },
  default: { kind: 'word' },
};

function itemOf(token: string, kind: number, sign: string): Item | undefined {
  if (kind === KIND.number) return { kind: 'constant', value: sign + token, isNumber: true };
  if (sign !== '') return undefined;
  if (kind === KIND.parameter) return { kind: 'parameter', number: Number(token.slice(1)) };
  if (kind === KIND.word) return WORDS[token.toLowerCase()];
  const inside = kind === KIND.string ? PLAIN_STRING.exec(token)?.[1] : undefined;
  return inside === undefined ? undefined : { kind: 'constant', value: inside.replaceAll("''", "'") };
}

/** What the server skips around an array and its elements: other blanks, such as U+00A0, are part of a key. */
const BLANKS = /[ \t\n\v\f\r]*/y;
const BLANK = ' \t\n\v\f\r';
const QUOTED = /"[^"\\]*"/y;
const BARE = /[^{}"\\,]+/y;

/**
 * Of an array's text with one dimension, as drivers write them: quoted (node-postgres does so with numbers too) or not; NULL is left out. undefined: it cannot be read,
 * as what is too long, or has a backslash, or a bracket outside quotes. No expression is tried twice at a place: a client may send a megabyte of blanks.
 */
export function elementsOf(text: string): readonly string[] | undefined {
  const array = trimmed(text);
  if (array.length < 2 || !array.startsWith('{') || !array.endsWith('}')) return undefined;
  const inside = trimmed(array.slice(1, -1));
  const elements: string[] = [];
  for (let at = 0; inside !== ''; at += 1) {
    at += taken(BLANKS, inside, at).length;
    const isQuoted = inside[at] === '"';
    const found = taken(isQuoted ? QUOTED : BARE, inside, at);
    if (found === '') return undefined;
    at += found.length;
    if (isQuoted) at += taken(BLANKS, inside, at).length;
    const element = isQuoted ? found.slice(1, -1) : trimmed(found);
    if (isQuoted || element.toLowerCase() !== 'null') elements.push(element);
    if (elements.length > MOST_GIVEN) return undefined;
    if (at === inside.length) break;
    if (inside[at] !== ',') return undefined;
  }
  return elements;
}

function taken(what: RegExp, text: string, at: number): string {
  what.lastIndex = at;
  return what.exec(text)?.[0] ?? '';
}

/** An expression for the blanks at the end would be tried at each blank before them. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && BLANK.includes(text[end - 1]!)) end -= 1;
  return text.slice(Math.min(end, taken(BLANKS, text, 0).length), end);
}
