/**
 * One client's session after both logins: relays, judges, refuses, meters and records. Holds no sockets: bytes come in by its
 * methods and go out by its ports, at most one write in each direction for each call.
 *
 * What a session holds is bounded, at some kB as a rule. In flight: of the client's a text (2 MiB; longer ones are refused in pieces)
 * or the head of a Bind (256 KiB), of the server's a message that has no data in it (4 MiB), the socket chunks at hand, and 10,000
 * answers that are still owed. Remembered: 10,000 portals, and of prepared statements and of cursors 8 million characters each, as they
 * came, as they go and normalized. Values of any size pass in pieces.
 */
import { refusal } from '../core/refusal.ts';
import { MalformedMessage, ProtocolError } from '../protocol/protocol-error.ts';
import { query } from '../protocol/query.ts';
import { ClientSide } from './client/client.ts';
import { sendStep } from './client/query-steps.ts';
import { failTransaction, queryPending, refuseExtended } from './client/refuse.ts';
import type { SessionPorts } from './ports.ts';
import { notRecorded, type UnderWay } from './recorder.ts';
import { sendFallback } from './reuse/text-fallback.ts';
import { cancelStalled } from './server/cut-off.ts';
import { keepPaid } from './server/later-windows.ts';
import { ServerSide } from './server/server.ts';
import { brokenProtocol } from './server/session-ends.ts';
import { Conversation } from './state/conversation.ts';

/** The client's message at the end of its session. */
export interface Farewell {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
}

/**
 * What PostgreSQL would show in pg_stat_activity.state. `active`: a message is under way, or a batch of extended messages waits for
 * its Sync. The others are the state of the last ReadyForQuery, with nothing more asked.
 */
export type Activity = 'idle' | 'in-transaction' | 'failed-transaction' | 'active';

export class Session {
  private readonly c: Conversation;
  private readonly client: ClientSide;
  private readonly server: ServerSide;
  private acting = false;
  /** The budget may be asked again. */
  private woken = false;

  /** Both sides are logged in: the client has been sent its first ReadyForQuery, with status I. */
  constructor(ports: SessionPorts) {
    this.c = new Conversation(ports);
    this.client = new ClientSide(this.c);
    this.server = new ServerSide(this.c);
  }

  /** Bytes from the client, cut anywhere. */
  onClient(chunk: Uint8Array): void {
    this.guarded(() => {
      this.client.push(chunk);
      this.client.pump();
      // What had to wait for the end of a frame.
      runDeferredAction(this.c);
    });
  }

  /** Bytes from the server, cut anywhere. */
  onServer(chunk: Uint8Array): void {
    this.guarded(() => {
      this.server.push(chunk);
      this.resume();
    });
  }

  /** The server has closed the connection over which it was asked to cancel: the cancel has hit, or never will. */
  onCancelDone(): void {
    this.guarded(() => {
      this.c.cancelling = false;
      this.resume();
    });
  }

  /** The budget that was waited for may be asked again. */
  onBudget(): void {
    // It may be told while it is asking.
    this.woken = true;
    if (!this.acting) this.guarded(() => {});
  }

  /** Others were served meanwhile: what had to wait is gone on with. */
  onTurn(): void {
    this.c.waitsForTurn = false;
    if (this.c.closed) this.c.writeOutcomes();
    this.guarded(() => {
      this.server.pump();
      this.resume();
    });
  }

  private goOn(): void {
    this.woken = false;
    this.c.admission.waits = false;
    this.server.goOn();
    this.resume();
  }

  /**
   * The client asks to cancel what it runs. @returns whether that has hit what waits for the budget; otherwise the server runs it, and is
   * to be told.
   */
  onClientCancel(): boolean {
    const { c } = this;
    let hit = false;
    this.guarded(() => {
      const stalled = cancelStalled(c);
      hit = stalled ? c.ports.pooling === undefined : c.admission.cancel();
      if (!stalled && !hit) return;
      this.server.goOn();
      this.resume();
    });
    return hit;
  }

  /**
   * The server has taken longer for its unanswered work than its `statement_timeout` allows, which PostgreSQL does not check at COMMIT. Through a
   * pooler a cancel may hit another client's next statement on that connection: none is sent.
   */
  onOvertime(): void {
    this.guarded(() => {
      const { c } = this;
      if (c.ports.pooling !== undefined || c.pending.length === 0) return;
      c.overtime = true;
      c.cancel();
    });
  }

  /** Windows may have ended since what it runs was paid. */
  keepPaid(): void {
    if (this.c.records.leaves) this.guarded(() => keepPaid(this.c));
  }

  /** The client's connection is closed after its Terminate: its statements are still carried out, but no one sees their rows. */
  onClientLeft(): void {
    this.guarded(() => {
      this.c.unheard = true;
      this.server.goOn();
      this.resume();
    });
  }

