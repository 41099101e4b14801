/** The people whom a run shows: of each row for its budget, and all in all for the log. */
import type { StatementJudgement } from '../guard/decision.ts';
import type { Frame } from '../wire/frame-reader.ts';
import { HEADER_BYTES } from '../wire/message-cursor.ts';
import type { People, PeopleOfMany } from './budget.ts';
import { type CanariesInRow, canariesIn } from './canaries-in-row.ts';
import { copyFields } from './copy-fields.ts';
import type { KeysShown, OutcomeEntry } from './entries.ts';
import type { ManyRows } from './many-rows.ts';
import { PeopleInMany } from './people-in-many.ts';
import type { Provenance } from './provenance.ts';
import { type Formats, peopleInRow, peopleOf, type RowValues, valuesOfRow } from './row-people.ts';
import { planOfCopy, type RowPlan, withUnseen } from './row-plan.ts';
import type { SessionPolicy } from './session-policy.ts';
import { Tally } from './tally.ts';

const NOTHING: readonly KeysShown[] = [];

/** What must be known of the run. */
export interface Showing {
  readonly statement: StatementJudgement;
  readonly policy: SessionPolicy;
  readonly watch: { readonly provenance: Provenance };
  /** CopyData that the server has sent. */
  readonly messages: number;
}

export class WhomItShows {
  private plan: RowPlan | undefined | 'not made' = 'not made';
  private many: PeopleInMany | undefined;
  /** Of each subject; they are few. */
  private readonly tallies: Tally[] = [];
  /** Canaries of which the budget knows. */
  private told: Set<string> | undefined;

  /** @param of what is run, of EXECUTE and FETCH the statement inside; undefined: not known. `formats` of the result's columns, by Bind; `described`: as its RowDescription says. */
  constructor(
    private readonly of: Pick<StatementJudgement, 'people' | 'about'> | undefined,
    private readonly formats: Formats | 'described',
  ) {}

  /** Of a row, or the first piece of one; undefined where nobody stands in it. Counts nothing. */
  in(run: Showing, frame: Frame): readonly People[] | undefined {
    if (this.plan === 'not made') this.plan = this.makePlan(run);
    const { plan } = this;
    if (!plan) return undefined;
    if (run.statement.kind.kind !== 'copy-out') return peopleInRow(plan, frame, this.formatsOf(run));
    return peopleOf(plan, valuesOf(run, frame, plan), this.formatsOf(run), frame.length);
  }

  /**
   * The same of many rows, cut in front of one whose keys might fill a record: it is shown only behind that. What is returned is filled anew by the next
   * call.
   */
  inMany(run: Showing, rows: ManyRows): readonly PeopleOfMany[] | undefined {
    if (this.plan === 'not made') this.plan = this.makePlan(run);
    const { plan } = this;
    if (!plan) return undefined;
    const { kind } = run.statement;
    this.many ??= new PeopleInMany(plan, this.formatsOf(run), kind.kind === 'copy-out' ? kind.format : undefined);
    return this.many.in(rows, (subject) => this.tallyOf(subject)?.room ?? Tally.most);
  }

  /** Canaries that it shows and that were not told before, and keys in it that cannot be read. Undefined where there is neither. */
  canariesIn(run: Showing, frame: Frame): CanariesInRow | undefined {
    if (this.plan === 'not made') this.plan = this.makePlan(run);
    const { plan } = this;
    const { canaries } = run.policy;
    if (!plan || !canaries) return undefined;
    const seen = (subject: string, key: string) => this.tallyOf(subject)?.knows(key) === true;
    const { found, unread } = canariesIn(plan, valuesOf(run, frame, plan), this.formatsOf(run), canaries, seen);
    const fresh = found.filter(({ canary }) => !this.told?.has(canary));
    if (fresh.length > 0) this.told ??= new Set();
    for (const { canary } of fresh) this.told?.add(canary);
    return fresh.length > 0 || unread !== undefined ? { found: fresh, unread } : undefined;
  }

  private formatsOf({ statement: { kind }, watch }: Showing): Formats {
    if (kind.kind === 'copy-out') return [kind.format.kind === 'binary' ? 1 : 0];
    return this.formats === 'described' ? watch.provenance.shown?.formats : this.formats;
  }

  private makePlan(run: Showing): RowPlan | undefined {
    const { people, about = [] } = this.of ?? {};
    if (run.statement.kind.kind === 'copy-out') return planOfCopy(people, run.policy.keyTypes);
    const { provenance } = run.watch;
    const plan = provenance.planOf(people);
    return people ? plan : withUnseen(plan, about, provenance.shown?.unplaced ?? []);
  }

  /** They were shown. */
  count(people: readonly People[]): void {
    for (const { subject, keys, unnamed } of people) this.tally(subject).count(keys, unnamed);
  }

  countMany(people: readonly PeopleOfMany[]): void {
    for (const { subject, keys, unnamed } of people) this.tally(subject).countMany(keys, unnamed);
  }

  private tally(subject: string): Tally {
    let tally = this.tallyOf(subject);
    if (!tally) {
      tally = new Tally(subject);
      this.tallies.push(tally);
    }
    return tally;
  }

  private tallyOf(subject: string): Tally | undefined {
    for (const tally of this.tallies) if (tally.subject === subject) return tally;
    return undefined;
  }

  /** Keys that must be recorded before more is shown: they are as many as one record takes. */
  takeFull(): readonly KeysShown[] {
    let full = NOTHING;
    for (const tally of this.tallies) {
      while (tally.isFull) full = [...full, { [tally.subject]: tally.takeFull() }];
    }
    return full;
  }

  /** Those that are left for the outcome; undefined where there are none. */
  keysLeft(): KeysShown | undefined {
    let left: Record<string, readonly string[]> | undefined;
    for (const { subject, fresh } of this.tallies) {
      if (fresh.length === 0) continue;
      left ??= {};
      left[subject] = fresh;
    }
    return left;
  }

  /** For the outcome; undefined where nobody was shown. */
  all(): OutcomeEntry['subjects'] {
    if (this.tallies.length === 0) return undefined;
    const all: Record<string, { n: number; unnamed: number }> = {};
    for (const { subject, n, unnamed } of this.tallies) all[subject] = { n, unnamed };
    return all;
  }
}

function valuesOf({ statement: { kind }, messages }: Showing, frame: Frame, plan: RowPlan): RowValues {
  if (kind.kind !== 'copy-out') return valuesOfRow(plan, frame);
  return copyFields(frame.bytes.subarray(HEADER_BYTES), kind.format, plan.columns, frame.last, messages === 0);
}
