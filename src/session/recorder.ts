/** Writes what a session decides and what became of it (promise P7). */
import { type Refusal, refusal } from '../core/refusal.ts';
import { SmallMap } from '../core/small-map.ts';
import type { Judgement, StatementJudgement } from '../guard/decision.ts';
import type { Frame } from '../protocol/frame-reader.ts';
import type { Disclosed } from './admission/budget-port.ts';
import { settleCharges } from './admission/settle-charges.ts';
import type { Usage } from './admission/statement-meter.ts';
import type { EndUser } from './end-user/end-user.ts';
import type { DecisionEntry, OutcomeEntry } from './log-entries.ts';
import type { SessionPolicy, SessionPorts } from './ports.ts';
import { Execution, type ExecutionRules } from './state/execution.ts';
import type { Prepared } from './state/prepared.ts';

/** What a decision is about. */
export interface RecordedStatement {
  readonly statement: StatementJudgement;
  readonly judgement: Judgement;
  readonly policy: SessionPolicy;
  /** The client's text. */
  readonly text: string;
  /** OIDs that its Parse has declared. */
  readonly types?: readonly number[] | undefined;
  /** What an EXECUTE runs. */
  readonly runs?: Prepared | undefined;
  /** The end user for whom it runs, or would have run. */
  readonly person?: EndUser | undefined;
  /** The exception if a statement that it names was judged again and failed. */
  readonly fault?: unknown;
}

/** Outcomes that are written between two looks at the clock. */
const BETWEEN_LOOKS = 16;

/** What an outcome contains besides its status. */
interface Ending {
  readonly sqlstate?: string | undefined;
  readonly changed?: number;
  readonly tag?: string;
  readonly refusal?: Refusal | undefined;
}

/** What runs now. */
export interface UnderWay {
  readonly rows: number;
  /** Monotonic milliseconds; absent if nothing runs. */
  readonly since?: number;
}

export class Recorder {
  /** Recorded, and not ended. */
  private readonly open = new SmallMap<Execution, Execution>();
  /** By the batch of a Bind: decided before it, and not executed. */
  private bound: { readonly run: Execution; readonly batch: number }[] = [];
  /** Something was begun, since the session was last idle, that may leave something behind. */
  leaves = false;
  /** The session's application_name, where it has changed since the login. */
  application: string | undefined;
  /** Ended, and their outcomes still to be written. */
  private owed: { readonly run: Execution; readonly status: OutcomeEntry['status'] }[] = [];
  private written = 0;
  private lastAsked: { readonly judgement: Judgement; readonly setsToken: boolean } | undefined;

  constructor(private readonly ports: SessionPorts) {}

  /**
   * INVARIANT 79: called before the statement is sent; undefined if it could not be written, and then it must not run. @param begun decided before
   * its Bind: the run goes on under that decision, if it is the same.
   */
  decide(
    subject: RecordedStatement,
    watch: ExecutionRules,
    usage: Usage,
    bounded: boolean,
    begun?: Execution,
  ): Execution | undefined {
    const { statement, policy, person } = subject;
    const before = begun && !begun.ended && begun.policy === policy && begun.person === person ? begun : undefined;
    const { id, startedAt } = before ?? { id: this.ports.newId(), startedAt: this.ports.now() };
    const run = new Execution(id, statement, policy, watch, usage, bounded, startedAt);
    run.person = person;
    if (before) {
      run.waited = before.waited;
      before.ended = true;
      before.continuedBy = run;
      this.open.delete(before);
    } else if (!this.write(run.id, subject, statement.refusal)) return undefined;
    this.open.set(run, run);
    this.leaves ||= watch.pure !== true;
    return run;
  }

  /** Nothing is owed, and no transaction is open. */
  rest(): void {
    if (this.open.size === 0) this.leaves = false;
  }

  /** Those that have not ended. */
  running(): readonly Execution[] {
    return this.open.values();
  }

  /** The decision was made before a Bind. */
  bind(run: Execution, batch: number): void {
    this.bound.push({ run, batch });
  }

