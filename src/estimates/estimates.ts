/** How many rows the planner expects of a statement, before it is sent: asked of the server on connections of the guard's own, and remembered. */

import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { StatementJudgement } from '../guard/decision.ts';
import { quoteIdentifier } from '../policy/compile/names.ts';
import type { Policy, RolePolicy } from '../policy/model/policy.ts';
import type { Sent } from '../session/admission/budget-port.ts';
import type { SessionPolicy } from '../session/ports.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import type { Upstream } from '../upstream/connect.ts';
import type { UpstreamAccount, UpstreamSetup } from '../upstream/setup.ts';
import { EstimateAccount } from './account.ts';
import type { Estimated, EstimatedStatement } from './estimated.ts';
import { type Explained, explained, isExplained } from './explained.ts';
import { Inquiry, type PlanReading } from './inquiry.ts';
import { guardedReads, primaryKeys } from './plan/guarded-reads.ts';
import type { PlanRows } from './plan/plan-rows.ts';
import { notEstimable, notEstimated } from './refusals.ts';
import { type Shape, shapeOf } from './shape.ts';

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

const PASSES: EstimatedStatement = { kind: 'passes' };
const TIMEOUT_MS = 1000;
/** Beyond the server's own time limit: for the way there and back. */
const GRACE_MS = 1500;
const WAIT_MS = 3000;
const IDLE_MS = 60_000;
const MOST_CONNECTIONS = 2;

/** State for one role, valid while its policy and the catalog are. */
interface OfRole {
  readonly reading: PlanReading;
  readonly memory: EstimateMemory;
  /** Judgements of statements that are points: answered at each run without a look at their text. */
  readonly points: WeakMap<StatementJudgement, EstimatedStatement>;
  /** By principal and key: who is to be woken. */
  readonly waiting: Map<string, Set<() => void>>;
}

export class Estimates {
  private readonly accounts = new Map<string, EstimateAccount>();
  // By the role's compiled policy: under another policy or catalog nothing of it is known.
  private readonly roles = new WeakMap<RolePolicy, OfRole>();

  constructor(private readonly options: EstimatesOptions) {}

  /** Where it answers `wait`, the same is asked again after `wake` was called; by the same function it is called once. */
  of(policy: SessionPolicy, statement: StatementJudgement, sent: () => Sent, wake: () => void): Estimated {
    if (!isExplained(statement.kind)) return PASSES;
    const ofRole = this.ofRole(policy.role);
    const point = ofRole.points.get(statement);
    if (point) return point;
    const one = sent();
    // The text is not a single statement, and the caller knows.
    if (one.text === '') return PASSES;
    if (readsTemporaryAlone(policy.role, statement)) return PASSES;
    const key = keyOfStatement(one);
    // A failed or late estimate concerns only its asker: no one waits in another's queue, or is refused because of its length.
    const asker = `${policy.principal.name}\0${key}`;
    const known = ofRole.memory.statement(key) ?? ofRole.memory.statement(asker);
    if (known) return known;
    const waiting = ofRole.waiting.get(asker);
    if (waiting) {
      waiting.add(wake);
      return 'wait';
    }
    const asked = explained(statement.kind, one);
    if (asked.kind === 'nothing') return PASSES;
    if (asked.kind === 'unknown') return { kind: 'refused', refusal: notEstimable('together') };
    const shape = shapeFor(statement, one, asked);
    const shaped = shape && ofRole.memory.shape(shape.key);
    if (typeof shaped === 'object') return remembered(ofRole, statement, shaped);
    const inquiry = this.inquiry(policy, ofRole, one);
    const unshaped = shaped === undefined ? shape : undefined;
    ofRole.waiting.set(asker, new Set([wake]));
    void this.answer(ofRole, statement, inquiry, asked, unshaped).then((answer) => {
      ofRole.memory.learn(answer.kind === 'refused' ? asker : key, answer);
      const woken = ofRole.waiting.get(asker) ?? [];
      ofRole.waiting.delete(asker);
      for (const call of woken) call();
    });
    return 'wait';
  }

  stop(): void {
    for (const account of this.accounts.values()) account.stop();
  }

