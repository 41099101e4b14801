/** Removes the guards (`ok`) from a sent text, to show that the hidden rows make it fail without them. */

const GUARD = /CASE WHEN \(?rowgate_ok_\d+(?: AND rowgate_ok_\d+)*\)? IS NOT FALSE THEN /;

/** `CASE WHEN (…ok) IS NOT FALSE THEN expression END` becomes `(expression)`. */
export function unguarded(sent: string): string {
  let text = sent;
  for (;;) {
    const guard = GUARD.exec(text);
    if (!guard) return text;
    const start = guard.index + guard[0].length;
    const end = endOfCase(text, start);
    text = `${text.slice(0, guard.index)}(${text.slice(start, end)})${text.slice(end + 'END'.length)}`;
  }
}

/** The place of the END that belongs to the CASE before `start`. */
function endOfCase(text: string, start: number): number {
  let open = 1;
  for (const word of text.slice(start).matchAll(/\b(CASE|END)\b/g)) {
    open += word[0] === 'CASE' ? 1 : -1;
    if (open === 0) return start + word.index;
  }
  throw new Error('a guard without its END');
}
