/** The patterns that were met last. */
import { endOfLiteral } from '../../sql/text/lexer.ts';
import { LONGEST, type NormalizedText, normalizedForm, UNSHARED } from './normalized-text.ts';

/** Each is tried for a text that is not known itself. */
const REMEMBERED = 8;

interface Known {
  /** All else that the judgement depends on. */
  readonly types: string;
  readonly shape: string;
  readonly pattern: TextPattern;
}

/** The normalized text of a text, with the key of its shape: `types`, then the normalized text. */
export interface MatchedPattern {
  readonly shape: string;
  readonly normalizedText: NormalizedText;
}

/** Knows a text of a known normalized text by the pieces between its literals: most texts come in the same few, and need not be cut into tokens. */
export class TextPatterns {
  private readonly known: Known[] = [];

  match(types: string, text: string): MatchedPattern | undefined {
    for (let i = 0; i < this.known.length; i++) {
      const known = this.known[i]!;
      const normalizedText = known.types === types ? known.pattern.match(text) : undefined;
      if (!normalizedText) continue;
      if (i > 0) this.first(known, i);
      return { shape: known.shape, normalizedText };
    }
    return undefined;
  }

  add(types: string, text: string, { shape, normalizedText }: MatchedPattern): void {
    const pattern = TextPattern.of(text, normalizedText);
    if (pattern) this.first({ types, shape, pattern }, REMEMBERED - 1);
  }

  /** Moves it to the front; the one at `place` is dropped. */
  private first(known: Known, place: number): void {
    this.known.splice(place, 1);
    this.known.unshift(known);
  }
}

/** A character that could be part of an adjacent literal, or change its meaning. */
const JOINS = /[\w$.'"\u0080-\uffff]/;

export class TextPattern {
  private constructor(
    private readonly key: string,
    /** The text before each literal, and after the last. */
    private readonly pieces: readonly string[],
    private readonly shapes: readonly (string | undefined)[],
  ) {}

  /** `normalizedText`: of `text`. Undefined if a literal follows another without a gap or sign. */
  static of(text: string, { key, starts, ends }: NormalizedText): TextPattern | undefined {
    const pieces = [...starts, text.length].map((start, i) => text.slice(ends[i - 1] ?? 0, start));
    const joins = pieces.some(
      (piece, i) => (i > 0 && JOINS.test(piece.charAt(0))) || (i < starts.length && JOINS.test(piece.slice(-1))),
    );
    if (joins) return undefined;
    const shapes = starts.map((start, i) => normalizedForm(text.slice(start, ends[i])));
    return new TextPattern(key, pieces, shapes);
  }

  /**
   * The normalized text of `text` if it has the same key, else undefined. It equals the result of `normalizedTextOf`: both go from left to right, the
   * same function finds the end of a literal, and before a literal both only see that a digit or a quote comes.
   */
  match(text: string): NormalizedText | undefined {
    const { pieces, shapes } = this;
    if (text.length >= LONGEST || !text.startsWith(pieces[0]!)) return undefined;
    const starts: number[] = [];
    const ends: number[] = [];
    let at = pieces[0]!.length;
    for (let i = 0; i < shapes.length; i++) {
      const end = endOfLiteral(text, at);
      const piece = pieces[i + 1]!;
      if (end === undefined || !text.startsWith(piece, end)) return undefined;
      const literal = text.slice(at, end);
      const shape = normalizedForm(literal);
      if (shape !== shapes[i] || (shape === 's' && UNSHARED.test(literal))) return undefined;
      starts.push(at);
      ends.push(end);
      at = end + piece.length;
    }
    return at === text.length ? { key: this.key, starts, ends } : undefined;
  }
}
