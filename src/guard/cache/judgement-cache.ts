/** Judgements by the normalized texts of their texts: an application that writes its values into the text is judged once for each shape. */
import { LRUCache } from 'lru-cache';
import type { Judgement } from '../decision.ts';
import type { LiteralDependencies } from './literal-dependencies.ts';
import type { NormalizedText } from './normalized-text.ts';
import { ReusableJudgement } from './reusable-judgement.ts';

/** How many shapes are remembered. */
const REMEMBERED = 2_000;

/** Judgements of one normalized text that differ in a literal that matters; beyond this many, each text is judged by itself. */
const VARIANTS = 4;

interface Shape {
  readonly variants: ReusableJudgement[];
  /** How often it was tried to learn one. */
  tried: number;
}

export class JudgementCache {
  private readonly remembered: LRUCache<string, Shape>;

  /** `characters`: of the shapes that are remembered, together. */
  constructor(characters: number) {
    this.remembered = new LRUCache({
      max: REMEMBERED,
      maxSize: characters,
      // The other parts of a judgement take a few times as much as its text.
      sizeCalculation: (_, key) => 4 * key.length,
    });
  }

  /**
   * The judgement of a text that differs only in literals from a judged one. `key`: that of its normalized text, after everything else that its
   * judgement depends on.
   */
  find(key: string, text: string, normalizedText: NormalizedText): Judgement | undefined {
    for (const shared of this.remembered.get(key)?.variants ?? []) {
      const judgement = shared.for(text, normalizedText);
      if (judgement) return judgement;
    }
    return undefined;
  }

  /** Whether a text with this key came before: then it is worth learning from it. */
  comesAgain(key: string): boolean {
    const known = this.remembered.get(key);
    if (!known) this.remembered.set(key, { variants: [], tried: 0 });
    else known.tried += 1;
    return known !== undefined && known.tried <= VARIANTS;
  }

  learn(
    key: string,
    text: string,
    normalizedText: NormalizedText,
    judgement: Judgement,
    literals: LiteralDependencies,
  ): void {
    const shared = ReusableJudgement.of(judgement, text, normalizedText, literals);
    if (shared) this.remembered.get(key)?.variants.push(shared);
  }
}
