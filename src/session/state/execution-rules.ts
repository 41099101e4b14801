/** What must be watched of a statement while it runs, by its kind and the role's policy. */
import type { RowCheck, StatementJudgement, StatementKind } from '../../guard/decision.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import { countRows } from '../../guard/subjects/given-keys.ts';
import { limitedOverTime, NOT_LIMITED } from '../admission/limits-over-time.ts';
import { jumpsInCursor } from '../admission/prepayment.ts';
import { inputLimits, statementLimits } from '../admission/statement-meter.ts';
import type { SessionPolicy } from '../ports.ts';
import { Provenance } from '../server/provenance.ts';
import { isAboutSubjects } from '../server/shown-columns.ts';
import type { ExecutionRules, WriteCost } from './execution.ts';

type Asked = Pick<StatementJudgement, 'kind' | 'leavesNothing'>;

/** What a statement does that decides how it is sent. */
export interface StatementTraits {
  /** May give rows of data. */
  readonly givesRows: boolean;
  /** Its rows count against the limits. */
  readonly metered: boolean;
  /** Its tag tells how many rows it has changed, and they count against the limit. */
  readonly changes: boolean;
  /** Those rows are a temporary table's. */
  readonly temporary?: 'filled' | 'own';
  /** It changes nothing in the database: an error may be reported even after it has run. */
  readonly pure: boolean;
}

/** @param inner the statement that an EXECUTE or FETCH runs; undefined if not known. */
export function traitsOf(statement: Asked, policy: SessionPolicy, inner?: Asked): StatementTraits {
  const { kind } = statement;
  switch (kind.kind) {
    case 'read':
      return { givesRows: true, metered: kind.catalogs !== true, changes: false, pure: isPure(statement, policy) };
    case 'fetch':
      return { givesRows: true, metered: true, changes: false, pure: isPure(inner, policy) };
    case 'copy-out':
      return { givesRows: true, metered: true, changes: false, pure: isPure(statement, policy) };
    // A plan, its estimates and the counts of ANALYZE disclose rows: they count like rows.
    case 'explain':
      return { givesRows: true, metered: true, changes: false, pure: false };
    case 'write':
      return {
        givesRows: kind.returning,
        metered: true,
        changes: true,
        ...(kind.temporary && { temporary: kind.temporary }),
        pure: false,
      };
    case 'execute':
      return inner ? traitsOf(inner, policy) : { givesRows: true, metered: true, changes: false, pure: false };
    case 'other':
      return { givesRows: true, metered: true, changes: false, pure: false };
    case 'transaction':
      return { givesRows: false, metered: false, changes: false, pure: true };
    case 'set':
    case 'prepare':
    case 'deallocate':
    case 'declare':
    case 'close':
    case 'discard':
    case 'listen':
    case 'temporary':
      return { givesRows: false, metered: false, changes: false, pure: false };
    case 'copy-in':
      return { givesRows: false, metered: false, changes: true, pure: false };
  }
}

/** As far as it is known: an unrestricted role may call what writes. */
function isPure(asked: Asked | undefined, { role }: SessionPolicy): boolean {
  return role.access !== 'unrestricted' && asked?.leavesNothing === true;
}

/** In observe mode nothing is cut off, so nothing has to be watched. */
export function rulesOf(
  kind: StatementKind,
  nature: StatementTraits,
  policy: SessionPolicy,
  provenance = new Provenance(),
  check?: RowCheck,
): ExecutionRules {
  const enforced = policy.role.mode === 'enforce';
  const restricted = enforced && policy.role.access === 'restricted';
  const over = enforced ? limitedOverTime(policy) : NOT_LIMITED;
  const filled = nature.temporary === 'filled';
  return {
    limits: enforced && nature.givesRows && nature.metered ? statementLimits(policy) : undefined,
    input: enforced && nature.changes ? inputLimits(policy, kind.kind === 'copy-in', nature.temporary) : undefined,
    // COPY tells no columns: what it sends was judged as the SELECT that it is.
    verifies: restricted && nature.givesRows && kind.kind !== 'copy-out' ? policy.role : undefined,
    provenance,
    check,
    taken: over.shown && nature.givesRows && nature.metered,
    takesChanges: nature.changes && nature.temporary !== 'own' && (filled ? over.shown : over.changed),
    looksForPeople: nature.givesRows && nature.metered && isAboutSubjects(policy.subjectKeys),
    pure: nature.pure,
    seesCanaries:
      restricted &&
      policy.canaries !== undefined &&
      ((nature.givesRows && nature.metered) || check?.keys !== undefined),
    rowless: restricted && !nature.givesRows && (kind.kind === 'write' || kind.kind === 'execute'),
    // Of one shape, whatever is known later.
    fills: undefined,
    writes: undefined,
    account: undefined,
  };
}

