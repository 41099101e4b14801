/** LIKE patterns that are parameters: judged when they get their values, so that the expression can stay in its place. */
import { Buffer } from 'node:buffer';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { StatementJudgement } from '../../guard/decision.ts';
import type { decodeBindHead } from '../../protocol/bind.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { int32At } from '../../protocol/integers.ts';

const BACKSLASH = 0x5c;

/** Each `%` may cost the server a level of its stack, and how many of them it comes to depends on what the rows hold. */
const MOST_WILDCARDS = 1000;
const WILDCARD = 0x25;

/** Numbers of parameters, from 1, as a judgement has them. */
export type PatternParameters = Pick<StatementJudgement, 'patterns' | 'patternParts'>;

/**
 * Why a Bind may not pass: a pattern ends in a lone escape character, or has too many wildcards. On which rows PostgreSQL comes as far as
 * to fail depends on what they hold, hidden ones too. Text and binary format of a text are the same bytes.
 * @param frame a Bind, or its first piece.
 */
export function leakyPattern(
  { bytes }: Frame,
  { valuesAt, valueCount }: ReturnType<typeof decodeBindHead>,
  { patterns = [], patternParts = [] }: PatternParameters,
): Refusal | undefined {
  const last = Math.min(Math.max(0, ...patterns, ...patternParts), valueCount);
  let at = valuesAt;
  for (let number = 1; number <= last; number += 1) {
    // A pattern that was not read to its end does not pass.
    if (at + 4 > bytes.length) return outOfSight();
    const length = Math.max(0, int32At(bytes, at));
    at += 4 + length;
    const whole = patterns.includes(number);
    if (!whole && !patternParts.includes(number)) continue;
    if (at > bytes.length) return outOfSight();
    const reason = leaky(bytes.subarray(at - length, at), whole);
    if (reason) return reason;
  }
  return undefined;
}

/** The same of an EXECUTE. @param texts its arguments, as far as they are known texts. */
export function leakyPatternIn(
  texts: readonly (string | null | undefined)[] | undefined,
  { patterns = [], patternParts = [] }: PatternParameters,
): Refusal | undefined {
  for (const number of [...patterns, ...patternParts]) {
    if (texts && number > texts.length) continue;
    const text = texts?.[number - 1];
    // An unknown value is not a pattern that may pass.
    if (text === undefined) return notConstant();
    const reason = text === null ? undefined : leaky(Buffer.from(text), patterns.includes(number));
    if (reason) return reason;
  }
  return undefined;
}

/** @param whole it is all of the pattern, and its end. */
function leaky(pattern: Uint8Array, whole: boolean): Refusal | undefined {
  if (whole && endsInEscape(pattern)) return endsAlone();
  let wildcards = 0;
  for (let at = pattern.indexOf(WILDCARD); at >= 0; at = pattern.indexOf(WILDCARD, at + 1)) {
    wildcards += 1;
    if (wildcards > MOST_WILDCARDS) return tooManyWildcards();
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

function tooManyWildcards(): Refusal {
  return refusal('pattern', '54000', `LIKE pattern must not have more than ${MOST_WILDCARDS} wildcards`, {
    hint: 'Take fewer of % and _.',
  });
}

function outOfSight(): Refusal {
  return refusal('too-large', '54000', 'LIKE pattern stands behind too many bytes of other values', {
    hint: 'Number the parameters so that the pattern comes first.',
  });
}
