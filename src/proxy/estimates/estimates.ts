/** How many rows the planner expects of a statement, before it is sent: asked of the server on connections of the guard's own, and remembered. */

import type { Refusal } from '../../errors.ts';
import type { StatementJudgement } from '../../guard/decision.ts';
import { guardedReads, primaryKeys } from '../../guard/plan/guarded-reads.ts';
import { readPlans } from '../../guard/plan/plan-node.ts';
import { type GuardedReads, type PlanRows, rowsOf } from '../../guard/plan/plan-rows.ts';
import { type PrimaryKey, pointRows } from '../../guard/plan/point-plan.ts';
import { quoteIdentifier } from '../../policy/names.ts';
import type { Policy, RolePolicy } from '../../policy/policy.ts';
import type { Sent } from '../../session/budget.ts';
import type { SessionPolicy } from '../../session/ports.ts';
import type { Catalog } from '../../sql/catalog.ts';
import type { UpstreamAccount, UpstreamSetup } from '../upstream/setup.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { EstimateAccount, type Request } from './account.ts';
import type { Answer } from './connection.ts';
import { explained, isExplained } from './explained.ts';
import { EstimateMemory, keyOfStatement } from './memory.ts';
import { askExecute, askGeneric, askText, type Bound, boundTexts } from './question.ts';
import { failsItself, notEstimable, notEstimated, planningFailed, valuesUnknown } from './refusals.ts';
import { shapeOf } from './shape.ts';

