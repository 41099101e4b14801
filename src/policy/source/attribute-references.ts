/** Finds `:name` in a policy's SQL and replaces it by a numbered parameter, so that PostgreSQL's grammar can read the text. */
import { Buffer } from 'node:buffer';
import { parserModule } from '../../sql/parse/parser-module.ts';
import type { AttributeType } from '../model/policy.ts';
import type { SqlProblem } from './sql-source.ts';

export interface AttributeText {
  readonly text: string;
  /** The attributes for $1, $2, …: one for each occurrence. */
  readonly attributes: readonly AttributeType[];
  /** Maps a character offset in `text` to one in the original SQL. */
  toSource(at: number): number;
}

/** Problems: an attribute that the role does not have, a parameter, text that does not scan. */
export function replaceAttributes(
  sql: string,
  known: ReadonlyMap<string, AttributeType>,
): AttributeText | readonly SqlProblem[] {
  const scan = parserModule.ask((library) => library.scanSync(sql));
  if (scan instanceof Error) return [{ message: scan.message, offset: 0 }];
  const { tokens } = scan;
  const bytes = Buffer.from(sql);
  const problems: SqlProblem[] = [];
  const attributes: AttributeType[] = [];
  // The position of each replacement in the new text, and how much longer the original was.
  const shifts: { at: number; by: number }[] = [];
  let text = '';
  let from = 0;
  const chars = (byte: number): number => bytes.subarray(0, byte).toString().length;
  tokens.forEach((token, i) => {
    const start = chars(token.start);
    if (token.tokenName === 'PARAM')
      problems.push({ message: 'parameters cannot stand here: attributes are written :name', offset: start });
    const next = tokens[i + 1];
    const name = next && next.start === token.end && /^[a-z_][a-z0-9_]*$/i.test(next.text) ? next.text : undefined;
    if (token.text !== ':' || name === undefined) return;
    const attribute = known.get(name);
    if (!attribute) {
      problems.push({ message: `attribute "${name}" is not declared in this role`, offset: start });
      return;
    }
    attributes.push(attribute);
    const written = `$${attributes.length}`;
    text += sql.slice(from, start) + written;
    from = start + 1 + name.length;
    shifts.push({ at: text.length, by: 1 + name.length - written.length });
  });
  if (problems.length > 0) return problems;
  text += sql.slice(from);
  return {
    text,
    attributes,
    toSource: (at) => shifts.reduce((place, shift) => (at >= shift.at ? place + shift.by : place), at),
  };
}
