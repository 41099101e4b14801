/** The answer of a run, as far as it is about data subjects: what each row discloses, for its budget, and all of it for the log. */
import type { StatementJudgement } from '../../guard/decision.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import { HEADER_BYTES } from '../../protocol/message-cursor.ts';
import type { Disclosed, DisclosedByMany } from '../admission/budget-port.ts';
import type { KeysShown, OutcomeEntry } from '../log-entries.ts';
import { copyFields } from '../server/copy-fields.ts';
import type { Provenance } from '../server/provenance.ts';
import type { RowHeaders } from '../server/row-headers.ts';
import type { RowValues } from '../server/row-values.ts';
import type { SessionPolicy } from '../session-policy.ts';
import { KeysOfRow, type RowWithKeys } from './added-keys.ts';
import { type AnswerPlan, planOfCopy } from './answer-plan.ts';
import { AnswerRows, type Formats, valuesOfRow } from './answer-rows.ts';
import { type CanariesInRow, canariesIn } from './canaries-in-row.ts';
import { DisclosureTally } from './disclosure-tally.ts';
import type { AskedStatement, LastAnswer, LastAnswers } from './last-answers.ts';
import { AnswerValues } from './values.ts';

const NOTHING: readonly KeysShown[] = [];
const NO_SUBJECTS: readonly string[] = [];

/** What must be known of the run. */
export interface Showing extends RowWithKeys {
  readonly statement: StatementJudgement;
  readonly policy: SessionPolicy;
  readonly watch: { readonly provenance: Provenance } & RowWithKeys['watch'];
  /** CopyData that the server has sent. */
  readonly messages: number;
}

/** What the answer is compared with: the one that was fixed beforehand. */
export interface Recurring {
  readonly asked: AskedStatement;
  readonly answers: LastAnswers;
}

export class Answer {
  private plan: AnswerPlan | undefined | 'not made' = 'not made';
  private rows: AnswerRows | undefined;
  private readonly before: LastAnswer | undefined;
  private cells: AnswerValues | undefined;
  /** Of each subject; they are few. */
  private readonly tallies: DisclosureTally[] = [];
  /** Canaries whose keys were given were already looked for. */
  isAsked = false;
  /** Canaries that were reported to the budget. */
  private told: Set<string> | undefined;

  /**
   * @param of the statement that runs; for EXECUTE and FETCH the one inside; undefined: not known. `formats` of the result's columns, from Bind;
   * `described`: from its RowDescription. `recurring`: absent if no answer of it is free.
   */
  constructor(
    private readonly of: Pick<StatementJudgement, 'disclosures' | 'about'> | undefined,
    private readonly formats: Formats | 'described',
    private readonly recurring: Recurring | undefined,
    /** Subjects whose people were counted before it ran. */
    private readonly isPaid: (subject: string) => boolean,
  ) {
    this.before = recurring?.answers.before(recurring.asked);
  }

  /** For a row, or the first piece of one; undefined if it shows no data subject. Counts nothing. */
  in(run: Showing, frame: Frame): readonly Disclosed[] | undefined {
    const added = run.watch.check?.names ? new KeysOfRow(run) : undefined;
    return this.rowsOf(run)?.ofOne(frame, run.messages === 0, added);
  }

  /**
   * The same for many rows, cut before one whose keys might fill a record: that row is shown only after the record. The result is reused by the next
   * call.
   */
  inMany(run: Showing, rows: RowHeaders): readonly DisclosedByMany[] | undefined {
    return this.rowsOf(run)?.ofMany(rows, (subject) => this.tallyOf(subject)?.room ?? DisclosureTally.most);
  }

  /** New canaries that it shows, and keys in it that cannot be read. Undefined if there is neither. */
  canariesIn(run: Showing, frame: Frame): CanariesInRow | undefined {
    const plan = this.planOf(run);
    const { canaries } = run.policy;
    if (!plan || !canaries) return undefined;
    const seen = (subject: string, key: string) => this.tallyOf(subject)?.knows(key) === true;
    const { found, unread } = canariesIn(plan, valuesOf(run, frame, plan), this.formatsOf(run), canaries, seen);
    const fresh = found.filter(({ canary }) => !this.told?.has(canary));
    if (fresh.length > 0) this.told ??= new Set();
    for (const { canary } of fresh) this.told?.add(canary);
    return fresh.length > 0 || unread !== undefined ? { found: fresh, unread } : undefined;
  }

  private rowsOf(run: Showing): AnswerRows | undefined {
    if (this.rows) return this.rows;
    const plan = this.planOf(run);
    if (!plan || this.isSilent(plan, run)) return undefined;
    const { kind } = run.statement;
    const copy = kind.kind === 'copy-out' ? kind.format : undefined;
    this.rows = new AnswerRows(plan, this.formatsOf(run), copy, this.answerValues(), this.isPaid);
    return this.rows;
  }

