/** Checks each piece of printed SQL: it must be one statement, of a kind that a wall consists of, for the server and for psql. */
import { isParsed, type ParsedText, parse } from '../sql/parse/parse.ts';
import { type Kind, kindOf } from '../sql/parse/tree.ts';

const KINDS: ReadonlySet<Kind> = new Set<Kind>([
  'AlterRoleSetStmt',
  'AlterTableStmt',
  'CommentStmt',
  'CreateFunctionStmt',
  'CreatePolicyStmt',
  'CreateSchemaStmt',
  'DoStmt',
  'DropStmt',
  'GrantStmt',
  'VariableSetStmt',
  'ViewStmt',
]);

/** The statement in a form that psql reads alike. Throws if it is not exactly one statement of an allowed kind. */
export function oneStatement(sql: string): string {
  const parsed = parse(sql);
  if (!isParsed(parsed)) throw new Error(`a statement of the wall does not parse: ${parsed.message}: ${sql}`);
  const [only, ...more] = parsed.statements;
  // If a name or condition could end its statement early, what follows would run with the DBA's rights.
  if (!only || more.length > 0 || !KINDS.has(kindOf(only.node))) {
    throw new Error(`a piece of the wall is not the one statement that it should be: ${sql}`);
  }
  if (parsed.tokens().some(({ text }) => text === ';'))
    throw new Error(`a statement of the wall holds a semicolon: ${sql}`);
  return withoutVariables(sql, parsed);
}

/** psql expands variables at a colon before a word or a string, as in `tags[1:n]`: a blank separates them. */
function withoutVariables(sql: string, parsed: ParsedText): string {
  const tokens = parsed.tokens();
  const places = tokens.flatMap(({ text, end }, at) => {
    const next = tokens[at + 1];
    return text === ':' && next?.start === end ? [end] : [];
  });
  return places.reduceRight((text, place) => `${text.slice(0, place)} ${text.slice(place)}`, sql);
}
