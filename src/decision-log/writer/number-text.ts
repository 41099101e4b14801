/** Numbers of which every record has others, as text. `String` looks each of them up among those that it has made before, and keeps it there. */
const LAST_THREE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
let before = { thousands: 0, text: '' };

/**
 * @param number whole, 0 or more. As text it is as `String` makes it, which keeps each text that it makes among what is old: of each record that is
 * written, to be collected with the whole heap.
 */
export function numberText(number: number): string {
  if (number < 1000) return String(number);
  const thousands = Math.floor(number / 1000);
  if (thousands !== before.thousands) before = { thousands, text: String(thousands) };
  return before.text + LAST_THREE[number % 1000];
}

/** `.531`, `.5`, nothing. */
const THOUSANDTHS = LAST_THREE.map((digits) => (digits === '000' ? '' : `.${digits.replace(/0+$/, '')}`));

/** @param number 0 or more, and below 2^43: to three places, as `String` would write it. */
export function rounded(number: number): string {
  const thousandths = Math.round(number * 1000);
  const whole = Math.floor(thousandths / 1000);
  return numberText(whole) + THOUSANDTHS[thousandths - whole * 1000];
}
