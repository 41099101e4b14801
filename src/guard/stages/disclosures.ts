/** After stage 4: what the answer of each statement can disclose of data subjects, for counting as it is sent. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Subject } from '../../policy/model/policy.ts';
import { as } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import type { Disclosure } from '../subjects/disclosure.ts';
import { disclosuresOf } from '../subjects/disclosures.ts';

export const disclosuresStage: Stage = {
  name: 'disclosures',
  each(draft: Draft, statement: DraftStatement): void {
    if (draft.subjects.length === 0) return;
    if (statement.analysis) find(draft, statement);
    const constraints = as(statement.node, 'ConstraintsSetStmt');
    if (constraints && !constraints.deferred) checkNow(draft, statement);
  },
};

function find({ subjects, catalog, role }: Draft, statement: DraftStatement): void {
  // If no people are counted, rows need no names.
  const adds = ({ name }: Subject) => role.limitedSubjects?.has(name) === true;
  const { disclosures, plan } = disclosuresOf({ role, catalog, subjects, adds }, statement);
  const found = disclosures.subjects;
  const uncounted = found.find(
    ({ subject, uncountable }) => uncountable !== undefined && role.limitedSubjects?.has(subject),
  );
  if (uncounted) statement.refusal = cannotBeCounted(uncounted, uncounted.uncountable!, role.rule);
  statement.disclosures = found;
  statement.keyPlan = plan;
}

/**
 * INVARIANT 172: it checks what was written before, as COMMIT does, and once more after each ROLLBACK TO: an error of it tells again. It reads no
 * person by itself.
 */
function checkNow({ subjects }: Draft, statement: DraftStatement): void {
  statement.disclosures = subjects.map(
    ({ subject }): Disclosure => ({
      subject: subject.name,
      access: { kind: 'pinned', people: [] },
      canFail: 'at-once',
      values: [],
      free: 'repeated',
    }),
  );
}

/** If people are counted, nothing runs whose cost cannot be determined. */
export function cannotBeCounted({ subject }: Pick<Disclosure, 'subject'>, what: string, rule: string): Refusal {
  const message = `permission denied: ${what}, and what is told of subject "${subject}" is counted`;
  const hint = what === 'random' ? 'gen_random_uuid() may stand in its place.' : undefined;
  return refusal('uncountable', '42501', message, { rule, ...(hint && { hint }) });
}