export type Estimated =
  | { readonly kind: 'rows'; readonly rows: PlanRows }
  /** There is nothing to estimate; or the server will refuse the statement itself, and its error is the one to show. */
  | { readonly kind: 'passes' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | 'wait';

export interface EstimatesOptions {
  readonly upstream: Upstream;
  readonly setup: UpstreamSetup;
  accountOf(role: string): UpstreamAccount;
  /** The policy in force and the catalog under it. */
  current(): { readonly policy: Policy; readonly catalog: Catalog };
  /** Monotonic milliseconds. */
  now(): number;
  /** Could not be asked: for the operator's log. */
  failed?(detail: string): void;
  /** A plan is asked for: to be counted. */
  asked?(): void;
  /** Milliseconds for one plan. Default: a second. */
  readonly timeoutMs?: number;
}

const PASSES: Estimated = { kind: 'passes' };
const TIMEOUT_MS = 1000;
/** Beyond the server's own time limit: for the way there and back, and for a connection. */
const GRACE_MS = 1500;
const WAIT_MS = 3000;
const IDLE_MS = 60_000;
const MOST_CONNECTIONS = 2;

/** What holds for one role as long as its policy and the catalog do. */
interface OfRole {
  readonly guarded: GuardedReads;
  readonly keyOf: PrimaryKey;
  /** By OID, as SQL can hold it. */
  typeName(oid: number): string;
  readonly memory: EstimateMemory;
  /** Judgements of statements that are points: asked for at each run, and answered without a look at their text. */
  readonly points: WeakMap<StatementJudgement, Estimated>;
  /** By key: who is to be woken. */
  readonly waiting: Map<string, (() => void)[]>;
}

export class Estimates {
  private readonly accounts = new Map<string, EstimateAccount>();
  // INVARIANT: by the role's compiled policy: under another policy or catalog nothing of it is known.
  private readonly roles = new WeakMap<RolePolicy, OfRole>();
  private readonly timeout: number;

  constructor(private readonly options: EstimatesOptions) {
    this.timeout = options.timeoutMs ?? TIMEOUT_MS;
  }

  /** Where it answers `wait`, the same is asked again after `wake` was called. */
  of(policy: SessionPolicy, statement: StatementJudgement, sent: () => Sent, wake: () => void): Estimated {
    if (!isExplained(statement.kind)) return PASSES;
    const ofRole = this.ofRole(policy.role);
    const point = ofRole.points.get(statement);
    if (point) return point;
    const one = sent();
    // It does not stand alone, and whoever asks knows.
    if (one.text === '') return PASSES;
    if (readsTemporaryAlone(policy.role, statement)) return PASSES;
    const key = keyOfStatement(one);
    const known = ofRole.memory.statement(key);
    if (known) return known;
    const waiting = ofRole.waiting.get(key);
    if (waiting) {
      waiting.push(wake);
      return 'wait';
    }
    return this.begin(policy, statement, one, key, wake);
  }

  stop(): void {
    for (const account of this.accounts.values()) account.stop();
  }

  private begin(
    policy: SessionPolicy,
    statement: StatementJudgement,
    sent: Sent,
    key: string,
    wake: () => void,
  ): Estimated {
    const { role } = policy;
    const ofRole = this.ofRole(role);
    const asked = explained(statement.kind, sent);
    if (asked.kind === 'nothing') return PASSES;
    if (asked.kind === 'unknown') return { kind: 'refused', refusal: notEstimated() };
    const inquiry: Inquiry = { policy, ofRole, sent, account: this.account(role) };
    const shape = asked.kind === 'text' ? shapeOf(asked.text) : undefined;
    // The text's tree and its tokens must both be the same: neither the parser's nor the lexer's view decides alone.
    const shapeKey = shape && `${statement.fingerprint} ${sent.parameterTypes.join()} ${shape.text}`;
    const isShaped = shapeKey !== undefined && statement.fingerprint !== '' && sent.parameterTypes.every(isPlain);
    const knownShape = isShaped ? ofRole.memory.shape(shapeKey) : undefined;
    if (typeof knownShape === 'object') return this.point(ofRole, statement, knownShape);
    ofRole.waiting.set(key, [wake]);
    const finish = async (): Promise<Estimated> => {
      if (isShaped && knownShape === undefined) {
        const point = await this.pointOf(inquiry, shape!);
        if (point !== 'not known') ofRole.memory.learnShape(shapeKey, point);
        if (typeof point === 'object') return this.point(ofRole, statement, point);
      }
      if (asked.kind === 'prepared') {
        const answer = await this.ask(inquiry, (c) => askExecute(asked, c.newName(), this.asked(inquiry)));
        return this.read(inquiry, answer, true);
      }
      return this.read(inquiry, await this.askWithValues(inquiry, asked.text), boundOf(sent) !== undefined);
    };
    void finish()
      .catch((error: unknown): Estimated => {
        this.options.failed?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
        return { kind: 'refused', refusal: notEstimated() };
      })
      .then((answer) => {
        if (answer !== 'wait') ofRole.memory.learn(key, answer);
        const woken = ofRole.waiting.get(key) ?? [];
        ofRole.waiting.delete(key);
        for (const call of woken) call();
      });
    return 'wait';
  }

  private point(ofRole: OfRole, statement: StatementJudgement, rows: PlanRows): Estimated {
    const answer: Estimated = { kind: 'rows', rows };
    ofRole.points.set(statement, answer);
    return answer;
  }

  /** `varies`: what is read follows from the values, or the server makes no plan without them. */
  private async pointOf(
    inquiry: Inquiry,
    shape: { readonly text: string; readonly parameters: number },
  ): Promise<PlanRows | 'varies' | 'not known'> {
    const { ofRole } = inquiry;
    const answer = await this.askForAny(inquiry, shape.text, shape.parameters);
    if (answer.kind === 'lost') return 'not known';
    const plans = answer.kind === 'plan' ? readPlans(answer.json) : undefined;
    return (plans && pointRows(plans, ofRole.guarded, ofRole.keyOf)) ?? 'varies';
  }

  private askWithValues(inquiry: Inquiry, text: string): Promise<Answer> {
    const { sent } = inquiry;
    const bound = boundOf(sent);
    if (!bound) return this.askForAny(inquiry, text, shapeOf(text).own);
    return this.ask(inquiry, () => askText(text, sent.parameterTypes, bound, this.asked(inquiry)));
  }

  /** The plan for whatever values. */
  private askForAny(inquiry: Inquiry, text: string, parameters: number): Promise<Answer> {
    const { parameterTypes } = inquiry.sent;
    const types = Array.from({ length: parameters }, (_, i) => inquiry.ofRole.typeName(parameterTypes[i] ?? 0));
    return this.ask(inquiry, (c) => askGeneric(text, types, c.newName(), this.asked(inquiry)));
  }

  private asked({ sent, policy }: Inquiry) {
    const { settings } = sent;
    const timeout = Math.max(1, Math.min(this.timeout, policy.role.limits.statementTimeout ?? this.timeout));
    return { timeout: Math.ceil(timeout), ...(settings && { settings }) };
  }

  private ask({ account, policy }: Inquiry, ask: Request['ask']): Promise<Answer> {
    this.options.asked?.();
    return new Promise((answered) => {
      account.request({ principal: policy.principal.name, role: policy.role, ask, answered });
    });
  }

  /** @param seen the plan is of the statement's own values. */
  private read({ ofRole, policy, sent }: Inquiry, answer: Answer, seen: boolean): Estimated {
    switch (answer.kind) {
      case 'plan': {
        const plans = readPlans(answer.json);
        if (!plans) return { kind: 'refused', refusal: notEstimated() };
        const rows = rowsOf(plans, ofRole.guarded);
        // INVARIANT: a plan for whatever values says nothing of those that were not seen; what reads nothing needs none.
        if (!seen && rows.read > 0) return { kind: 'refused', refusal: valuesUnknown() };
        return { kind: 'rows', rows };
      }
      case 'error': {
        const temporary = TEMPORARY.test(sent.text) || TEMPORARY.test(sent.prepare ?? '');
        if (failsItself(answer, temporary || policy.role.temporary !== undefined)) return PASSES;
        return { kind: 'refused', refusal: temporary ? notEstimable() : planningFailed(answer) };
      }
      case 'lost':
        this.options.failed?.(answer.detail);
        return { kind: 'refused', refusal: notEstimated() };
    }
  }

  private ofRole(role: RolePolicy): OfRole {
    let known = this.roles.get(role);
    if (!known) {
      const { policy, catalog } = this.options.current();
      known = {
        guarded: guardedReads(role, policy.subjects?.values() ?? [], catalog),
        keyOf: primaryKeys(catalog),
        typeName: (oid) => typeName(catalog, oid),
        memory: new EstimateMemory(() => this.options.now()),
        points: new WeakMap(),
        waiting: new Map(),
      };
      this.roles.set(role, known);
    }
    return known;
  }

  private account(role: RolePolicy): EstimateAccount {
    const { upstream, setup, accountOf } = this.options;
    const { user, password } = accountOf(role.name);
    const key = `${user}\u0000${password ?? ''}`;
    let account = this.accounts.get(key);
    if (!account) {
      account = new EstimateAccount({
        upstream,
        opener: (of) => setup.opener(accountOf(of.name), of, APPLICATION),
        most: MOST_CONNECTIONS,
        answerMs: this.timeout + GRACE_MS,
        waitMs: WAIT_MS,
        idleMs: IDLE_MS,
      });
      this.accounts.set(key, account);
    }
    return account;
  }
}

interface Inquiry {
  readonly policy: SessionPolicy;
  readonly ofRole: OfRole;
  readonly sent: Sent;
  readonly account: EstimateAccount;
}

/** So that a DBA sees in `pg_stat_activity` whose connections these are. */
const APPLICATION: ReadonlyMap<string, string> = new Map([['application_name', 'rowgate estimates']]);

/** How the server knows temporary tables of a client's session, which a connection of the guard's own does not see. */
const TEMPORARY = /rowgate_temp_/;

function typeName(catalog: Catalog, oid: number): string {
  const type = catalog.typesByOid.get(oid);
  return type ? `${quoteIdentifier(type.schema)}.${quoteIdentifier(type.name)}` : 'unknown';
}

/** It counts none of the database's rows. */
function readsTemporaryAlone({ temporary }: RolePolicy, { tables }: StatementJudgement): boolean {
  if (!temporary || tables.length === 0) return false;
  const names = new Set([...temporary.values()].map(({ relation }) => `${relation.schema}.${relation.name}`));
  return tables.every((table) => names.has(table));
}

/** Types by which a primary key stays one: no two of its values are equal to one of theirs. */
const PLAIN_TYPES: ReadonlySet<number> = new Set([0, 20, 21, 23, 25, 1043, 1700, 2950]);

function isPlain(type: number): boolean {
  return PLAIN_TYPES.has(type);
}

function boundOf({ bound, values, parameterTypes, text }: Sent): Bound | undefined {
  if (bound) return bound;
  if (values) return boundTexts(values);
  return parameterTypes.length === 0 && shapeOf(text).own === 0 ? boundTexts([]) : undefined;
}
