/**
 * A session from the moment both sides have logged in: joins the two, and is what the rest of the server knows of it. It keeps nothing alive that
 * only the login needed: the memory of idle sessions is mostly objects that were not released.
 */
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { LoginRefusal } from '../core/login-refusal.ts';
import type { SessionContext, SessionLog } from '../decision-log/record-sink.ts';
import { attributeValues } from '../policy/model/attribute-values.ts';
import type { SessionEntry } from '../session/log-entries.ts';
import type { SessionPolicy } from '../session/ports.ts';
import type { UpstreamSession } from '../upstream/connect.ts';
import type { UpstreamFailure, UpstreamKey } from '../upstream/upstream-error.ts';
import { sessionPins } from '../upstream/watched-settings.ts';
import { Relay, type RelayOptions, type RelayPorts, type SessionMachine } from './relay.ts';
import type { Services } from './services.ts';
import type { LiveSession, ServerProgress, SessionSummary } from './sessions.ts';
import type { HeldSlots } from './slots/connection-limits.ts';
import type { TimeSlices } from './time-slices.ts';
import { newUlid } from './ulid.ts';

/** What one session has done so far, for operators who look on: plain numbers, and no clock on a statement's way. */
class SessionTally {
  statements = 0;
  refused = 0;
  rows = 0;
  user: string | undefined;
  application: string | undefined;
  command: string | undefined;
  /** Without literals: the client's own text may be megabytes, and secret. */
  statement = '';

  add(entry: SessionEntry): void {
    if (entry.kind === 'outcome') this.rows += entry.rows;
    else if (entry.kind === 'decision') {
      this.statements += 1;
      if (entry.effect === 'refuse' || entry.effect === 'lock') this.refused += 1;
      this.user = entry.person?.user;
      this.application = entry.application ?? this.application;
      this.command = entry.command;
      this.statement = entry.statement;
    }
  }
}

/** Both sides, and the client's identity. */
export interface Joined extends Pick<LiveSession, 'peer' | 'proof' | 'madeFor'> {
  readonly context: SessionContext;
  readonly client: Socket;
  readonly server: UpstreamSession;
  readonly held: HeldSlots;
  /** With which it begins. */
  readonly token: string | undefined;
  /** Its search_path, where that is not the policy's. */
  readonly path: string | undefined;
  /** Bytes of its cancel key. */
  readonly keyLength: number;
}

/** Those of a policy, for the log: the sessions of a principal share them. */
const attributesOf = new WeakMap<SessionPolicy, SessionContext['attributes']>();

export class RunningSession implements LiveSession, RelayOptions {
  readonly principal: string;
  readonly role: string;
  readonly peer: LiveSession['peer'];
  readonly proof: LiveSession['proof'];
  readonly madeFor: LiveSession['madeFor'];
  readonly client: Socket;
  readonly server: Socket;
  readonly records: SessionLog;
  readonly turns: TimeSlices;
  /** With which its client may cancel. */
  readonly key: UpstreamKey;
  private readonly context: SessionContext & { attributes: SessionContext['attributes'] };
  private readonly upstream: UpstreamSession;
  private readonly held: HeldSlots;
  private readonly token: string | undefined;
  private readonly path: string | undefined;
  private readonly budget: ReturnType<Services['budgets']['session']>;
  private readonly relay: Relay;
  private judgedBy: SessionPolicy | undefined;
  private readonly tally = new SessionTally();

  constructor(
    private readonly services: Services,
    joined: Joined,
  ) {
    const { context, server } = joined;
    this.principal = context.principal;
    this.role = context.role;
    this.peer = joined.peer;
    this.proof = joined.proof;
    this.madeFor = joined.madeFor;
    this.client = joined.client;
    this.server = server.socket;
    this.context = context;
    this.upstream = server;
    this.held = joined.held;
    this.token = joined.token;
    this.path = joined.path;
    this.records = services.records.session(context);
    this.turns = services.turns;
    this.budget = services.budgets.session(this.principal, this.policyNow, this.wake);
    this.key = services.sessions.add(
      this,
      { serverProcessId: server.key?.processId, keyLength: joined.keyLength },
      services.runtime.policy,
    );
    this.relay = new Relay(this);
  }

  activity(): ReturnType<LiveSession['activity']> {
    return this.relay.activity();
  }

  idleMs(now: number): number {
    return this.relay.idleMs(now);
  }

