/** Which literals of a text a judgement has looked into: the others could have been any of their shape. */
import type { ParsedText } from '../../sql/parse.ts';
import { as, type Body } from '../../sql/tree.ts';
import type { Skeleton } from './skeleton.ts';

/** The grammar makes one constant of a sign and the number behind it, and says that it stands where the sign does. */
const SIGNED = /-[ \t\r\n]*$/;

/** Fields of a constant that hold its value. Which of them is there is part of its shape. */
const VALUES = ['ival', 'fval', 'sval'] as const;

export class WatchedLiterals {
  private readonly met = new Set<number>();
  private readonly read = new Set<number>();
  private watching = true;

  /** From here on the constants in the tree of `parsed` say when somebody reads their values. `skeleton`: of its text. */
  constructor(
    parsed: ParsedText,
    private readonly skeleton: Skeleton,
  ) {
    const places = new Map<number, Place>();
    skeleton.starts.forEach((start, literal) => {
      places.set(start, { literal, isSigned: false });
      const sign = SIGNED.exec(parsed.text.slice(skeleton.ends[literal - 1] ?? 0, start));
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

  /** The literals, by their number in the skeleton, that must be the same in another text: those that were looked into, and those that are no constants. */
  pinned(): readonly number[] {
    return this.skeleton.starts.flatMap((_, i) => (this.met.has(i) && !this.read.has(i) ? [] : [i]));
  }

  private watch(part: unknown, parsed: ParsedText, places: ReadonlyMap<number, Place>): void {
    if (typeof part !== 'object' || part === null) return;
    parsed.patience.spend();
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
      const value = holder[field];
      // INVARIANT: the constant is the literal that the skeleton took out, whole: the server's scanner cuts there as ours does.
      if (String(value ?? (field === 'sval' ? '' : 0)) !== this.valueOf(parsed.text, place, field)) {
        // Also where another constant that was made of the same literal is watched: nobody would say that this one was read.
        this.read.add(literal);
        return;
      }
      this.met.add(literal);
      Object.defineProperty(holder, field, {
        enumerable: true,
        configurable: true,
        get: () => {
          if (this.watching) this.read.add(literal);
          return value;
        },
        set: () => {
          throw new Error('a constant is not changed');
        },
      });
    }
  }

  private valueOf(text: string, { literal, isSigned }: Place, field: (typeof VALUES)[number]): string {
    const source = text.slice(this.skeleton.starts[literal], this.skeleton.ends[literal]);
    // A string keeps its value behind a sign, and has its place.
    if (field === 'sval') return source.slice(1, -1).replaceAll("''", "'");
    const value = field === 'ival' ? String(Number(source)) : source;
    return isSigned && value !== '0' ? `-${value}` : value;
  }
}

/** Where a constant can stand that was made of a literal. */
interface Place {
  /** Its number in the skeleton. */
  readonly literal: number;
  /** In front of the literal, at its sign. */
  readonly isSigned: boolean;
}