  /** The server is ready after a batch: portals that were bound in it and not executed have run as far as they will under their decision. */
  endBound(batch: number): void {
    if (this.bound.length === 0) return;
    for (const one of this.bound) if (one.batch <= batch) this.endLater(one.run, 'ok');
    this.bound = this.bound.filter((one) => one.batch > batch);
  }

  /** A decision to refuse. `written` is false if the log could not be written: the statement is still refused. */
  refuse(
    subject: RecordedStatement,
    reason: Refusal,
    watch: ExecutionRules,
    why: Pick<DecisionEntry, 'limit'> & { readonly effect?: 'lock' } = {},
  ): { run: Execution; written: boolean } {
    const run = new Execution(
      this.ports.newId(),
      subject.statement,
      subject.policy,
      watch,
      { rows: 0, bytes: 0 },
      true,
      this.ports.now(),
    );
    const written = this.write(run.id, subject, reason, why);
    if (written) this.open.set(run, run);
    return { run, written };
  }

  /** Counts what the run is about to show. False if the named people could not be recorded: then it must not be shown. */
  show(run: Execution, disclosed: readonly Disclosed[], frame: Pick<Frame, 'bytes' | 'last'>): boolean {
    run.answer?.count(disclosed, frame);
    return this.recordFull(run);
  }

  /** People who were counted before it runs, or as it writes. */
  countAsked(run: Execution, disclosed: readonly Disclosed[]): boolean {
    run.answer?.countAsked(disclosed);
    return this.recordFull(run);
  }

  private recordFull(run: Execution): boolean {
    for (const keys of run.answer?.takeFull() ?? []) {
      if (!this.ports.record({ kind: 'seen', id: run.id, keys })) return false;
    }
    return true;
  }

  /** Writes the outcome, once. */
  end(run: Execution, status: OutcomeEntry['status'], extras: Ending = {}): void {
    if (run.ended) return;
    run.ended = true;
    this.writeOutcome(run, status, extras);
  }

  /** One of many that end at once: `writeOwed` writes its outcome. */
  endLater(run: Execution, status: OutcomeEntry['status']): void {
    if (run.ended) return;
    run.ended = true;
    this.owed.push({ run, status });
  }

  /** Outcomes are still to be written. */
  get owes(): boolean {
    return this.owed.length > 0;
  }

  /** Writes what `endLater` has left. @returns false: `isOver` said that others are to be served before the rest. */
  writeOwed(isOver: () => boolean): boolean {
    while (this.written < this.owed.length) {
      const { run, status } = this.owed[this.written]!;
      this.writeOutcome(run, status, {});
      this.written += 1;
      if (this.written % BETWEEN_LOOKS === 0 && isOver()) return false;
    }
    if (this.written > 0) {
      this.owed = [];
      this.written = 0;
    }
    return true;
  }

  private writeOutcome(run: Execution, status: OutcomeEntry['status'], extras: Ending): void {
    const questions = settleCharges(run, status, extras.tag);
    if (!this.open.delete(run)) return;
    const { refusal: late, sqlstate = late?.sqlstate } = extras;
    const limit = status === 'cut' ? limitReached(run) : undefined;
    const subjects = run.answer?.all(questions);
    const keys = run.answer?.keysLeft();
    if (subjects)
      this.ports.budget.told?.(run.policy, { subjects, user: run.person?.user, account: run.watch.account });
    const how = status === 'cut' && run.cut?.reason === 'cancelled' ? 'cancelled' : status;
    // Every member by its name: Node 20 takes half a microsecond for each member after a spread.
    this.ports.record({
      kind: 'outcome',
      id: run.id,
      application: this.application,
      rows: run.rows,
      bytes: run.bytes,
      changed: extras.changed ?? 0,
      ms: this.ports.now() - run.startedAt,
      status: how,
      plan: run.plan,
      sqlstate,
      reason: late?.reason,
      rule: late?.rule,
      limit,
      subjects,
      keys,
      waited: run.waited > 0 ? run.waited : undefined,
    });
  }

