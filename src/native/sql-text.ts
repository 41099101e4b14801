/** Names, values and comments in SQL that people read and psql runs: nothing in them can end them early. */

/** Control and format characters and Unicode line ends: text that holds them does not show what it is. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** An identifier, always quoted; one with such characters as escapes (manual, section 4.1.2.3). */
export function identifier(name: string): string {
  // Only a double quote can end it; psql interprets no backslash and no colon in it.
  if (!UNSEEN.test(name)) return `"${name.replaceAll('"', '""')}"`;
  return `U&"${name.replaceAll('\\', '\\\\').replaceAll('"', '""').replace(new RegExp(UNSEEN, 'gu'), escaped)}"`;
}

export function qualified({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** A string constant that means the same with standard_conforming_strings on and off. */
export function sqlLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  // A backslash is used in E'' strings only, which both settings read alike.
  if (!UNSEEN.test(text) && !text.includes('\\')) return `'${quoted}'`;
  const seen = quoted.replaceAll('\\', '\\\\').replace(new RegExp(UNSEEN, 'gu'), (character) => {
    return character === '\n' ? '\\n' : `\\U${hex(character, 8)}`;
  });
  return `E'${seen}'`;
}

/** SQL comment lines. Every line begins with dashes, whatever the text contains. */
export function sqlComment(text: string): string {
  return text
    .split('\n')
    .map((line) => `-- ${line.replace(new RegExp(UNSEEN, 'gu'), '?')}`.trimEnd())
    .join('\n');
}

/** A name inside a comment: quoted, on one line. */
export function named(text: string): string {
  return JSON.stringify(text.replace(new RegExp(UNSEEN, 'gu'), '?'));
}

function escaped(character: string): string {
  return `\\+${hex(character, 6)}`;
}

function hex(character: string, digits: number): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(digits, '0');
}
