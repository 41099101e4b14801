/** Names, values and remarks as they may stand in SQL that a person reads and psql runs: nothing in them can end them early. */

/** Control characters, line ends of Unicode and what turns the direction of reading: text that holds them is not what it looks like. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/** An identifier, always quoted; one with unseen characters by their numbers (manual, section 4.1.2.3). */
export function identifier(name: string): string {
  // A double quote is all that can end it; psql reads no backslash and no colon in it.
  if (!UNSEEN.test(name)) return `"${name.replaceAll('"', '""')}"`;
  return `U&"${name.replaceAll('\\', '\\\\').replaceAll('"', '""').replace(new RegExp(UNSEEN, 'gu'), escaped)}"`;
}

/** `"schema"."name"`. */
export function qualified({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** A string constant that means the same with standard_conforming_strings on and off. */
export function sqlLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  // A backslash stands behind E alone, where both settings read it alike.
  if (!UNSEEN.test(text) && !text.includes('\\')) return `'${quoted}'`;
  const seen = quoted.replaceAll('\\', '\\\\').replace(new RegExp(UNSEEN, 'gu'), (character) => {
    return character === '\n' ? '\\n' : `\\U${hex(character, 8)}`;
  });
  return `E'${seen}'`;
}

/** Lines of a remark. A line of it never ends but where the next one begins with dashes. */
export function remark(text: string): string {
  return text
    .split('\n')
    .map((line) => `-- ${line.replace(new RegExp(UNSEEN, 'gu'), '?')}`.trimEnd())
    .join('\n');
}

/** A name inside a remark: quoted, on one line. */
export function named(text: string): string {
  return JSON.stringify(text.replace(new RegExp(UNSEEN, 'gu'), '?'));
}

function escaped(character: string): string {
  return `\\+${hex(character, 6)}`;
}

function hex(character: string, digits: number): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(digits, '0');
}