/**
 * Adds what a statement discloses beyond its rows: data that it stores where they may be read later, which are counted as they are written, the
 * number of changed rows, and for FETCH and MOVE the cursor's position. @param inner what an EXECUTE, a FETCH or a MOVE runs. @param text the
 * client's; for EXECUTE that of what it runs.
 */
export function rulesWithWrites(
  watch: ExecutionRules,
  nature: StatementTraits,
  statement: StatementJudgement,
  inner: StatementJudgement | undefined,
  policy: SessionPolicy,
  text: string,
): ExecutionRules {
  if (nature.temporary === 'filled') watch.fills = true;
  const writes: WriteCost[] = [];
  for (const disclosure of (inner ?? statement).disclosures ?? NOTHING) {
    const cost = costOf(disclosure, statement, nature, text);
    if (cost) writes.push(cost);
  }
  if (writes.length === 0 && !(watch.check?.names && watch.check.added === 'only')) return watch;
  const limited = policy.role.mode === 'enforce' && limitedOverTime(policy).shown;
  watch.writes = writes;
  watch.takesChanges = watch.takesChanges === true || limited;
  return watch;
}

const NOTHING: readonly Disclosure[] = [];

function costOf(
  { subject, write }: Disclosure,
  { kind }: StatementJudgement,
  { changes }: StatementTraits,
  text: string,
): WriteCost | undefined {
  if (jumpsInCursor(kind)) return { subject, row: 0, once: 1 };
  if (!write || !changes) return undefined;
  const { row, tag, given } = write;
  if (row === 0 && !tag && !given) return undefined;
  return { subject, row, once: (given ? countRows(text, given) : 0) + (tag ? 1 : 0) };
}

/** Could the run be cut off, as far as is known now? */
export function cuttable(watch: ExecutionRules): boolean {
  if (watch.limits !== undefined || watch.input !== undefined || watch.taken || watch.takesChanges) return true;
  if (watch.seesCanaries) return true;
  return watch.verifies !== undefined && watch.provenance.verdict !== 'verified';
}

/** Changes the meaning of names in SQL text: known only from the command tag, so everything after it waits. */
export function changesNames(kind: StatementKind): boolean {
  switch (kind.kind) {
    case 'prepare':
    case 'deallocate':
    case 'declare':
    case 'close':
    case 'discard':
      return true;
    default:
      return false;
  }
}

/** Does a Query show the columns before it reads a row? What it fails with until then is about its text alone. */
export function showsColumnsFirst(kind: StatementKind): boolean {
  // Of FETCH, EXECUTE and EXPLAIN ANALYZE the rows are collected before anything shows; others may end with a commit, which runs cursors WITH HOLD.
  return kind.kind === 'read' || kind.kind === 'copy-out' || kind.kind === 'copy-in';
}

/** Does its Execute read no row of the database? A commit comes only with Sync. */
export function readsNoRow(kind: StatementKind): boolean {
  switch (kind.kind) {
    case 'copy-in':
    case 'declare':
    case 'prepare':
    case 'deallocate':
    case 'close':
    case 'discard':
    case 'set':
    case 'listen':
    case 'temporary':
      return true;
    case 'read':
    case 'copy-out':
    case 'transaction':
    case 'fetch':
    case 'execute':
    case 'explain':
    case 'write':
    case 'other':
      return false;
  }
}