  progress(): ServerProgress {
    return this.relay.progress();
  }

  summary(now: number): SessionSummary {
    const { session, principal, role, client, application } = this.context;
    const { rows, since } = this.relay.underWay();
    const { tally } = this;
    return {
      ...{ session, principal, role, client, application: tally.application ?? application },
      ...(tally.user !== undefined && { user: tally.user }),
      activity: this.activity(),
      for: Math.round(since === undefined ? this.idleMs(now) : now - since),
      statements: tally.statements,
      refused: tally.refused,
      rows: tally.rows + rows,
      ...(tally.command !== undefined && { command: tally.command, statement: tally.statement }),
    };
  }

  timeOut(): void {
    this.relay.timeOut();
  }

  keepPaid(): void {
    this.relay.keepPaid();
  }

  cancel(): Promise<void> {
    return this.relay.cancel();
  }

  terminate(refusal: LoginRefusal): void {
    this.relay.terminate(refusal);
  }

  terminateWhenIdle(refusal: LoginRefusal): void {
    this.relay.terminateWhenIdle(refusal);
  }

  makeSession(ports: RelayPorts): SessionMachine {
    const { records, budget, token, path, upstream, services, tally } = this;
    const { identity, options } = services;
    const { pooling } = options;
    return services.makeSession({
      toServer: ports.toServer,
      toClient: ports.toClient,
      pauseClient: ports.pauseClient,
      pauseServer: ports.pauseServer,
      drainServer: ports.drainServer,
      cancel: ports.cancel,
      slice: ports.slice,
      end: ports.end,
      pooling: pooling === 'none' ? undefined : pooling,
      record: (entry) => {
        tally.add(entry);
        return records.append(entry);
      },
      budget,
      persons: identity.persons(this.wake),
      token,
      path,
      settings: upstream.parameters,
      plans: options.plans,
      onPlan: options.onPlan,
      pins: sessionPins(services.pinned, options.accountOf(this.role).user),
      pinsChanged: this.pinsChanged,
      policy: this.policyNow,
      now: monotonic,
      newId: newUlid,
      fault: this.fault,
      misjudged: this.misjudged,
    });
  }

  async cancelUpstream(): Promise<UpstreamFailure | undefined> {
    const { services, upstream, logged } = this;
    const failure = await services.upstream.cancel(upstream);
    if (failure) services.log.warn({ ...logged, detail: failure.detail }, 'could not cancel a statement');
    return failure;
  }

  onBug(error: unknown): void {
    this.services.log.error({ ...this.logged, err: error }, 'internal error in a relay; its session was ended');
  }

  onServerLost(): void {
    this.services.log.warn(this.logged, 'the database server ended a session');
  }

  onClosed(): void {
    const { services, key, budget, held, logged } = this;
    services.sessions.remove(key);
    budget.close();
    held.release();
    services.log.debug(logged, 'session ended');
  }

  /** For the operators' log. */
  get logged(): Pick<SessionContext, 'session' | 'principal' | 'client'> {
    const { session, principal, client } = this.context;
    return { session, principal, client };
  }

  /** Records name the attributes by which statements are judged now: a reload may have changed them. */
  private readonly policyNow = (): SessionPolicy | undefined => {
    const now = this.services.runtime.sessionPolicy(this.principal);
    if (now && now !== this.judgedBy) this.context.attributes = attributesIn(now);
    this.judgedBy = now;
    return now;
  };

  private readonly wake = (): void => this.relay.onBudget();

  private readonly fault = (error: unknown): void =>
    this.services.log.error({ ...this.logged, err: error }, 'internal error in a session; it was ended');

  private readonly pinsChanged = (names: readonly string[]): void =>
    this.services.log.error(
      { ...this.logged, role: this.role, settings: names },
      'a function, trigger or rule changed settings that are pinned; the session was ended',
    );

  private readonly misjudged = (error: unknown, decision: string): void =>
    this.services.log.error(
      { ...this.logged, decision, err: error },
      'internal error in the guard; the statement could not be judged',
    );
}

function attributesIn(policy: SessionPolicy): SessionContext['attributes'] {
  let attributes = attributesOf.get(policy);
  if (!attributes) {
    attributes = attributeValues(policy.role.attributes, policy.principal.attributes);
    attributesOf.set(policy, attributes);
  }
  return attributes;
}

function monotonic(): number {
  return performance.now();
}