  /** Messages held for the server are never sent: the log has failed. `isOnDisk`: whether the decision of an id had reached the disk before. */
  onNotRecorded(isOnDisk: (id: string) => boolean): void {
    this.guarded(() => {
      this.c.records.endUnrecorded(isOnDisk);
      this.c.end(notRecorded());
    });
  }

  /** The client's connection is gone. */
  onClientClosed(): void {
    this.guarded(() => this.c.end());
  }

  /** The client's Terminate was read, or may follow a message that waits: its connection may close, and its statements are still carried out. */
  leaving(): boolean {
    return this.c.leaving || this.client.waits;
  }

  /** It has ended, and all of it is recorded: before, it may still ask for turns. */
  isSettled(): boolean {
    return this.c.closed && !this.c.records.owes;
  }

  /** The server's connection is gone. */
  onServerClosed(): void {
    this.guarded(() => this.c.end(this.c.fatal ? undefined : serverGone()));
  }

  /** Ends the session for a reason of the guard's own: a principal removed, a shutdown. */
  terminate({ sqlstate, message, detail, hint }: Farewell): void {
    this.guarded(() => this.c.end(refusal('role-disabled', sqlstate, message, { detail, hint })));
  }

  /** What it does at the moment, for display. */
  underWay(): UnderWay {
    return this.c.records.underWay();
  }

  /**
   * The state of the session between two calls of its methods: for idle times and draining. It changes only within such calls, so the relay asks
   * again after each.
   */
  activity(): Activity {
    const { c, client } = this;
    if (c.pending.length > 0 || c.blocked || c.batchOpen || client.waits || c.records.owes) return 'active';
    switch (c.status) {
      case 'I':
        return 'idle';
      case 'T':
        return 'in-transaction';
      case 'E':
        return 'failed-transaction';
    }
  }

  /**
   * How many parts of its work the server still owes, at least; 0 where it waits for the client's data, or for the end of a cancel, or what
   * it has sent waits here.
   */
  owed(): number {
    const { pending, copyIn, cancelling, stalled } = this.c;
    if (copyIn === 'data' || cancelling || stalled) return 0;
    return pending.length + (pending.head?.kind === 'query' ? pending.head.runs.length : 0);
  }

  private resume(): void {
    const { c } = this;
    runDeferredAction(c);
    if (c.draining && !c.blocked) {
      c.draining = false;
      c.ports.drainServer(false);
    }
    this.client.pump();
  }

  /** Gives back amounts that were taken in advance, while the session is idle. */
  private rest(): void {
    const { c } = this;
    if (!c.asked || c.closed || this.activity() === 'active') return;
    c.asked = false;
    c.ports.budget.rest();
  }

  /** INVARIANT 14: a bug or a broken protocol ends the session; no part of it goes on in an unknown state. */
  private guarded(act: () => void): void {
    const { c } = this;
    if (c.closed) return;
    // What ends this session may be a consequence of what it does: a lock.
    const within = this.acting;
    this.acting = true;
    try {
      act();
      while (!within && this.woken && !c.closed) this.goOn();
      if (!c.closed) c.flushOut();
      this.rest();
    } catch (error) {
      const broken = error instanceof ProtocolError || error instanceof MalformedMessage;
      if (!broken) {
        c.toServer.take();
        c.ports.fault?.(error);
      }
      c.end(
        broken
          ? brokenProtocol(error.message)
          : refusal('internal', 'XX000', 'internal error in the guard', {
              hint: 'Connect again, and report it with its decision.',
            }),
      );
    } finally {
      this.acting = within;
    }
  }
}

function serverGone() {
  return refusal('internal', '08006', 'the connection to the database server was lost');
}

/** Does nothing while a cancel is on its way, which could hit a newly sent statement, nor while a frame of the client's is. */
function runDeferredAction(c: Conversation): void {
  if (c.cancelling || c.passing || c.closed || c.pins.pay()) return;
  const { deferred } = c;
  if (!deferred) return;
  c.deferred = undefined;
  switch (deferred.kind) {
    case 'fail-statement': {
      const { run, conversion } = deferred;
      const forced = { id: c.ports.newId(), known: 'by id', refusal: run.cut, decision: run.id, runs: [run] } as const;
      refuseExtended(c, forced, { conversion });
      break;
    }
    case 'fail-transaction':
      failTransaction(c);
      break;
    case 'end-wrapped': {
      const pending = queryPending(c, 'end', { ends: deferred.query, commits: deferred.commit });
      c.send(query(deferred.commit ? 'COMMIT' : 'ROLLBACK'), pending);
      c.block(pending);
      break;
    }
    case 'sync':
      c.block(c.sync(undefined, deferred.conversion));
      break;
    case 'fallback':
      sendFallback(c, deferred.fallback);
      break;
    case 'step':
      sendStep(c, deferred.step);
  }
}
