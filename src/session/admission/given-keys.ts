/** The keys that a statement gives itself, as text: of the constants in it and of the values that its Bind has. */
import type { GivenKeys } from '../../guard/subjects/disclosure.ts';
import { elementsOf, readGivenKeys } from '../../guard/subjects/given-keys.ts';
import { readKey } from '../../guard/subjects/key-types.ts';
import { int32At } from '../../protocol/integers.ts';
import { bufferOf } from '../../protocol/text.ts';
import { addKeys, isReadable } from '../results/key-text.ts';

/** The values that a Bind gives to a client's own parameters. */
export interface BoundValues {
  /** Empty (all text), one (for all) or one for each. */
  readonly formats: readonly number[];
  readonly valueCount: number;
  /** As in Bind: each after its length. */
  readonly values: Uint8Array;
}

/** @param text the client's. @param bound absent if they are not known. @returns undefined if one of them cannot be read as the server reads it. */
export function givenKeys(
  place: GivenKeys,
  text: string,
  bound: BoundValues | undefined,
): readonly string[] | undefined {
  const given = readGivenKeys(text, place);
  if (!given) return undefined;
  const keys: string[] = [];
  for (const key of given) {
    if ('text' in key) keys.push(key.text);
    else {
      const value = bound && boundValue(bound, key.parameter);
      if (value === undefined) return undefined;
      if (value && !takeKeys(keys, value, place, bound!.formats, key)) return undefined;
    }
  }
  return keys;
}

/** @returns false where the value cannot be read. */
function takeKeys(
  keys: string[],
  value: Uint8Array,
  { type }: GivenKeys,
  formats: readonly number[],
  { parameter, array }: { readonly parameter: number; readonly array: boolean },
): boolean {
  const format = formats.length === 1 ? formats[0]! : (formats[parameter - 1] ?? 0);
  if (!array && format !== 1) return takeKey(keys, type, bufferOf(value).toString('utf8'));
  const texts = array ? elements(value, format) : binary(value, type);
  return texts?.every((text) => takeKey(keys, type, text)) === true;
}

/** @returns false where it cannot be read. */
function takeKey(keys: string[], type: number, text: string): boolean {
  // INVARIANT 65: a key that is not read as the server reads it would be counted as another's.
  const key = readKey(type, text);
  if (key !== undefined) keys.push(key);
  return key !== undefined;
}

function binary(value: Uint8Array, type: number): string[] | undefined {
  const texts: string[] = [];
  return addKeys(texts, value, type, 1) === 0 && texts.every(isReadable) ? texts : undefined;
}

/** The elements of `= ANY ($1)`: of a one-dimensional array, or of any binary array whose elements can be read. */
function elements(value: Uint8Array, format: number): readonly string[] | undefined {
  if (format === 0) return elementsOf(bufferOf(value).toString('utf8'));
  const type = value.length < 12 ? 0 : ARRAYS.get(int32At(value, 8));
  return type === undefined || type === 0 ? undefined : binary(value, type);
}

/** The array types whose elements' binary format is read, by element type. */
const ARRAYS: ReadonlyMap<number, number> = new Map([
  [21, 1005],
  [23, 1007],
  [20, 1016],
  [2950, 2951],
  [1042, 1014],
  [25, 1009],
  [1043, 1015],
]);

/** null: NULL. undefined: it is not there. */
function boundValue({ valueCount, values }: BoundValues, parameter: number): Uint8Array | null | undefined {
  if (parameter > valueCount) return undefined;
  let at = 0;
  for (let number = 1; at + 4 <= values.length; number += 1) {
    const length = int32At(values, at);
    at += 4;
    if (number === parameter) return length < 0 ? null : values.subarray(at, at + length);
    at += Math.max(0, length);
  }
  return undefined;
}
