/** One difference between two policies, and whether it is proven that it gives nothing more. */

export interface PolicyDifference {
  /** What it says of the principal: `sees public.students.address (withheld before)`. */
  readonly words: string;
  /**
   * True only if it is proven that nothing more is shown or allowed. Few changes are proven, each where it is compared; every other difference is
   * `more`.
   */
  readonly less: boolean;
}

export const more = (words: string): PolicyDifference => ({ words, less: false });
export const less = (words: string): PolicyDifference => ({ words, less: true });

/** How one field of two objects is compared; `derived`: it follows from others that are compared. */
export type FieldComparison<T> = 'derived' | ((before: T, after: T) => readonly PolicyDifference[]);

/** If both are equal there is no change; otherwise the field's comparison tells the changes. */
export function compareFields<T extends object>(
  before: T,
  after: T,
  fields: { readonly [K in keyof Required<T>]: FieldComparison<T[K]> },
): PolicyDifference[] {
  return (Object.keys(fields) as (keyof T & string)[]).flatMap((field) => {
    const comparison = fields[field] as FieldComparison<unknown>;
    if (comparison === 'derived' || isEqualData(before[field], after[field])) return [];
    return comparison(before[field], after[field]);
  });
}

/** For a field whose changes are never proven to give less. */
export function unproven(words: string): () => readonly PolicyDifference[] {
  return () => [more(words)];
}

/** Compares plain data, maps and sets, without the source lines of rules. */
export function isEqualData(a: unknown, b: unknown): boolean {
  return textOf(a) === textOf(b);
}

/** Source lines do not change what a rule means. */
const PLACES: ReadonlySet<string> = new Set(['rule', 'rules', 'functionRules']);

function textOf(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (PLACES.has(key)) return undefined;
    if (inner instanceof Map) return { map: [...inner].sort(([one], [other]) => compare(String(one), String(other))) };
    if (inner instanceof Set) return { set: [...inner].map(String).sort(compare) };
    if (inner === Number.POSITIVE_INFINITY) return 'infinite';
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? sorted(inner) : inner;
  });
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => compare(one, other)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
