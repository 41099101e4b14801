/** Which literals of a text a judgement has looked into, and what it has asked of others: the rest could have been any of their shape. */
import { type ConstantQuestion, listen } from '../../sql/parse/constants.ts';
import type { ParsedText } from '../../sql/parse/parse.ts';
import { as, type Body } from '../../sql/parse/tree.ts';
import type { NormalizedText } from './normalized-text.ts';

/** The grammar makes one constant of a sign and the number after it, and gives the sign's location. */
const SIGNED = /-[ \t\r\n]*$/;

/** Fields of a constant that hold its value. Which of them is there is part of its shape. */
const VALUES = ['ival', 'fval', 'sval'] as const;
type Field = (typeof VALUES)[number];

export class LiteralDependencies {
  private readonly met = new Set<number>();
  private readonly read = new Set<number>();
  private readonly asked: LiteralCondition[] = [];
  private watching = true;

  /** From here on the constants in the tree of `parsed` record when their values are read. `normalizedText`: of its text. */
  constructor(
    parsed: ParsedText,
    private readonly normalizedText: NormalizedText,
  ) {
    const places = new Map<number, Place>();
    normalizedText.starts.forEach((start, literal) => {
      places.set(start, { literal, isSigned: false });
      const sign = SIGNED.exec(parsed.text.slice(normalizedText.ends[literal - 1] ?? 0, start));
      if (sign) places.set(start - sign[0].length, { literal, isSigned: true });
    });
    for (const { node } of parsed.statements) this.watch(node, parsed, places);
  }

  /** What `step` reads does not count: it may look, and its answer must not depend on it. */
  unwatched(step: () => void): void {
    this.watching = false;
    try {
      step();
    } finally {
      this.watching = true;
    }
  }

  /**
   * The literals, by their number in the normalized text, that must be the same in another text: those whose value was read, and those that are not
   * constants.
   */
  pinned(): readonly number[] {
    return this.normalizedText.starts.flatMap((_, i) => (this.met.has(i) && !this.read.has(i) ? [] : [i]));
  }

  /** What holds of literals that need not be the same, and must hold of those in their place. */
  conditions(): readonly LiteralCondition[] {
    return this.asked.filter(({ literal }) => !this.read.has(literal));
  }

  private watch(part: unknown, parsed: ParsedText, places: ReadonlyMap<number, Place>): void {
    if (typeof part !== 'object' || part === null) return;
    parsed.workLimit.spend();
    const constant = Array.isArray(part) ? undefined : as(part as never, 'A_Const');
    if (constant) this.watchConstant(constant, parsed, places);
    else for (const inner of Object.values(part)) this.watch(inner, parsed, places);
  }

  private watchConstant(constant: Body<'A_Const'>, parsed: ParsedText, places: ReadonlyMap<number, Place>): void {
    const place = places.get(parsed.toChar(constant.location ?? 0));
    if (!place) return;
    const { literal } = place;
    for (const field of VALUES) {
      const holder = constant[field] as Record<string, unknown> | undefined;
      if (!holder) continue;
      const held = holder[field];
      const value = held ?? (field === 'sval' ? '' : 0);
      // INVARIANT 20: the constant is the literal that the normalized text took out, whole: the server's scanner cuts there as ours does.
      const source = parsed.text.slice(this.normalizedText.starts[literal], this.normalizedText.ends[literal]);
      if (value !== meantBy(source, place, field)) {
        // Also if another constant of the same literal is watched: it would not record that this one was read.
        this.read.add(literal);
        return;
      }
      this.met.add(literal);
      listen(holder, (question) => {
        const answer = question(value as never);
        if (this.watching) this.asked.push(conditionOf(place, field, question, answer));
        return answer;
      });
      Object.defineProperty(holder, field, {
        enumerable: true,
        configurable: true,
        get: () => {
          if (this.watching) this.read.add(literal);
          return held;
        },
        set: () => {
          throw new Error('a constant is not changed');
        },
      });
    }
  }
}

/** Holds of a literal, as it is written. */
export interface LiteralCondition {
  /** Its number in the normalized text. */
  readonly literal: number;
  readonly holds: (source: string) => boolean;
}

function conditionOf(place: Place, field: Field, question: ConstantQuestion<never>, answer: unknown): LiteralCondition {
  return { literal: place.literal, holds: (source) => question(meantBy(source, place, field) as never) === answer };
}

/** A place where a constant that was made of a literal can be. */
interface Place {
  /** Its number in the normalized text. */
  readonly literal: number;
  /** In front of the literal, at its sign. */
  readonly isSigned: boolean;
}

/** What the grammar makes of a literal. */
function meantBy(source: string, { isSigned }: Place, field: Field): string | number {
  switch (field) {
    case 'ival':
      // A sum, so that nothing below nothing is nothing.
      return isSigned ? 0 - Number(source) : Number(source);
    case 'fval':
      return isSigned ? `-${source}` : source;
    case 'sval':
      // The value follows a sign, which is at the node's location.
      return source.slice(1, -1).replaceAll("''", "'");
  }
}
