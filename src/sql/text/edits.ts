/** Collects replacements of ranges of a text and puts them together as a template; nested ones keep their order. */
import type { Slot, Template } from './template.ts';

export interface Edit {
  /** Characters of the client's text; equal for an insertion. */
  readonly start: number;
  readonly end: number;
  readonly text: Template;
  /** A shorter text that the grammar reads alike there, except for a subquery in it; absent if there is none. */
  readonly short?: Template;
  /** Among edits at one place: smaller first. */
  readonly order: number;
  /** Of what opens a range: where that ends. Among those at one place the longer range is outside. */
  readonly closesAt?: number;
}

const CLOSE = 0;
const SUFFIX = 1_000_000;
const OPEN = 2_000_000;
const INSERT = 3_000_000;
const REPLACE = 4_000_000;

/** One statement text's edits. Ranges may nest only as wrap around wrap or replacement; overlapping replacements throw. */
export class Edits {
  private readonly list: Edit[] = [];
  private sequence = 0;

  /** `source`: the text that is edited. */
  constructor(private readonly source: string) {}

  get size(): number {
    return this.list.length;
  }

  /** Puts `before` in front of a range and `after` at its end. Wraps made later are inside those made earlier. */
  wrap(start: number, end: number, before: Template, after: Template): void {
    this.open(start, end, before);
    this.list.push({ start: end, end, text: this.apart(end, end, after), order: CLOSE - this.sequence });
  }

  /** Puts `text` in front of a range that ends at `end`: outside of shorter ranges that are wrapped there, inside of longer ones. */
  open(start: number, end: number, text: Template): void {
    this.sequence += 1;
    const order = OPEN + this.sequence;
    this.list.push({ start, end: start, text: this.apart(start, start, text), order, closesAt: end });
  }

  /** `short`: as in Edit; it begins and ends as `text` does. */
  replace(start: number, end: number, text: Template, short?: Template): void {
    // Replacing a text by itself is no edit: a statement without edits is sent as it came.
    if (text.length === 1 && text[0] === this.source.slice(start, end)) return;
    this.sequence += 1;
    // An insertion comes before a replacement at the same place, in whatever order they are made.
    const order = (start === end ? INSERT : REPLACE) + this.sequence;
    const edit = { start, end, text: this.apart(start, end, text), order };
    this.list.push(short ? { ...edit, short: this.apart(start, end, short) } : edit);
  }

  /** Inserts after what ends at `at`, before the closings of wraps that were made earlier and before a replacement there. */
  close(at: number, text: Template): void {
    this.sequence += 1;
    this.list.push({ start: at, end: at, text: this.apart(at, at, text), order: CLOSE - this.sequence });
  }

  /** Inserts after what ends at `at`, and after the closings of wraps there. */
  append(at: number, text: Template): void {
    this.sequence += 1;
    this.list.push({ start: at, end: at, text: this.apart(at, at, text), order: SUFFIX + this.sequence });
  }

  /** With a blank if it would join an adjacent word: `FROM"t"WHERE` has no gaps. */
  private apart(start: number, end: number, text: Template): Template {
    const first = text[0];
    const last = text.at(-1);
    if (first === undefined || last === undefined) return text;
    const before = wordAt(this.source[start - 1]) && (typeof first !== 'string' || wordAt(first[0]));
    const after = wordAt(this.source[end]) && (typeof last !== 'string' || wordAt(last.at(-1)));
    return [...(before ? [' '] : []), ...text, ...(after ? [' '] : [])];
  }

  /** The edits in the order of the text. */
  sorted(): Edit[] {
    const edits = [...this.list].sort((a, b) => a.start - b.start || byExtent(a, b) || a.order - b.order);
    for (let i = 1; i < edits.length; i++) {
      if (edits[i]!.start < edits[i - 1]!.end) throw new Error('replacements overlap');
    }
    return edits;
  }
}

function byExtent(a: Edit, b: Edit): number {
  return a.closesAt === undefined || b.closesAt === undefined ? 0 : b.closesAt - a.closesAt;
}

/** A character that could be part of the same token as an adjacent one. */
function wordAt(character: string | undefined): boolean {
  return character !== undefined && /[\w$"'\u0080-\uffff]/.test(character);
}

/** The text with its edits made. */
export function applyEdits(text: string, edits: readonly Pick<Edit, 'start' | 'end' | 'text'>[]): Template {
  const pieces: (string | Slot)[] = [];
  let at = 0;
  for (const edit of edits) {
    addText(pieces, text.slice(at, edit.start));
    for (const piece of edit.text) {
      if (typeof piece === 'string') addText(pieces, piece);
      else pieces.push(piece);
    }
    at = edit.end;
  }
  addText(pieces, text.slice(at));
  return pieces;
}

/** The same template in as few pieces as can be. */
export function joined(template: Template): Template {
  const pieces: (string | Slot)[] = [];
  for (const piece of template) {
    if (typeof piece === 'string') addText(pieces, piece);
    else pieces.push(piece);
  }
  return pieces;
}

function addText(pieces: (string | Slot)[], text: string): void {
  if (text === '') return;
  const last = pieces.length - 1;
  const previous = pieces[last];
  if (typeof previous === 'string') pieces[last] = previous + text;
  else pieces.push(text);
}

/** A template's text with each slot written by `write`. */
export function renderTemplate(template: Template, write: (slot: Slot) => string): string {
  let out = '';
  for (const piece of template) out += typeof piece === 'string' ? piece : write(piece);
  return out;
}
