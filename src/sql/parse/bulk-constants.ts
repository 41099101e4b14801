/**
 * Judges long lists of constants by a few of them: thousands of rows of VALUES, or of members of IN (…), that differ in nothing but the
 * values of their constants are read alike by the grammar and mean the same to every rule. All but the first two, the last and one of each
 * shape are left out of the text that is judged; what is sent is the whole text.
 */

import type { Oid } from '../catalog/catalog.ts';
import type { Edit } from '../text/edits.ts';
import { KIND, type Lexed, lex } from '../text/lexer.ts';
import { numberShape } from '../text/number-shape.ts';
import { operatorWork } from './parse-cost.ts';
import type { Steps } from './work-limit.ts';

/** A part of the whole text that the short one lacks. */
interface Cut {
  readonly start: number;
  readonly end: number;
}

export interface Bulk {
  /** What is judged. */
  readonly text: string;
  /** The position in the whole text of a character of the short text. */
  toWhole(at: number): number;
  /** The same for a position as PostgreSQL counts it: code points, from 1. */
  positionInWhole(position: number): number;
  /** Whether an edit of the short text would also have to be made in what was left out, or reaches across it. */
  touches(edit: Pick<Edit, 'start' | 'end'>): boolean;
}

/** Shorter texts are judged as they are. */
const SHORT = 4_000;
/** Longer ones too: a megabyte of nothing but digits and commas. */
const MOST_TOKENS = 400_000;
/** Shorter lists too. */
const FEW = 32;
/** Tokens or members between two steps: some milliseconds. */
const EACH_STEP = 20_000;

/** In steps; undefined if there is nothing to leave out. `parameterTypes`: the declared ones, 0 for the others. */
export function* withoutBulk(text: string, parameterTypes: readonly Oid[] = []): Steps<Bulk | undefined> {
  if (text.length < SHORT || text.includes('\u0000') || operatorWork(text) !== 'some') return undefined;
  let asked = EACH_STEP;
  let lexed = lex(text, asked);
  while (lexed.count > asked && asked < MOST_TOKENS) {
    yield;
    asked += EACH_STEP;
    lexed = lex(text, asked, lexed);
  }
  if (lexed.count > MOST_TOKENS) return undefined;
  const lists = yield* new Lists(text, lexed, parameterTypes).all();
  yield;
  const cuts = lists.flatMap(cutsOf);
  if (cuts.length === 0) return undefined;
  yield;
  const regions = lists.map(({ members }) => ({ start: members[0]!.start, end: members.at(-1)!.end }));
  return shortened(text, cuts, regions);
}

/** A row of VALUES or a member of a list. */
interface Member {
  readonly start: number;
  readonly end: number;
  /** After the comma that follows. */
  readonly next: number;
  /** Of two members with the same shape the grammar makes the same tree, constants aside. undefined: it must stay. */
  readonly shape: string | undefined;
}

interface List {
  readonly members: readonly Member[];
}

function cutsOf({ members }: List): Cut[] {
  if (members.length < FEW) return [];
  const known = new Set<string>();
  const cuts: Cut[] = [];
  let open: number | undefined;
  members.forEach(({ shape }, i) => {
    // After the second comma the parser is in the same state as after the first, whatever number of members follows.
    const stays = i < 2 || i === members.length - 1 || shape === undefined || !known.has(shape);
    if (shape !== undefined) known.add(shape);
    if (!stays) open ??= members[i - 1]!.next;
    else if (open !== undefined) {
      cuts.push({ start: open, end: members[i - 1]!.next });
      open = undefined;
    }
  });
  return cuts;
}

