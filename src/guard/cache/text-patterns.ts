/** The patterns that were met last. */

import type { NormalizedText } from './normalized-text.ts';
import { TextPattern } from './text-pattern.ts';

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
