/** Numbers that count up, as text. */
const LAST_THREE = Array.from({ length: 1000 }, (_, i) => String(i).padStart(3, '0'));
let before = { thousands: 0, text: '' };

/**
 * @param number whole, 0 or more. As text it is as `String` makes it, which keeps each text that it makes among what is old: of each record that is
 * written, to be collected with the whole heap.
 */
export function counted(number: number): string {
  if (number < 1000) return String(number);
  const thousands = Math.floor(number / 1000);
  if (thousands !== before.thousands) before = { thousands, text: String(thousands) };
  return before.text + LAST_THREE[number % 1000];
}