  /** For runs that have not ended: rows so far, and since when the oldest runs, by the session's clock. */
  underWay(): UnderWay {
    const open = this.open.values();
    const rows = open.reduce((sum, run) => sum + run.rows, 0);
    return open.length === 0 ? { rows } : { rows, since: Math.min(...open.map(({ startedAt }) => startedAt)) };
  }

  /** The connection is gone: nothing more will be heard of what is open. */
  lose(): void {
    for (const run of this.open.values()) this.endLater(run, 'lost');
  }

  /** Those that the log has failed have not run. */
  endUnrecorded(isOnDisk: (id: string) => boolean): void {
    for (const run of this.open.values()) if (!isOnDisk(run.id)) this.end(run, 'refused', { refusal: notRecorded() });
  }

  private write(
    id: string,
    { statement, judgement, policy, text, types, runs, person, fault = judgement.fault }: RecordedStatement,
    reason: Refusal | undefined,
    why: Pick<DecisionEntry, 'limit'> & { readonly effect?: 'lock' } = {},
  ): boolean {
    const would = judgement.would && (statement.refusal ? 'refuse' : judgement.would.effect);
    const effect = why.effect ?? (judgement.would ? 'allow' : reason ? 'refuse' : statement.effect);
    const rule = reason?.rule ?? statement.rule;
    if (fault !== undefined) this.ports.misjudged?.(fault, id);
    const setsToken = this.setsToken(judgement);
    return this.ports.record({
      kind: 'decision',
      id,
      command: statement.command,
      fingerprint: statement.fingerprint,
      statement: policy.names?.shown(statement.normalized) ?? statement.normalized,
      tables: statement.tables,
      columns: statement.columns,
      effect,
      would,
      reason: reason?.reason,
      sqlstate: reason?.sqlstate,
      rule,
      limit: why.limit,
      application: this.application,
      person,
      policy: policy.hash,
      // A token is never recorded, however it was written.
      text: setsToken ? statement.normalized : text,
      extent: setsToken ? undefined : statement.extent,
      types,
      runs: runs && { text: runs.rendered.text, types: runs.types },
      names: policy.names,
    });
  }

  /** Of a message with many statements it is asked for each of them. */
  private setsToken(judgement: Judgement): boolean {
    if (this.lastAsked?.judgement !== judgement) this.lastAsked = { judgement, setsToken: setsToken(judgement) };
    return this.lastAsked.setsToken;
  }
}

function setsToken({ statements }: Judgement): boolean {
  return statements.some(({ kind }) => kind.kind === 'set' && kind.token !== undefined);
}

function limitReached(run: Execution): OutcomeEntry['limit'] {
  const { limits } = run.watch;
  if (run.reached) return { name: run.reached.name, used: run.reached.used, of: run.reached.of };
  if (run.cut?.reason === 'limit-rows' && limits?.rows !== undefined) {
    return { name: 'rows_per_statement', used: run.usage.rows, of: limits.rows };
  }
  if (run.cut?.reason === 'limit-bytes' && limits?.bytes !== undefined) {
    return { name: 'bytes_per_statement', used: run.usage.bytes, of: limits.bytes };
  }
  if (run.cut?.reason === 'limit-changed' && run.watch.input?.changed !== undefined) {
    return { name: 'changed_per_statement', used: run.watch.input.changed, of: run.watch.input.changed };
  }
  if (run.cut?.reason === 'limit-bytes' && run.watch.input?.bytes !== undefined) {
    return { name: 'bytes_per_statement', used: run.watch.input.bytes, of: run.watch.input.bytes };
  }
  return undefined;
}

/** The refusal of a statement whose decision could not be written (58030). */
export function notRecorded(): Refusal {
  return refusal('not-recorded', '58030', 'could not write the decision log', {
    hint: 'Nothing runs that is not recorded. Tell the operator of the guard.',
  });
}

/** The judgement of a message without SQL. */
export const NOTHING_JUDGED: Judgement = { effect: 'allow', statements: [], template: [''], parameters: 0, edits: [] };
