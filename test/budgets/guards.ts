/** Budgets as one guard process has them, over a local or a remote store, and sessions that ask until they get an answer. */
import pino from 'pino';
import { Budgets } from '../../src/budget/local/budgets.ts';
import type { SessionBudget } from '../../src/budget/local/session-budget.ts';
import type { Alarm } from '../../src/core/alarm-sink.ts';
import type { RecordSink } from '../../src/decision-log/record-sink.ts';
import type { Estimates } from '../../src/estimates/estimates.ts';
import type { StatementJudgement } from '../../src/guard/decision.ts';
import type { Approvers } from '../../src/metering/approvals.ts';
import { type BudgetStore, StoreUnavailable } from '../../src/metering/budget-store.ts';
import type { Limits } from '../../src/policy/model/limits.ts';
import { readWindowLimit } from '../../src/policy/source/quantity.ts';
import { type LiveSession, Sessions } from '../../src/server/sessions.ts';
import type { BudgetAdmitted, BudgetTaken, Demand, DemandOfMany } from '../../src/session/admission/budget-port.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import { policyOf } from '../session/policies.ts';

export const ZONE = 'Europe/Paris';

export const limit = (text: string) => {
  const read = readWindowLimit(text, false);
  if (!('value' in read)) throw new Error(read.expected);
  return read.value;
};

/** A policy with limits for each end user, and `limits` for their account. */
export function policyPerUser(limitsPerUser: Limits, limits: Limits = {}, more: Partial<SessionPolicy['role']> = {}) {
  const made = policyOf({ limits });
  return { ...made, role: { ...made.role, limitsPerUser, ...more } };
}

/** Answers a moment later, as one elsewhere does, or not at all, and counts its questions. */
export function elsewhere(store: BudgetStore, lateMs = () => Math.random() * 3): BudgetStore & Questions {
  const later = async <T>(act: () => T | Promise<T>): Promise<T> => {
    remote.questions += 1;
    await new Promise((done) => setTimeout(done, lateMs()));
    if (remote.gone) throw new StoreUnavailable('gone');
    return act();
  };
  const remote = {
    ...store,
    gone: false,
    questions: 0,
    take: (claims: Parameters<BudgetStore['take']>[0]) => later(() => store.take(claims)),
    known: (...asked: Parameters<BudgetStore['known']>) => later(() => store.known(...asked)),
    used: (...asked: Parameters<BudgetStore['used']>) => later(() => store.used(...asked)),
    change: (change: Parameters<BudgetStore['change']>[0]) => later(() => store.change(change)),
  };
  return remote;
}

export interface Questions {
  gone: boolean;
  questions: number;
}

export interface Guard {
  readonly records: Record<string, unknown>[];
  readonly alarms: Alarm[];
  /** SQLSTATEs by which a session of the principal was ended, and one that 7731 has alone. */
  readonly ended: string[];
  readonly endedOfUser: string[];
  readonly budgets: Budgets;
  /** `policy`: may be another one each time. */
  session(policy: SessionPolicy | (() => SessionPolicy), principal?: string): Asking;
}

export interface Asking {
  readonly budget: SessionBudget;
  /** How often it had to wait so far. */
  waits(): number;
  take(demand: Demand): Promise<BudgetTaken>;
  takeMany(demand: DemandOfMany): Promise<'taken' | 'singly'>;
  admit(user?: string, statement?: Partial<StatementJudgement>): Promise<BudgetAdmitted>;
}

/** Call `budgets.stop` at the end. */
export function guardOver(store: BudgetStore, principal = 'portal', approvers: Approvers = new Map()): Guard {
  const records: Record<string, unknown>[] = [];
  const alarms: Alarm[] = [];
  const ended: string[] = [];
  const endedOfUser: string[] = [];
  const sessions = new Sessions();
  const session = (proof: object, told: string[]) => ({
    principal,
    proof,
    terminate: ({ sqlstate }: { sqlstate: string }) => void told.push(sqlstate),
  });
  const live = [session({ kind: 'certificate' }, ended), session({ kind: 'token', user: '7731' }, endedOfUser)];
  sessions.live = () => live as unknown as LiveSession[];
  const sink = { append: (kind: string, fields: object) => records.push({ kind, ...fields }) > 0 };
  const budgets = new Budgets({
    store,
    timeZone: ZONE,
    records: sink as unknown as RecordSink,
    alarms: { raise: (alarm: Alarm) => void alarms.push(alarm) },
    log: pino({ level: 'silent' }),
    sessions,
    estimates: {} as Estimates,
    policy: () => ({ principals: new Map(), approvers }),
  });
  return {
    records,
    alarms,
    ended,
    endedOfUser,
    budgets,
    session(given, name = principal) {
      const policy = typeof given === 'function' ? given : () => given;
      let woken: () => void = () => {};
      const budget = budgets.session(name, policy, () => woken());
      let waits = 0;
      const answered = async <T extends { kind: string }>(ask: () => T): Promise<T> => {
        for (let tries = 0; tries < 1_000; tries += 1) {
          const wakes = new Promise<void>((done) => {
            woken = done;
          });
          const answer = ask();
          if (answer.kind !== 'wait') return answer;
          waits += 1;
          await wakes;
        }
        throw new Error('no answer came');
      };
      return {
        budget,
        waits: () => waits,
        take: (demand) => answered(() => budget.take(policy(), demand)),
        async takeMany(demand) {
          const { kind } = await answered(() => ({ kind: budget.takeMany(policy(), demand) }));
          return kind === 'taken' ? kind : 'singly';
        },
        admit: (user, statement) =>
          answered(() => budget.admit(policy(), { ...SELECT, ...statement }, [], noPlan, user)),
      };
    },
  };
}

/** One row that shows this pupil to this person. */
export const row = (user: string | undefined, pupil: number | string): Demand => ({
  rows: 1,
  bytes: 100,
  disclosed: [{ subject: 'pupil', keys: [String(pupil)], values: 0 }],
  ...(user !== undefined && { user }),
});

const noPlan = () => {
  throw new Error('no plan is needed');
};

const SELECT: StatementJudgement = {
  effect: 'rewrite',
  kind: { kind: 'read' },
  command: 'SELECT',
  fingerprint: '',
  normalized: '',
  tables: ['public.pupils'],
  columns: [],
};