function shortened(text: string, cuts: readonly Cut[], regions: readonly Cut[]): Bulk {
  let short = '';
  let from = 0;
  // The position of each cut in the short text, and its length.
  const gaps: { readonly at: number; readonly length: number; readonly codePoints: number }[] = [];
  for (const { start, end } of cuts) {
    short += text.slice(from, start);
    gaps.push({ at: short.length, length: end - start, codePoints: codePoints(text.slice(start, end)) });
    from = end;
  }
  short += text.slice(from);
  const toWhole = (at: number): number => gaps.reduce((sum, gap) => (gap.at <= at ? sum + gap.length : sum), at);
  return {
    text: short,
    toWhole,
    positionInWhole: (position) =>
      gaps.reduce((sum, gap) => (codePoints(short.slice(0, gap.at)) < position ? sum + gap.codePoints : sum), position),
    touches: ({ start, end }) => {
      const [first, last] = [toWhole(start), toWhole(end)];
      if (regions.some((region) => first > region.start && first < region.end)) return true;
      return regions.some((region) => last > region.start && first < region.end && start !== end);
    },
  };
}

function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) count -= 1;
  return count;
}

const COMMA = 44;
const OPEN = 40;
const CLOSE = 41;
const MINUS = 45;
const COLON = 58;
const QUOTE = 39;
const LETTER_E = 101;
/** Of `default`. */
const LONGEST_WORD = 7;

class Lists {
  /** How often each parameter occurs in the text. */
  private readonly parameters = new Map<number, number>();
  private highest = 0;

  constructor(
    private readonly text: string,
    private readonly tokens: Lexed,
    private readonly parameterTypes: readonly Oid[],
  ) {}

  *all(): Steps<List[]> {
    yield* this.countParameters();
    const lists: List[] = [];
    const { count, kind, start, end } = this.tokens;
    for (let i = 0; i + 2 < count; i++) {
      if (kind[i] !== KIND.word || end[i]! - start[i]! > 6 || !this.is(i + 1, OPEN)) continue;
      const word = this.source(i).toLowerCase();
      const found =
        word === 'values' ? yield* this.list(i + 1, true) : word === 'in' ? yield* this.list(i + 2, false) : undefined;
      if (!found) continue;
      lists.push({ members: found.members });
      i = found.last;
    }
    return lists;
  }

  /** The members from token `first` on, as far as they are constants. */
  private *list(first: number, rows: boolean): Steps<{ members: Member[]; last: number } | undefined> {
    const { start, end } = this.tokens;
    const members: Member[] = [];
    let told = first;
    for (let i = first; ; ) {
      if (i - told > EACH_STEP) {
        yield;
        told = i;
      }
      const found = rows ? this.row(i) : this.constant(i);
      if (!found) break;
      const last = found.next - 1;
      const goesOn = this.is(found.next, COMMA);
      members.push({
        start: start[i]!,
        end: end[last]!,
        next: goesOn ? end[found.next]! : end[last]!,
        shape: found.shape,
      });
      i = found.next + 1;
      if (!goesOn) break;
    }
    return members.length > 0 ? { members, last: first } : undefined;
  }

  private row(open: number): { next: number; shape: string | undefined } | undefined {
    if (!this.is(open, OPEN)) return undefined;
    let shape: string | undefined = '';
    for (let i = open + 1; ; i++) {
      const found = this.constant(i);
      if (!found) return undefined;
      shape = shape === undefined || found.shape === undefined ? undefined : `${shape},${found.shape}`;
      i = found.next;
      if (this.is(i, CLOSE)) return { next: i + 1, shape };
      if (!this.is(i, COMMA)) return undefined;
    }
  }

  /** A literal, perhaps cast to a plain type, or a parameter. */
  private constant(at: number): { next: number; shape: string | undefined } | undefined {
    const negative = this.is(at, MINUS, KIND.operator);
    const i = negative ? at + 1 : at;
    const shape = this.shapeOf(i, negative);
    if (shape === undefined) return undefined;
    const isCast = this.isCast(i + 1);
    const type = isCast ? this.source(i + 2).toLowerCase() : '';
    // In `-5::int` the sign is an operator on the cast value.
    if (isCast && (negative || !PLAIN_TYPES.has(type))) return undefined;
    const next = isCast ? i + 3 : i + 1;
    if (!this.is(next, COMMA) && !this.is(next, CLOSE)) return undefined;
    return { next, shape: shape === 'unlike' ? undefined : `${shape}${type}` };
  }

