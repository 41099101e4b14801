/** The `options` of a startup packet: command-line switches of the server, of which only settings are supported. */

/** `name=value` pairs in order, or the first unsupported switch. A backslash escapes the next character, as in PostgreSQL. */
export function parseOptions(options: string): { settings: [string, string][] } | { unknown: string } {
  const words = splitWords(options);
  const settings: [string, string][] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    let assignment: string | undefined;
    if (word === '-c') assignment = words[++i];
    else if (word.startsWith('-c')) assignment = word.slice(2);
    else if (word.startsWith('--')) assignment = word.slice(2);
    const match = assignment === undefined ? null : /^([A-Za-z_][A-Za-z0-9_.-]*)=(.*)$/s.exec(assignment);
    if (!match) return { unknown: word };
    // In switches PostgreSQL accepts `-` for `_`.
    settings.push([(match[1] ?? '').replaceAll('-', '_'), match[2] ?? '']);
  }
  return { settings };
}

function splitWords(text: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (/[ \t\n\r\f\v]/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === '\\') {
      i += 1;
      word = (word ?? '') + text.charAt(i);
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** Writes settings as `options`; every character that could end or split a value is escaped. */
export function formatOptions(settings: Iterable<readonly [string, string]>): string {
  return [...settings].map(([name, value]) => `-c ${name}=${value.replace(/[\s\\]/g, '\\$&')}`).join(' ');
}
