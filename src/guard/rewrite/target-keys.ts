/**
 * Makes an UPDATE or a DELETE return, in a last column, the keys of the people whose rows it changes: only for the guard, like `hidden-keys.ts` for
 * reads.
 */
import { keysOn } from '../../policy/compile/subjects.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import { as, type Body, quoteName } from '../../sql/parse/tree.ts';
import type { HiddenKey } from '../decision.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { changedColumns } from '../subjects/written-columns.ts';
import { isReadBy, widthOf } from './key-search.ts';
import { aliasOf } from './row-conditions.ts';

/** The first server that returns rows as they were. */
const OLD_ROWS = 180_000;

/** A name for such rows where the client has given `old` to something else. */
const OWN_OLD = 'rowgate_old';

export interface TargetKeys {
  readonly keys: readonly HiddenKey[];
  /** How each key is written in RETURNING. */
  readonly spelled: readonly string[];
  /** What RETURNING must call the rows as they were, where it does not by itself. */
  readonly old?: string;
}

/** As they are afterwards; where the key changes, as they were, too. */
export function targetKeys(
  { role, catalog, subjects }: Draft,
  statement: DraftStatement,
  write: Write,
): TargetKeys | undefined {
  const { target, command } = write;
  const kind = statement.kind.kind === 'prepare' ? statement.kind.inner.kind : statement.kind;
  if (kind.kind !== 'write' || statement.copy || target?.source.kind !== 'relation') return undefined;
  if (command !== 'UpdateStmt' && command !== 'DeleteStmt') return undefined;
  const { relation } = target.source.view;
  // A rule that has no RETURNING of its own would make the statement fail.
  const isRuled = relation.rules.some((event) => write.events.includes(event));
  if (relation.persistence === 't' || isRuled) return undefined;
  const old = catalog.data.serverVersion < OLD_ROWS ? undefined : nameOfOld(write);
  const changed = command === 'UpdateStmt' ? changedColumns(relation, write.sets, catalog) : write.sets;
  const keys: HiddenKey[] = [];
  const spelled: string[] = [];
  let asked = false;
  for (const { subject } of subjects) {
    if (subject.canaries.length === 0) continue;
    for (const column of keysOn(catalog, subject, relation)) {
      const width = widthOf(catalog, column);
      if (width === undefined || !isReadBy(role, relation, column)) continue;
      const rows = [aliasOf(write)];
      // A row that gets another key is still data of the person that it was about.
      if (changed.has(column.name) && old !== undefined) {
        rows.push(quoteName(old));
        asked = true;
      }
      for (const row of rows) {
        keys.push({ subject: subject.name, width });
        spelled.push(`${row}.${quoteName(column.name)}`);
      }
    }
  }
  if (keys.length === 0) return undefined;
  return { keys, spelled, ...(asked && old === OWN_OLD && { old }) };
}

/** undefined if they cannot be named beside the names that the client uses. */
function nameOfOld({ node, level }: Write): string | undefined {
  const options = as(node, 'UpdateStmt')?.returningClause?.options ?? [];
  const named = options.map((option) => as(option, 'ReturningOption')).find(isOld)?.value;
  if (named !== undefined) return named;
  const isTaken = level.entries.some(({ name, source }) => name === 'old' && source.kind !== 'excluded');
  if (!isTaken) return 'old';
  return options.length === 0 ? OWN_OLD : undefined;
}

function isOld(option: Body<'ReturningOption'> | undefined): boolean {
  return option?.option === 'RETURNING_OPTION_OLD';
}
