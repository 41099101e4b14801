/**
 * Counts events of a guard by wrapping three of its parts: the decision log, which receives every login and statement, the judge, and the reading of
 * policies. The code that handles statements knows nothing of it.
 */
import { performance } from 'node:perf_hooks';
import type { LoginReason } from '../../core/login-refusal.ts';
import type { RecordFields, RecordKind } from '../../decision-log/fields.ts';
import type { SessionLog } from '../../decision-log/record-sink.ts';
import type { DecisionLog } from '../../decision-log/writer/log.ts';
import type { Judgement, JudgementSteps } from '../../guard/decision.ts';
import { isUnderWay } from '../../guard/guard.ts';
import type { MakeJudge, PolicyReading } from '../../server/guard-runtime.ts';
import type { DecisionEntry, OutcomeEntry, SubjectCount } from '../../session/log-entries.ts';
import type { PlanEvent } from '../../session/reuse/known-plans.ts';
import type { ProcessTally, RoleTally } from './tally.ts';

/** Wraps the parts of a guard to count their events. */
export interface GuardWatch {
  log(log: DecisionLog): DecisionLog;
  makeJudge(makeJudge: MakeJudge): MakeJudge;
  read(read: () => Promise<PolicyReading>): () => Promise<PolicyReading>;
  /** A connection was refused without a log record. */
  turnedAway(reason: LoginReason): void;
  /** Called for each refused login; several may share one log record. */
  loginRefused(reason: LoginReason, sqlstate: string): void;
  /** `count` plans were prepared, reused or dropped. */
  plan(event: PlanEvent, count: number): void;
}

/** For a guard without an admin address: counts nothing. */
export const UNWATCHED: GuardWatch = {
  log: (log) => log,
  makeJudge: (makeJudge) => makeJudge,
  read: (read) => read,
  turnedAway: () => {},
  loginRefused: () => {},
  plan: () => {},
};

export function watchInto(tally: ProcessTally): GuardWatch {
  return {
    log: (log) => watchLog(log, tally),
    makeJudge: (makeJudge) => watchJudge(makeJudge, tally),
    read: (read) => watchReading(read, tally),
    turnedAway: (reason) => tally.turnedAway.add(reason),
    loginRefused: (reason, sqlstate) => countRefused(tally, reason, sqlstate),
    plan: (event, count) => tally.plans.add(event, count),
  };
}

/** The decision log with counters. Its results are passed on unchanged: the log alone decides whether a statement may run. */
function watchLog(log: DecisionLog, tally: ProcessTally): DecisionLog {
  return {
    append(kind, fields) {
      const written = tally.written(log.append(kind, fields));
      if (written) countRecord(tally, kind, fields);
      return written;
    },
    async login(context) {
      const written = tally.written(await log.login(context));
      if (written) countRecord(tally, 'login', context);
      return written;
    },
    session: (context) => watchSession(log.session(context), tally, tally.role(context.role)),
    reopen: () => log.reopen(),
    onSeal: (listener) => log.onSeal(listener),
    head: () => log.head(),
    heard: (name, head) => log.heard(name, head),
    close: () => log.close(),
  };
}

function countRecord(tally: ProcessTally, kind: RecordKind, fields: RecordFields): void {
  if (kind === 'login' && fields.role !== undefined) {
    tally.role(fields.role).logins += 1;
    tally.upstreamFailedAt = undefined;
  }
  if (kind === 'policy') tally.policyHash = fields.to;
}

/** Labels never contain what a client sent: reasons and SQLSTATEs are Rowgate's own or the server's. */
function countRefused(tally: ProcessTally, reason: LoginReason, sqlstate: string): void {
  tally.loginFailures.add(reason);
  if (reason !== 'upstream') return;
  tally.upstreamFailures.add(sqlstate);
  if (isOutOfReach(sqlstate)) tally.upstreamFailedAt = tally.clock();
}