  /** @param shape a shape not yet known to be a point query or not. */
  private async answer(
    ofRole: OfRole,
    statement: StatementJudgement,
    inquiry: Inquiry,
    asked: Exclude<Explained, { kind: 'nothing' | 'unknown' }>,
    shape: KeyedShape | undefined,
  ): Promise<EstimatedStatement> {
    try {
      const point = shape && (await inquiry.point(shape));
      if (shape && point !== undefined && point !== 'not known') ofRole.memory.learnShape(shape.key, point);
      return typeof point === 'object' ? remembered(ofRole, statement, point) : await inquiry.rows(asked);
    } catch (error) {
      this.options.failed?.(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return { kind: 'refused', refusal: notEstimated() };
    }
  }

  private inquiry(policy: SessionPolicy, { reading }: OfRole, sent: Sent): Inquiry {
    return new Inquiry({
      policy,
      sent,
      reading,
      account: this.account(policy.role),
      timeout: this.timeout,
      asked: () => this.options.asked?.(),
      failed: (detail) => this.options.failed?.(detail),
    });
  }

  private get timeout(): number {
    return this.options.timeoutMs ?? TIMEOUT_MS;
  }

  private ofRole(role: RolePolicy): OfRole {
    let known = this.roles.get(role);
    if (!known) {
      const { policy, catalog } = this.options.current();
      known = {
        reading: {
          guarded: guardedReads(role, policy.subjects?.values() ?? [], catalog),
          keyOf: primaryKeys(catalog),
          typeName: (oid) => typeName(catalog, oid),
        },
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
    const { user } = accountOf(role.name);
    let account = this.accounts.get(user);
    if (!account) {
      account = new EstimateAccount({
        upstream,
        opener: (of) => setup.opener(accountOf(of.name), of, APPLICATION),
        most: MOST_CONNECTIONS,
        answerMs: this.timeout + GRACE_MS,
        waitMs: WAIT_MS,
        idleMs: IDLE_MS,
      });
      this.accounts.set(user, account);
    }
    return account;
  }
}

/** Names these connections in `pg_stat_activity` for the DBA. */
const APPLICATION: ReadonlyMap<string, string> = new Map([['application_name', 'rowgate estimates']]);

function remembered(ofRole: OfRole, statement: StatementJudgement, rows: PlanRows): EstimatedStatement {
  const answer: EstimatedStatement = { kind: 'rows', rows };
  ofRole.points.set(statement, answer);
  return answer;
}

interface KeyedShape extends Shape {
  readonly key: string;
}

/** Types by which a primary key stays one: no two of its values are equal to one of theirs. */
const PLAIN_TYPES: ReadonlySet<number> = new Set([0, 20, 21, 23, 25, 1043, 1700, 2950]);

/** Tree and tokens must both be the same: neither the parser's result nor the lexer's decides alone. */
function shapeFor({ fingerprint }: StatementJudgement, sent: Sent, asked: Explained): KeyedShape | undefined {
  const { parameterTypes } = sent;
  if (asked.kind !== 'text' || fingerprint === '' || !parameterTypes.every((type) => PLAIN_TYPES.has(type))) {
    return undefined;
  }
  const shape = shapeOf(asked.text);
  return { ...shape, key: `${fingerprint} ${parameterTypes.join()} ${shape.text}` };
}

/** Its rows are not rows of the database. */
function readsTemporaryAlone({ temporary }: RolePolicy, { tables }: StatementJudgement): boolean {
  if (!temporary || tables.length === 0) return false;
  const names = new Set([...temporary.values()].map(({ relation }) => `${relation.schema}.${relation.name}`));
  return tables.every((table) => names.has(table));
}

function typeName(catalog: Catalog, oid: number): string {
  const type = catalog.typesByOid.get(oid);
  return type ? `${quoteIdentifier(type.schema)}.${quoteIdentifier(type.name)}` : 'unknown';
}

/** What is remembered of estimates: of shapes that are points whatever their values are, and of statements with their values. Bounded. */
const MOST_STATEMENTS = 5000;
const MOST_SHAPES = 5000;
/** Tables grow: after that the planner is asked again. */
const REFRESHED_MS = 10 * 60_000;
/** How long a failed estimate is remembered: long enough for its askers to get it. */
const FAILED_MS = 1000;

class EstimateMemory {
  /** By a digest of text, values and what else makes the estimate. */
  private readonly statements = new LRUCache<string, { readonly answer: EstimatedStatement; readonly until: number }>({
    max: MOST_STATEMENTS,
  });
  private readonly shapes = new LRUCache<string, { readonly point: PlanRows | 'varies'; readonly until: number }>({
    max: MOST_SHAPES,
  });

  constructor(private readonly now: () => number) {}

  statement(key: string): EstimatedStatement | undefined {
    const known = this.statements.get(key);
    return known && known.until > this.now() ? known.answer : undefined;
  }

  learn(key: string, answer: EstimatedStatement): void {
    const lasts = answer.kind === 'rows' ? REFRESHED_MS : FAILED_MS;
    this.statements.set(key, { answer, until: this.now() + lasts });
  }

  shape(key: string): PlanRows | 'varies' | undefined {
    const known = this.shapes.get(key);
    return known && known.until > this.now() ? known.point : undefined;
  }

  learnShape(key: string, point: PlanRows | 'varies'): void {
    this.shapes.set(key, { point, until: this.now() + REFRESHED_MS });
  }
}

/** Everything that the estimate follows from. */
function keyOfStatement({ text, parameterTypes, values, bound, prepare, settings }: Sent): string {
  const hash = createHash('sha256');
  const parts = [
    text,
    parameterTypes.join(),
    prepare ?? '',
    JSON.stringify(values ?? null),
    JSON.stringify([...(settings ?? [])]),
  ];
  for (const part of parts) hash.update(`${Buffer.byteLength(part)} `).update(part);
  if (bound) hash.update(`${bound.formats.join()} ${bound.valueCount} `).update(bound.values);
  return hash.digest('base64');
}
