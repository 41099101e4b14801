/** Which numbers can replace each other without a change of meaning. */

/**
 * By type: `i` an integer, `l` a bigint if it is too large for that, else `n`, numeric. `unlike`: a number that no other can replace. Undefined: not
 * a decimal number.
 */
export function numberShape(source: string): 'i' | 'l' | 'n' | 'unlike' | undefined {
  if (!isDigits(source)) return /^(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?$/.test(source) ? 'n' : undefined;
  if (source.length < 10) return 'i';
  const value = BigInt(source);
  // The least integer and the least bigint have no positive twin.
  if (value === 2n ** 31n || value === 2n ** 63n) return 'unlike';
  if (value < 2n ** 31n) return 'i';
  if (value < 2n ** 63n) return 'l';
  return 'n';
}

/** A regular expression takes several times as long, and every statement with a number in it asks. */
function isDigits(source: string): boolean {
  for (let i = 0; i < source.length; i += 1) {
    const code = source.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return source.length > 0;
}
