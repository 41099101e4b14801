/** Judgements by the skeletons of their texts: an application that writes its values into the text is judged once for each shape. */
import { LRUCache } from 'lru-cache';
import type { Judgement } from '../decision.ts';
import { SharedJudgement } from './reusable-judgement.ts';
import type { Skeleton } from './normalized-text.ts';
import type { WatchedLiterals } from './literal-dependencies.ts';

/** How many shapes are remembered, and how many characters of them together. */
const REMEMBERED = 2_000;
const REMEMBERED_CHARACTERS = 4_000_000;

/** Judgements of one skeleton that differ in a literal which matters; behind them each text is judged by itself. */
const VARIANTS = 4;

interface Shape {
  readonly variants: SharedJudgement[];
  /** How often it was tried to learn one. */
  tried: number;
}

export class Shapes {
  private readonly remembered = new LRUCache<string, Shape>({
    max: REMEMBERED,
    maxSize: REMEMBERED_CHARACTERS,
    // What a judgement holds beside its text is about as much again, a few times.
    sizeCalculation: (_, key) => 4 * key.length,
  });

  /** The judgement of a text whose like was judged. `key`: its skeleton's, behind all else that its judgement depends on. */
  find(key: string, text: string, skeleton: Skeleton): Judgement | undefined {
    for (const shared of this.remembered.get(key)?.variants ?? []) {
      const judgement = shared.for(text, skeleton);
      if (judgement) return judgement;
    }
    return undefined;
  }

  /** Whether its like has come before: to learn from it is worth the work then. */
  comesAgain(key: string): boolean {
    const known = this.remembered.get(key);
    if (!known) this.remembered.set(key, { variants: [], tried: 0 });
    else known.tried += 1;
    return known !== undefined && known.tried <= VARIANTS;
  }

  learn(key: string, text: string, skeleton: Skeleton, judgement: Judgement, literals: WatchedLiterals): void {
    const shared = SharedJudgement.of(judgement, text, skeleton, literals);
    if (shared) this.remembered.get(key)?.variants.push(shared);
  }
}
