/** The connections of one upstream account, and the queue for them: principals in turn, so that none keeps the others waiting. */
import { performance } from 'node:perf_hooks';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { SessionOpener, Upstream } from '../upstream/connect.ts';
import { EstimateConnection, type PlanAnswer } from './connection.ts';
import type { PlanQuestion } from './question.ts';

/** A question, made for the connection that takes it. */
export interface Request {
  readonly principal: string;
  readonly role: RolePolicy;
  ask(connection: EstimateConnection): PlanQuestion;
  answered(answer: PlanAnswer): void;
}

export interface AccountOptions {
  readonly upstream: Upstream;
  /** How a session for this role is opened; the refusal's detail where it cannot be. */
  opener(role: RolePolicy): SessionOpener | { readonly refusal: { readonly message: string } };
  /** Connections at once. */
  readonly most: number;
  /** Milliseconds: for one question, for all waiting of a request, until an unused connection is closed. */
  readonly answerMs: number;
  readonly waitMs: number;
  readonly idleMs: number;
}

/** So many requests wait at most for one principal. */
const LONGEST_QUEUE = 200;

interface Waiting {
  readonly request: Request;
  readonly since: number;
}

export class EstimateAccount {
  /** By principal; who comes first is served next, and goes to the end. */
  private readonly queues = new Map<string, Waiting[]>();
  private readonly idle: { readonly connection: EstimateConnection; readonly timer: NodeJS.Timeout }[] = [];
  private readonly open = new Set<EstimateConnection>();
  /** Connections that are at work or are being opened. */
  private busy = 0;
  private stopped = false;

  constructor(private readonly options: AccountOptions) {}

  request(request: Request): void {
    const queue = this.queues.get(request.principal) ?? [];
    if (this.stopped || queue.length >= LONGEST_QUEUE) {
      request.answered({ kind: 'lost', detail: this.stopped ? 'the guard stops' : 'too many statements wait' });
      return;
    }
    queue.push({ request, since: performance.now() });
    this.queues.set(request.principal, queue);
    this.serve();
  }

  stop(): void {
    this.stopped = true;
    for (const { timer } of this.idle.splice(0)) clearTimeout(timer);
    for (const connection of this.open) connection.close();
    for (const { request } of [...this.queues.values()].flat()) {
      request.answered({ kind: 'lost', detail: 'the guard stops' });
    }
    this.queues.clear();
  }

  private serve(): void {
    while (this.busy < this.options.most) {
      const next = this.next();
      if (!next) return;
      this.busy += 1;
      void this.work(next).finally(() => {
        this.busy -= 1;
        this.serve();
      });
    }
  }

  private next(): Waiting | undefined {
    for (const [principal, queue] of this.queues) {
      this.queues.delete(principal);
      const waiting = queue.shift();
      if (queue.length > 0) this.queues.set(principal, queue);
      if (waiting) return waiting;
    }
    return undefined;
  }

  private async work({ request, since }: Waiting): Promise<void> {
    const { answerMs, waitMs } = this.options;
    if (performance.now() - since > waitMs) {
      request.answered({ kind: 'lost', detail: 'it waited too long' });
      return;
    }
    const connection = await this.connection(request.role);
    if (typeof connection === 'string') {
      request.answered({ kind: 'lost', detail: connection });
      return;
    }
    const answer = await connection.ask(request.ask(connection), answerMs);
    if (connection.usable && !this.stopped) this.rest(connection);
    request.answered(answer);
  }

  private async connection(role: RolePolicy): Promise<EstimateConnection | string> {
    for (let last = this.idle.pop(); last; last = this.idle.pop()) {
      clearTimeout(last.timer);
      if (last.connection.usable) return last.connection;
    }
    const opener = this.options.opener(role);
    if ('refusal' in opener) return opener.refusal.message;
    const opened = await this.options.upstream.open(opener);
    if ('failure' in opened) return opened.failure.detail;
    const connection = new EstimateConnection(opened.session, () => this.open.delete(connection));
    this.open.add(connection);
    if (this.stopped) connection.close();
    return connection;
  }

  private rest(connection: EstimateConnection): void {
    const timer = setTimeout(() => {
      this.idle.splice(
        this.idle.findIndex((one) => one.connection === connection),
        1,
      );
      connection.close();
    }, this.options.idleMs);
    timer.unref();
    this.idle.push({ connection, timer });
  }
}
