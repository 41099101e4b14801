/** Which numbers stand for each other. */

/**
 * By type: `i` an integer, `l` a bigint where it is too large for that, else `n`, numeric. `unlike`: one that stands for no other. Undefined: not
 * a decimal number.
 */
export function numberShape(source: string): 'i' | 'l' | 'n' | 'unlike' | undefined {
  if (!/^\d+$/.test(source)) return /^(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?$/.test(source) ? 'n' : undefined;
  if (source.length < 10) return 'i';
  const value = BigInt(source);
  // The least integer and the least bigint have no positive twin.
  if (value === 2n ** 31n || value === 2n ** 63n) return 'unlike';
  if (value < 2n ** 31n) return 'i';
  if (value < 2n ** 63n) return 'l';
  return 'n';
}