/** The server is unreachable, starting or stopping. If it refuses one login (password, limits), other logins may still work. */
function isOutOfReach(sqlstate: string): boolean {
  return sqlstate.startsWith('08') || sqlstate.startsWith('57P');
}

function watchSession(session: SessionLog, tally: ProcessTally, role: RoleTally): SessionLog {
  /** COPY decisions that have no outcome yet. */
  const copies = new Set<string>();
  const countReached = (reached: boolean): void => void tally.written(reached);
  const countDecision = (entry: DecisionEntry): void => {
    role.statements.add(entry.reason === undefined ? entry.effect : `${entry.effect} ${entry.reason}`);
    if (entry.would) role.observed.add(entry.would);
    if (entry.limit) role.overruns.add(entry.limit.name);
    if (entry.command === 'COPY') copies.add(entry.id);
  };
  const countOutcome = (entry: OutcomeEntry): void => {
    const copied = copies.delete(entry.id);
    role.outcomes.add(entry.status);
    role.rows += entry.rows;
    role.bytes += entry.bytes;
    if (copied) role.copyBytes += entry.bytes;
    role.changed += entry.changed;
    if (entry.limit) role.overruns.add(entry.limit.name);
    for (const subject in entry.subjects) countTold(role, subject, entry.subjects[subject]!);
    // A refused or skipped statement never ran: its time would distort the others.
    if (entry.status !== 'refused' && entry.status !== 'skipped') role.serverTime.observe(entry.ms / 1000);
  };
  return {
    append(entry) {
      const written = tally.written(session.append(entry));
      if (entry.kind === 'outcome') countOutcome(entry);
      else if (written && entry.kind === 'decision') countDecision(entry);
      return written;
    },
    reachDisk() {
      const recorded = session.reachDisk();
      recorded?.tell(countReached);
      return recorded;
    },
    isOnDisk: (id) => session.isOnDisk(id),
  };
}

function countTold(role: RoleTally, subject: string, { people, questions, values }: SubjectCount): void {
  role.people.add(subject, people);
  role.questions.add(subject, questions);
  role.values.add(subject, values);
}

/** Measures judges; cached and new judgements apart, as they take less than a microsecond and hundreds of microseconds. */
function watchJudge(makeJudge: MakeJudge, tally: ProcessTally): MakeJudge {
  return (context) => {
    const judge = makeJudge(context);
    // A cached judgement is the same object again.
    const seen = new WeakSet<Judgement>();
    const observe = (judgement: Judgement, seconds: number): Judgement => {
      if (seen.has(judgement)) tally.judgedFromMemory.observe(seconds);
      else {
        seen.add(judgement);
        tally.judgedAnew.observe(seconds);
      }
      return judgement;
    };
    return {
      judge(sql, parameterTypes) {
        const began = performance.now();
        return observe(judge.judge(sql, parameterTypes), (performance.now() - began) / 1000);
      },
      ...(judge.begin && {
        begin(sql: string, parameterTypes?: readonly number[]) {
          const began = performance.now();
          const begun = judge.begin!(sql, parameterTypes);
          const spent = performance.now() - began;
          return isUnderWay(begun) ? timed(begun, spent, observe) : observe(begun, spent / 1000);
        },
      }),
    };
  };
}

/** Excludes the time that other sessions use between steps. `spent`: milliseconds before the first step. */
function* timed(
  steps: JudgementSteps,
  spent: number,
  observe: (judgement: Judgement, seconds: number) => Judgement,
): JudgementSteps {
  let total = spent;
  for (;;) {
    const began = performance.now();
    const step = steps.next();
    total += performance.now() - began;
    if (step.done) return observe(step.value, total / 1000);
    yield;
  }
}

/** Counts and times each reading of policies and catalog. */
function watchReading(read: () => Promise<PolicyReading>, tally: ProcessTally): () => Promise<PolicyReading> {
  return async () => {
    let ok = false;
    try {
      const reading = await read();
      ok = reading.policy !== undefined && reading.errors.length === 0;
      return reading;
    } finally {
      tally.read(ok);
    }
  };
}
