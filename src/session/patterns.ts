/** LIKE patterns that are parameters: judged when they get their values, so that the expression they stand in can stay where it is. */
import { type Refusal, refusal } from '../errors.ts';
import type { decodeBindHead } from '../wire/bind.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { int32At } from '../wire/integers.ts';

const BACKSLASH = 0x5c;

/**
 * Why a Bind may not pass: a pattern ends in a lone escape character. On which rows PostgreSQL comes as far as its end depends on what they hold,
 * hidden ones too. Text and binary format of a text are the same bytes.
 * @param frame a Bind, or its first piece. @param patterns numbers of parameters, from 1.
 */
export function loneEscape(
  { bytes }: Frame,
  { valuesAt, valueCount }: ReturnType<typeof decodeBindHead>,
  patterns: readonly number[],
): Refusal | undefined {
  const last = Math.min(Math.max(0, ...patterns), valueCount);
  let at = valuesAt;
  for (let number = 1; number <= last; number += 1) {
    // INVARIANT: a pattern that was not read to its end does not pass.
    if (at + 4 > bytes.length) return outOfSight();
    const length = Math.max(0, int32At(bytes, at));
    at += 4 + length;
    if (!patterns.includes(number)) continue;
    if (at > bytes.length) return outOfSight();
    if (endsInEscape(bytes.subarray(at - length, at))) return endsAlone();
  }
  return undefined;
}

/** The same of an EXECUTE. @param texts its arguments, as far as they are known texts. */
export function loneEscapeIn(
  texts: readonly (string | null | undefined)[] | undefined,
  patterns: readonly number[],
): Refusal | undefined {
  for (const number of patterns) {
    if (texts && number > texts.length) continue;
    const text = texts?.[number - 1];
    // INVARIANT: what is not known is not a pattern that may pass.
    if (text === undefined) return notConstant();
    if (text !== null && endsInEscape(Buffer.from(text))) return endsAlone();
  }
  return undefined;
}

function notConstant(): Refusal {
  return refusal('unsupported', '0A000', 'EXECUTE takes a string constant for a LIKE pattern');
}

/** An odd number of backslashes at its end: each pair of them is one to be found. */
function endsInEscape(pattern: Uint8Array): boolean {
  let at = pattern.length;
  while (at > 0 && pattern[at - 1] === BACKSLASH) at -= 1;
  return (pattern.length - at) % 2 === 1;
}

/** PostgreSQL's words. */
function endsAlone(): Refusal {
  return refusal('pattern', '22025', 'LIKE pattern must not end with escape character');
}

function outOfSight(): Refusal {
  return refusal('too-large', '54000', 'LIKE pattern stands behind too many bytes of other values', {
    hint: 'Number the parameters so that the pattern comes first.',
  });
}
