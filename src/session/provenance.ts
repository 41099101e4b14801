/** Promise P5: the server itself says which table's column stands behind each result column, and each must be one that the role may read. */
import { type Refusal, refusal } from '../errors.ts';
import type { PeopleOfRow } from '../guard/decision.ts';
import { mayRead, type RolePolicy } from '../policy/policy.ts';
import type { Field } from '../wire/row-description.ts';
import type { SessionPolicy } from './ports.ts';
import { planOf, type RowPlan } from './row-plan.ts';
import { isAboutPeople, type ShownColumns, shownColumns } from './shown-columns.ts';

/** What is known of one statement's result columns. Nothing flows to the client before it is `verified`. */
export class Provenance {
  verdict: 'unknown' | 'verified' | Refusal = 'unknown';
  /** The batch in which a Describe that will tell was last sent. */
  askedIn: number | undefined;

  /** As far as people stand in it; absent where the database is about nobody. */
  shown: ShownColumns | undefined;
  private plan: { readonly people: readonly PeopleOfRow[] | undefined; readonly of: RowPlan | undefined } | undefined;

  /** INVARIANT: takes the server's word for where each column comes from; a statement without a result has none to show. */
  learn({ role, subjectKeys }: SessionPolicy, fields: readonly Field[]): void {
    this.verdict = withheldField(role, fields) ?? 'verified';
    this.shown = isAboutPeople(subjectKeys) ? shownColumns(fields, subjectKeys) : undefined;
    this.plan = undefined;
  }

  /** Where people stand in a row: the same for all runs of a statement. @param people as its judgement has them. */
  planOf(people: readonly PeopleOfRow[] | undefined): RowPlan | undefined {
    if (!this.shown) return undefined;
    if (this.plan?.people !== people || !this.plan) this.plan = { people, of: planOf(people, this.shown) };
    return this.plan.of;
  }
}

/** Why a result with these columns may not reach the role; undefined where it may. */
function withheldField(role: RolePolicy, fields: readonly Field[]): Refusal | undefined {
  for (const field of fields) {
    if (field.table !== 0 && !mayRead(role, field.table, field.attnum)) {
      return refusal('provenance', '42501', `permission denied for column "${field.name}" of the result`, {
        detail: 'The server takes this column from one that the role may not read.',
        rule: role.relations.get(field.table)?.rule ?? role.rule,
      });
    }
  }
  return undefined;
}
