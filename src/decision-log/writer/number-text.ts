/** Formats numbers that differ in every record. `String` would look each up in V8's cache of number strings, and store it there. */
const LAST_THREE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
let before = { thousands: 0, text: '' };

/**
 * Like `String`, without its cache: cached strings become old objects, which only a full garbage collection frees. @param number an integer, 0 or
 * more.
 */
export function numberText(number: number): string {
  if (number < 1000) return String(number);
  const thousands = Math.floor(number / 1000);
  if (thousands !== before.thousands) before = { thousands, text: String(thousands) };
  return before.text + LAST_THREE[number % 1000];
}

/** `.531`, `.5`, or nothing. */
const THOUSANDTHS = LAST_THREE.map((digits) => (digits === '000' ? '' : `.${digits.replace(/0{1,2}$/, '')}`));

/** @param number 0 or more, and below 2^43. Rounded to three places, in the format of `String`. */
export function rounded(number: number): string {
  const thousandths = Math.round(number * 1000);
  const whole = Math.floor(thousandths / 1000);
  return numberText(whole) + THOUSANDTHS[thousandths - whole * 1000];
}