  /** Its rows have no key in them, and their people were counted before it ran: nothing of them need be read. */
  private isSilent({ subjects }: AnswerPlan, { watch }: Showing): boolean {
    if (this.recurring || watch.check?.names) return false;
    return subjects.every(({ subject, keys }) => keys.length === 0 && this.isPaid(subject));
  }

  private answerValues(): AnswerValues {
    const locks = this.of?.disclosures?.some((disclosure) => disclosure.locks) === true;
    this.cells ??= new AnswerValues(locks ? undefined : this.before, this.recurring !== undefined);
    return this.cells;
  }

  private planOf(run: Showing): AnswerPlan | undefined {
    if (this.plan === 'not made') this.plan = this.makePlan(run);
    return this.plan;
  }

  private makePlan(run: Showing): AnswerPlan | undefined {
    const about = this.of?.about ?? NO_SUBJECTS;
    // For a restricted role nothing is free that was not judged: a key that the server then reports does not name a row.
    const disclosures = this.of?.disclosures ?? (run.policy.role.access === 'restricted' ? [] : undefined);
    if (run.statement.kind.kind === 'copy-out') return planOfCopy(disclosures, run.policy.keyTypes);
    return run.watch.provenance.planOf(disclosures, about);
  }

  private formatsOf({ statement: { kind }, watch }: Showing): Formats {
    if (kind.kind === 'copy-out') return [kind.format.kind === 'binary' ? 1 : 0];
    return this.formats === 'described' ? watch.provenance.shown?.formats : this.formats;
  }

  /** They were counted before the statement ran, and are named by no row. */
  countAsked(disclosed: readonly Disclosed[]): void {
    for (const { subject, keys, values } of disclosed) this.tally(subject).count(keys, values);
  }

  /** The row that was looked at last is shown. */
  count(disclosed: readonly Disclosed[], { bytes, last }: Pick<Frame, 'bytes' | 'last'>): void {
    this.countAsked(disclosed);
    this.rows?.shown(1, bytes, last);
  }

  /** As many as were looked at last are shown: `bytes` holds them. */
  countMany(disclosed: readonly DisclosedByMany[], count: number, bytes: Uint8Array): void {
    for (const { subject, keys, values } of disclosed) this.tally(subject).countMany(keys, values);
    this.rows?.shown(count, bytes, true);
  }

  /** All of it was shown. @returns whether it is the one that was fixed beforehand; it is the next one's, from now on. */
  isTheSame(tag: string): boolean {
    if (!this.recurring) return false;
    const answer = this.answerValues().end(tag);
    if (!answer) return false;
    this.recurring.answers.remember(this.recurring.asked, answer);
    return answer.whole === this.before?.whole;
  }

  private tally(subject: string): DisclosureTally {
    let tally = this.tallyOf(subject);
    if (!tally) {
      tally = new DisclosureTally(subject);
      this.tallies.push(tally);
    }
    return tally;
  }

  private tallyOf(subject: string): DisclosureTally | undefined {
    for (const tally of this.tallies) if (tally.subject === subject) return tally;
    return undefined;
  }

  hasNamed(subject: string): boolean {
    return (this.tallyOf(subject)?.people ?? 0) > 0;
  }

  hasTold(subject: string): boolean {
    return this.hasNamed(subject) || (this.tallyOf(subject)?.values ?? 0) > 0;
  }

  /** Keys that must be recorded before more is shown: they are as many as one record takes. */
  takeFull(): readonly KeysShown[] {
    let full = NOTHING;
    for (const tally of this.tallies) {
      while (tally.isFull) full = [...full, { [tally.subject]: tally.takeFull() }];
    }
    return full;
  }

  /** The keys that are left for the outcome; undefined if there are none. */
  keysLeft(): KeysShown | undefined {
    let left: Record<string, readonly string[]> | undefined;
    for (const { subject, fresh } of this.tallies) {
      if (fresh.length === 0) continue;
      left ??= {};
      left[subject] = fresh;
    }
    return left;
  }

  /** For the outcome; undefined if nothing was disclosed. @param questions the subjects for which it was a question. */
  all(questions: readonly string[]): OutcomeEntry['subjects'] {
    if (this.tallies.length === 0 && questions.length === 0) return undefined;
    const all: Record<string, { people: number; questions: number; values: number }> = {};
    for (const subject of questions) all[subject] = { people: 0, questions: 1, values: 0 };
    for (const { subject, people, values } of this.tallies) {
      const asked = all[subject]?.questions ?? 0;
      if (people + values + asked > 0) all[subject] = { people, questions: asked, values };
    }
    return Object.keys(all).length > 0 ? all : undefined;
  }
}

function valuesOf({ statement: { kind }, messages }: Showing, frame: Frame, plan: AnswerPlan): RowValues {
  if (kind.kind !== 'copy-out') return valuesOfRow(plan, frame);
  return copyFields(frame.bytes.subarray(HEADER_BYTES), kind.format, plan.columns, frame.last, messages === 0);
}