  /** undefined: not a constant. `unlike`: a constant that no other can replace. */
  private shapeOf(i: number, negative: boolean): string | undefined {
    const { count, kind, start, end } = this.tokens;
    if (i >= count) return undefined;
    switch (kind[i]) {
      case KIND.number:
        return this.isShortInteger(i) ? 'i' : numberShape(this.source(i));
      case KIND.string:
        return !negative && this.isQuoted(start[i]!) ? 's' : undefined;
      case KIND.parameter:
        return negative ? undefined : this.parameterShape(this.source(i));
      case KIND.word:
        return negative || end[i]! - start[i]! > LONGEST_WORD ? undefined : WORDS[this.source(i).toLowerCase()];
      default:
        return undefined;
    }
  }

  private *countParameters(): Steps<void> {
    const { count, kind } = this.tokens;
    let counted = 0;
    for (let i = 0; i < count; i++) {
      if (kind[i] !== KIND.parameter) continue;
      counted += 1;
      if (counted % EACH_STEP === 0) yield;
      const found = Number(this.source(i).slice(1));
      this.parameters.set(found, (this.parameters.get(found) ?? 0) + 1);
      this.highest = Math.max(this.highest, found);
    }
  }

  /** A parameter that is used in another place as well may get its type here, or give it a type there. */
  private parameterShape(source: string): string {
    // The highest number tells how many parameters there are.
    const number = Number(source.slice(1));
    if (this.parameters.get(number) !== 1 || number === this.highest) return 'unlike';
    // A parameter with a declared type can only replace others of that type.
    return `p${this.parameterTypes[number - 1] ?? 0}`;
  }

  /** Most constants of long lists are short integers: recognized without allocating a string for each. */
  private isShortInteger(i: number): boolean {
    const start = this.tokens.start[i]!;
    const end = this.tokens.end[i]!;
    if (end - start > 9) return false;
    for (let at = start; at < end; at += 1) {
      const code = this.text.charCodeAt(at);
      if (code < 0x30 || code > 0x39) return false;
    }
    return true;
  }

  /** `'…'` or `E'…'`. */
  private isQuoted(at: number): boolean {
    const first = this.text.charCodeAt(at);
    return first === QUOTE || ((first | 32) === LETTER_E && this.text.charCodeAt(at + 1) === QUOTE);
  }

  private isCast(i: number): boolean {
    const { count, kind, start, end } = this.tokens;
    if (i >= count || kind[i] !== KIND.operator || end[i]! - start[i]! !== 2) return false;
    return this.text.charCodeAt(start[i]!) === COLON;
  }

  private source(i: number): string {
    return i < this.tokens.count ? this.text.slice(this.tokens.start[i], this.tokens.end[i]) : '';
  }

  private is(i: number, sign: number, as: number = KIND.single): boolean {
    const { count, kind, start, end } = this.tokens;
    return i < count && kind[i] === as && end[i]! - start[i]! === 1 && this.text.charCodeAt(start[i]!) === sign;
  }
}

/** A string and NULL are both of no type yet. */
const WORDS: Readonly<Record<string, string>> = { null: 's', true: 'b', false: 'b', default: 'd' };

/** Types of the server's own whose literals no rule inspects. */
const PLAIN_TYPES: ReadonlySet<string> = new Set([
  ...[
    'text',
    'varchar',
    'bpchar',
    'bool',
    'boolean',
    'smallint',
    'int2',
    'int',
    'integer',
    'int4',
    'bigint',
    'int8',
    'numeric',
  ],
  ...[
    'real',
    'float4',
    'float8',
    'date',
    'time',
    'timestamp',
    'timestamptz',
    'interval',
    'uuid',
    'json',
    'jsonb',
    'bytea',
    'inet',
  ],
]);
