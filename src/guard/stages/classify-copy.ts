/** Stage 2 for COPY: whether the role may copy at all, and the SELECT or INSERT as which it is then judged. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { as, type Body, type Node } from '../../sql/parse/tree.ts';
import { formatOf, optionRefusal } from '../copy-options.ts';
import type { DraftStatement } from '../draft.ts';
import { writesInside } from './writes-inside.ts';

type Copy = Body<'CopyStmt'>;

/** Of COPY to and from the client. */
export function classifyCopy(role: RolePolicy, statement: DraftStatement, copy: Copy): Refusal | undefined {
  const from = copy.is_from === true;
  statement.kind = { kind: from ? 'copy-in' : 'copy-out', format: formatOf(copy) };
  statement.copy = copy;
  const option = from ? 'copy_from' : 'copy_to';
  if (!role.statements.has(option)) {
    return refusal('statement-not-allowed', '42501', `permission denied for COPY ${from ? 'FROM' : 'TO'}`, {
      hint: `It is granted by statements: [${option}].`,
      rule: role.rule,
    });
  }
  const refused = formRefusal(copy) ?? optionRefusal(copy);
  if (refused) return refused;
  statement.query = copy.query ?? (from ? insertInto(copy) : selectFrom(copy));
  statement.bounded = !from && role.limits.rowsPerStatement !== undefined;
  return undefined;
}

function formRefusal({ query, whereClause }: Copy): Refusal | undefined {
  // It would be asked of the columns that are not copied, too: their defaults may be withheld.
  if (whereClause) return unsupported('COPY FROM with WHERE');
  if (!query) return undefined;
  const select = as(query, 'SelectStmt');
  if (!select) return unsupported('COPY of a write');
  return writesInside(select) ? unsupported('COPY of a write') : undefined;
}

function unsupported(what: string): Refusal {
  return refusal('unsupported', '0A000', `${what} is not supported for restricted roles`);
}

/** Finds and judges the relation alone: the columns are judged behind it, as COPY names them. */
function selectFrom({ relation }: Copy): Node {
  const fromClause = relation ? [{ RangeVar: relation }] : [];
  return { SelectStmt: { fromClause, limitOption: 'LIMIT_OPTION_DEFAULT', op: 'SETOP_NONE' } };
}

function insertInto({ relation }: Copy): Node {
  return { InsertStmt: { ...(relation && { relation }), override: 'OVERRIDING_NOT_SET' } };
}
