/** Stage 2 for SET CONSTRAINTS: all, or those that the role finds in the catalogs (manual, page SET CONSTRAINTS). */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Body } from '../../sql/parse/tree.ts';
import { as, qualifiedName } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement } from '../draft.ts';

export function classifyConstraints(
  { catalog, role, searchPath }: Draft,
  statement: DraftStatement,
  { constraints = [], deferred }: Body<'ConstraintsSetStmt'>,
): Refusal | undefined {
  statement.command = 'SET CONSTRAINTS';
  statement.kind = { kind: 'other' };
  const sent: string[] = [];
  for (const node of constraints) {
    const { catalogname, schemaname, relname = '' } = as(node, 'RangeVar')!;
    const isHere = catalogname === undefined || catalogname === catalog.data.database;
    // INVARIANT 146: the server sets all of that name in a schema, so none is known whose name a withheld one shares there.
    const schema = (schemaname === undefined ? searchPath : [schemaname]).find(
      (one) => isHere && role.constraints?.some((known) => known.schema === one && known.name === relname),
    );
    if (schema === undefined) {
      return refusal('relation-unknown', '42704', `constraint "${relname}" does not exist`, {
        hint: 'It may share its name with that of a table that was not granted. SET CONSTRAINTS ALL reaches it too.',
      });
    }
    sent.push(qualifiedName(schema, relname));
  }
  if (sent.length > 0) statement.instead = `SET CONSTRAINTS ${sent.join(', ')} ${deferred ? 'DEFERRED' : 'IMMEDIATE'}`;
  return undefined;
}
