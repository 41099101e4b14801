/** Which LIKE patterns and regular expressions are known to raise nothing on any text: read by rules of our own, narrower than the server's. */

/** Each `%` may cost the server a level of its stack, and how many it comes to depends on the text. */
const MOST_WILDCARDS = 1000;

/** A pattern with backslash as its escape: it must not end in one that escapes nothing. */
export function isLeakproofLike(pattern: string): boolean {
  return trailing(pattern, '\\') % 2 === 0 && wildcards(pattern) <= MOST_WILDCARDS;
}

/** Whether any text with this end is a leakproof pattern: its last character is known, and is not a backslash. */
export function endsSoundly(end: string): boolean {
  return end !== '' && !end.endsWith('\\') && wildcards(end) <= MOST_WILDCARDS;
}

/** Whether LIKE with that ESCAPE character cannot fail, and does not run for long. */
export function isLeakproofLikeWithEscape(pattern: string, character: string): boolean {
  if (character === '\\') return isLeakproofLike(pattern);
  const characters = [...character];
  // Backslashes are doubled on the way: only a lone escape of the pattern's own stays one.
  if (characters.length > 1 || wildcards(pattern) > MOST_WILDCARDS) return false;
  return characters.length === 0 || trailing(pattern, character) % 2 === 0;
}

function trailing(text: string, character: string): number {
  let count = 0;
  while (text.endsWith(character, text.length - count * character.length)) count += 1;
  return count;
}

function wildcards(text: string): number {
  return text.split('%').length - 1;
}

/** Longer ones are not read. */
const LONGEST = 200;
const MOST_GROUPS = 10;

/** One thing to be matched: a character, `\d`, `.`, or a set of plain characters and ranges of letters or digits. */
const ATOM =
  /^(?:[\p{L}\p{N} _\-@,:;'"<>=!#%&~`/]|\\[dswDSW.\\\-()[\]{}*+?|^$/]|\.|\[\^?(?:[a-z]-[a-z]|[A-Z]-[A-Z]|[0-9]-[0-9]|[\p{L}\p{N} _@,;'"<>!#%&~`/.*+?()|$])+-?\])/u;
const QUANTIFIER = /^(?:[*+?]|\{(\d{1,2})(?:,(\d{1,2}))?\})/;
const MOST_REPEATS = 20;

/**
 * Whether the text is a regular expression of a small kind that always compiles and always runs: characters, sets, groups, alternatives, single
 * quantifiers, `^` at the beginning and `$` at the end. No look-around, no back-reference, no option.
 */
export function isLeakproofRegexLiteral(text: string): boolean {
  if (text.length > LONGEST || [...text.matchAll(/\(/g)].length > MOST_GROUPS) return false;
  if ((text.match(/\{/g)?.length ?? 0) > 2) return false;
  let rest = text.startsWith('^') ? text.slice(1) : text;
  if (endsInAnchor(rest)) rest = rest.slice(0, -1);
  const left = alternatives(rest);
  return left === '';
}

/** A `$` that is not escaped. */
function endsInAnchor(text: string): boolean {
  return text.endsWith('$') && trailing(text.slice(0, -1), '\\') % 2 === 0;
}

/** The rest of the text after alternatives separated by `|`; undefined if no alternative can be read. */
function alternatives(text: string): string | undefined {
  let rest = branch(text);
  while (rest?.startsWith('|')) rest = branch(rest.slice(1));
  return rest;
}

function branch(text: string): string | undefined {
  let rest = piece(text);
  while (rest !== undefined && rest !== '' && !/^[|)]/.test(rest)) rest = piece(rest);
  return rest;
}

function piece(text: string): string | undefined {
  if (text.startsWith('(')) {
    const inside = alternatives(text.slice(1));
    if (!inside?.startsWith(')')) return undefined;
    // A count of a group multiplies it: only the simple ones.
    return inside.slice(1).replace(/^[*+?]/, '');
  }
  const atom = ATOM.exec(text)?.[0];
  if (atom === undefined || !rangesRise(atom)) return undefined;
  const rest = text.slice(atom.length);
  const quantifier = QUANTIFIER.exec(rest);
  if (!quantifier) return rest;
  const [all, least, most] = quantifier;
  if (least !== undefined) {
    const [from, to] = [Number(least), Number(most ?? least)];
    if (from > to || to < 1 || to > MOST_REPEATS) return undefined;
  }
  return rest.slice(all.length);
}

function rangesRise(atom: string): boolean {
  if (!atom.startsWith('[')) return true;
  return [...atom.matchAll(/([a-zA-Z0-9])-([a-zA-Z0-9])/g)].every(([, from, to]) => from! <= to!);
}
