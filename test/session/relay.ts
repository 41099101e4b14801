/** Runs a Session between a client made of bytes and a connection to the real server, with a policy that a test gives. */
import type { JudgementSteps } from '../../src/guard/decision.ts';
import type { Budget } from '../../src/session/admission/budget-port.ts';
import type { EndUsers } from '../../src/session/end-user/end-user.ts';
import type { DecisionEntry, OutcomeEntry, SeenEntry } from '../../src/session/log-entries.ts';
import type { Pins, SessionPolicy } from '../../src/session/ports.ts';
import type { PlanReuse } from '../../src/session/reuse/known-plans.ts';
import { Session } from '../../src/session/session.ts';
import { logIn, type Peer, Received } from './peer.ts';
import { UNLIMITED } from './unlimited.ts';

export interface RelayedPeer extends Peer {
  readonly session: Session;
  readonly records: (DecisionEntry | OutcomeEntry)[];
  /** The records of the people that a statement shows, written while it shows them. */
  readonly seen: SeenEntry[];
  /** The bytes sent to the server. */
  readonly sent: Buffer[];
  /** Bugs that ended the session. */
  readonly faults: unknown[];
  /** Bugs that the guard met while it judged, by the decision's id. */
  readonly misjudged: Map<string, unknown>;
  /** Set false: the log cannot be written. */
  recording: boolean;
  policy: SessionPolicy;
  /** Set true: the principal has no policy any more. */
  policyGone: boolean;
  readonly paused: boolean;
  /** The server is held back. */
  readonly serverPaused: boolean;
  readonly cancels: number;
}

export interface Tokens {
  /** The user of the token with which the session begins. */
  readonly initial?: string;
  readonly persons: (wake: () => void) => EndUsers;
}

/**
 * @param policy or one for each time that the session asks.
 * @param makeBudget is given what wakes the session.
 * @param givesWay the session's time is over behind each message, and its next turn comes later.
 * @param plans what comes again is prepared at the server.
 * @param cutServer the server's bytes reach the session in pieces of at most so many.
 */
export async function relayed(
  url: string,
  policy: SessionPolicy | (() => SessionPolicy),
  cutServer = Infinity,
  makeBudget: (wake: () => void) => Budget = () => UNLIMITED,
  tokens?: Tokens,
  givesWay = false,
  pins?: Pins,
  plans?: PlanReuse,
  pooling?: 'session' | 'transaction',
): Promise<RelayedPeer> {
  const next = typeof policy === 'function' ? policy : undefined;
  let made = 0;
  const server = await logIn(url);
  const received = new Received();
  const state = { paused: false, serverPaused: false, cancels: 0 };
  const budget = makeBudget(() => peer.session.onBudget());
  const peer: RelayedPeer = {
    received,
    pid: server.pid,
    records: [],
    seen: [],
    sent: [],
    faults: [],
    misjudged: new Map(),
    recording: true,
    policy: typeof policy === 'function' ? policy() : policy,
    policyGone: false,
    get paused() {
      return state.paused;
    },
    get serverPaused() {
      return state.serverPaused;
    },
    get cancels() {
      return state.cancels;
    },
    session: new Session({
      toServer: (bytes) => {
        peer.sent.push(Buffer.from(bytes));
        server.socket.write(Buffer.from(bytes));
      },
      toClient: (bytes) => received.push(bytes),
      record: (entry) => {
        if (!peer.recording) return false;
        if (entry.kind === 'seen') peer.seen.push(entry);
        else peer.records.push(entry);
        return true;
      },
      cancel: () => {
        state.cancels += 1;
        void server.cancel().then(() => peer.session.onCancelDone());
      },
      pauseClient: (paused) => {
        state.paused = paused;
      },
      budget,
      ...(pins && { pins }),
      ...(plans && { plans }),
      ...(pooling && { pooling }),
      ...(tokens && { persons: tokens.persons(() => peer.session.onBudget()) }),
      ...(tokens?.initial !== undefined && { token: tokens.initial }),
      pauseServer: (paused) => {
        if (paused) server.socket.pause();
        else server.socket.resume();
        state.serverPaused = paused;
      },
      drainServer: () => {},
      end: () => {
        received.close();
        server.socket.end();
      },
      ...(givesWay && { slice: { isOver: () => true, ask: () => void setImmediate(() => peer.session.onTurn()) } }),
      policy: () => {
        const policy = next?.() ?? peer.policy;
        if (peer.policyGone) return undefined;
        return givesWay ? inSteps(policy) : policy;
      },
      now: () => performance.now(),
      newId: () => {
        made += 1;
        return `01TEST${String(made).padStart(20, '0')}`;
      },
      fault: (error) => void peer.faults.push(error),
      misjudged: (error, decision) => void peer.misjudged.set(decision, error),
    }),
    send: (bytes) => peer.session.onClient(Uint8Array.from(bytes)),
    cancel: async () => {
      if (!peer.session.onClientCancel()) await server.cancel();
    },
    close: () => server.close(),
  };
  server.socket.on('data', (chunk) => {
    for (let at = 0; at < chunk.length; at += cutServer) peer.session.onServer(chunk.subarray(at, at + cutServer));
  });
  server.socket.on('close', () => {
    peer.session.onServerClosed();
    received.close();
  });
  return peer;
}

const stepwise = new WeakMap<SessionPolicy, SessionPolicy>();

/** The same policy, judging in steps. */
function inSteps(policy: SessionPolicy): SessionPolicy {
  let made = stepwise.get(policy);
  if (!made) {
    const begin = function* (sql: string, types?: readonly number[]): JudgementSteps {
      for (let step = 0; step < 3; step += 1) yield;
      return policy.judge(sql, types);
    };
    made = { ...policy, begin };
    stepwise.set(policy, made);
  }
  return made;
}
