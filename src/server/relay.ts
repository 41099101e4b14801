/** Connects two sockets to a session's protocol state: bytes in and out, backpressure both ways, cancel, and the end of either side. */
import type { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { LoginRefusal } from '../core/login-refusal.ts';
import type { SessionLog } from '../decision-log/record-sink.ts';
import type { SessionPorts } from '../session/ports.ts';
import type { Session } from '../session/session.ts';
import { ServerWrites } from './server-writes.ts';
import type { ServerProgress } from './sessions.ts';
import { TerminateWatch } from './terminate-message.ts';
import type { SliceTaker, TimeSlices } from './time-slices.ts';

/** What a session is to the relay; `session/` holds the real one. */
export interface SessionMachine {
  onClient(chunk: Uint8Array): void;
  onServer(chunk: Uint8Array): void;
  /** The server has closed the cancel connection that `cancel` asked for. */
  onCancelDone(): void;
  onTurn(): void;
  /** The budget that it had to wait for may be asked again. */
  onBudget(): void;
  /** The client's CancelRequest. @returns whether it has hit what waits for the budget: the server is then not to be told. */
  onClientCancel(): boolean;
  onClientClosed(): void;
  /** The same after the client's Terminate: its statements are still carried out, but no one sees their rows. */
  onClientLeft(): void;
  /** The client's Terminate was read, or may follow a message that waits: its connection may close, and its statements are still carried out. */
  leaving(): boolean;
  onServerClosed(): void;
  /** A message for the server could not be recorded, and is never sent. @param isOnDisk whether the decision with an id was. */
  onNotRecorded(isOnDisk: (id: string) => boolean): void;
  /** It has ended, and needs no more turns. */
  isSettled(): boolean;
  /** Tells the client at the next message boundary why its session ends, and ends it. */
  terminate(refusal: LoginRefusal): void;
  /** How many parts of its work the server has not answered, if nothing else holds it up. */
  owed(): number;
  /** The server has been at it for longer than it may. */
  onOvertime(): void;
  keepPaid(): void;
  /** What it is doing; changes within these methods only. */
  activity(): ReturnType<Session['activity']>;
  /** What runs now. */
  underWay(): ReturnType<Session['underWay']>;
}

/** The session's ports that are about sockets. */
export type RelayPorts = Pick<
  SessionPorts,
  'toServer' | 'toClient' | 'pauseClient' | 'pauseServer' | 'drainServer' | 'cancel' | 'end'
> &
  Required<Pick<SessionPorts, 'slice'>>;

export interface RelayOptions {
  readonly client: Socket;
  readonly server: Socket;
  readonly records: Pick<SessionLog, 'reachDisk' | 'isOnDisk'>;
  readonly turns: TimeSlices;
  readonly principal: string;
  makeSession(ports: RelayPorts): SessionMachine;
  /** Opens a cancel connection for the server's session; resolves when the server has closed it, or with why it could not be told. */
  cancelUpstream(): Promise<unknown>;
  /** An exception in the session is a bug: the session ends, the others do not. */
  onBug(error: unknown): void;
  /** The server has ended the session, and no client had asked for it. */
  onServerLost?(): void;
  /** Both sides are closed. Called once. */
  onClosed(): void;
}

/** How long the server may go on after the end, before what it runs is cancelled; and how long either side may take to close. */
const CANCEL_MS = 1_000;
const CLOSE_MS = 5_000;

export class Relay implements SliceTaker {
  private readonly session: SessionMachine;
  private readonly writes: ServerWrites;
  readonly sharesWith: string;
  /** It has asked for a turn; neither side is read before. */
  private waitsForTurn = false;
  /** What came in the meantime: no more than was already on its way. */
  private late: (() => void)[] = [];
  private clientFull = false;
  private sessionPaused = false;
  private serverPaused = false;
  private draining = false;
  private ending = false;
  private readonly terminateWatch = new TerminateWatch();
  private clientGone = false;
  /** To be told to the client at the first idle moment. */
  private farewell: LoginRefusal | undefined;
  private open = 2;
  /** A bug has ended it: nothing can be said of what the session still owes. */
  private broken = false;
  private closed = false;
  /** See `Progress`. */
  private heard = 0;
  /** Monotonic milliseconds: when the client last said something, or the session was last at work. */
  private lastWork = performance.now();

  constructor(private readonly options: RelayOptions) {
    const { client, server, records, principal, turns } = options;
    this.sharesWith = principal;
    this.writes = new ServerWrites({
      socket: server,
      records,
      flow: () => this.flow(),
      notRecorded: () => this.run(() => this.session.onNotRecorded((id) => records.isOnDisk(id))),
    });
    this.session = options.makeSession({
      toServer: (bytes) => this.writes.write(bytes),
      toClient: (bytes) => this.toClient(bytes),
      pauseClient: (paused) => {
        this.sessionPaused = paused;
        this.flow();
      },
      pauseServer: (paused) => {
        this.serverPaused = paused;
        this.flow();
      },
      drainServer: (draining) => {
        this.draining = draining;
        this.flow();
      },
      cancel: () => void this.cancelForSession(),
      slice: { isOver: () => turns.isOver(), ask: () => this.askTurn() },
      end: () => this.end(),
    });
    client.on('data', (chunk: Buffer) => this.onClientData(chunk));
    server.on('data', (chunk: Buffer) => this.onServerData(chunk));
    client.on('drain', () => {
      this.clientFull = false;
      this.flow();
    });
    client.on('end', () => this.onClientGone());
    client.on('close', () => {
      this.onClientGone();
      this.run(() => !this.ending && this.session.onClientLeft());
    });
    server.on('end', () => this.onServerGone());
    server.on('close', () => this.onServerGone());
    for (const socket of [client, server]) {
      if (socket.closed) setImmediate(() => this.onClose());
      else socket.once('close', () => this.onClose());
    }
    if (client.destroyed) this.onClientGone();
    if (server.destroyed) this.onServerGone();
  }

  activity(): ReturnType<Session['activity']> {
    return this.session.activity();
  }

  underWay(): ReturnType<Session['underWay']> {
    return this.session.underWay();
  }

  /** For how long the client was silent with nothing under way to it; a client that is slow to read, or held back, is not idle. */
  idleMs(now: number): number {
    if (this.options.client.writableLength > 0 || this.sessionPaused || this.serverPaused) this.lastWork = now;
    return now - this.lastWork;
  }

  progress(): ServerProgress {
    // What it sends is not read.
    if (this.clientFull || this.serverPaused || this.waitsForTurn) this.heard += 1;
    return { heard: this.heard, owed: this.ending ? 0 : this.session.owed() };
  }

  timeOut(): void {
    this.run(() => !this.ending && this.session.onOvertime());
  }

  keepPaid(): void {
    this.run(() => !this.ending && this.session.keepPaid());
  }

  /** The client's CancelRequest: like with PostgreSQL, whether it comes in time is the client's own matter. */
  async cancel(): Promise<void> {
    let taken = false;
    this.run(() => {
      taken = !this.ending && this.session.onClientCancel();
    });
    if (taken) return;
    // What it means may not have gone yet.
    await this.writes.settled();
    await this.options.cancelUpstream();
  }

  /** The session's budget may be asked again. */
  onBudget(): void {
    this.run(() => !this.ending && this.session.onBudget());
  }

  terminate(refusal: LoginRefusal): void {
    this.run(() => !this.ending && this.session.terminate(refusal));
  }

  /** Ends the session as soon as no statement runs and no transaction is open. */
  terminateWhenIdle(refusal: LoginRefusal): void {
    this.farewell = refusal;
    this.leaveWhenIdle();
  }

  private leaveWhenIdle(): void {
    const { farewell } = this;
    if (!farewell || this.session.activity() !== 'idle') return;
    this.farewell = undefined;
    this.terminate(farewell);
  }

  private toClient(bytes: Uint8Array): void {
    const { client } = this.options;
    if (!client.writable) return;
    this.clientFull = !client.write(bytes);
    if (this.clientFull) this.flow();
  }

  /** A slow side holds back the other one, so that nothing piles up here. */
  private flow(): void {
    if (this.ending) return;
    const { client, server } = this.options;
    // What is answered here needs no server that would hold back a client that does not read.
    setFlow(client, !(this.waitsForTurn || this.clientFull || this.writes.isFull || this.sessionPaused));
    setFlow(server, !this.waitsForTurn && (this.draining || !(this.clientFull || this.serverPaused)));
  }

  private askTurn(): void {
    if (this.waitsForTurn) return;
    this.waitsForTurn = true;
    this.options.turns.ask(this);
    this.flow();
  }

  onTurn(): void {
    const { late } = this;
    this.waitsForTurn = false;
    this.late = [];
    this.run(() => {
      for (const take of late) take();
      this.session.onTurn();
    });
    this.flow();
    this.closeIfSettled();
  }

  /** Bytes that have come, of either side: at once where the process has little to do. */
  private take(act: () => void): void {
    if (this.waitsForTurn || this.options.turns.isBusy) {
      this.late.push(act);
      this.askTurn();
    } else this.run(act);
  }

  private async cancelForSession(): Promise<void> {
    // A server that cannot be told to cancel may go on for ever, and the client with it: a server that does not answer ends the session.
    if (await this.options.cancelUpstream()) this.options.server.destroy();
    else this.run(() => this.session.onCancelDone());
  }

  private onClientData(chunk: Buffer): void {
    if (this.ending) return;
    this.lastWork = performance.now();
    this.terminateWatch.see(chunk);
    this.take(() => this.session.onClient(chunk));
  }

  private onServerData(chunk: Buffer): void {
    this.heard += 1;
    // Unsolicited messages such as notifications are not the client's activity.
    if (this.session.activity() === 'active') this.lastWork = performance.now();
    this.take(() => this.session.onServer(chunk));
  }

  private onClientGone(): void {
    if (this.ending) return;
    this.clientFull = false;
    this.clientGone = true;
    this.flow();
    this.run(() => {});
  }

  /**
   * After Terminate, statements that were sent before are still carried out: the server has its Terminate, and closes after them. The last bytes
   * alone may be the end of any message: if the session has read all and found no Terminate, there was none.
   */
  private leaveWithClient(): void {
    if (!this.clientGone || this.ending || (this.terminateWatch.said && this.mayBeLeaving())) return;
    this.session.onClientClosed();
    this.end();
  }

  private mayBeLeaving(): boolean {
    return this.late.length > 0 || this.session.leaving();
  }

  private onServerGone(): void {
    if (this.ending) return;
    if (!this.clientGone && !this.terminateWatch.said) this.options.onServerLost?.();
    this.run(() => this.session.onServerClosed());
    this.end();
  }

  private end(): void {
    if (this.ending) return;
    this.ending = true;
    const { client, server } = this.options;
    // Reading on: closing with unread input would reset the connection, and lose the last message.
    client.end();
    this.writes.end();
    for (const socket of [client, server]) {
      socket.resume();
      const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
      socket.once('close', () => clearTimeout(timer));
    }
    const cancel = setTimeout(() => void this.options.cancelUpstream(), CANCEL_MS);
    server.once('close', () => clearTimeout(cancel));
    if (server.closed) clearTimeout(cancel);
  }

  private onClose(): void {
    this.open -= 1;
    if (this.open > 0) return;
    // Statements that were still running get an outcome, too: lost. It is harmless if the session already knows.
    this.run(() => this.session.onServerClosed());
    this.closeIfSettled();
  }

  /** Both sides are closed; many outcomes are recorded in several turns. */
  private closeIfSettled(): void {
    if (this.open > 0 || this.closed || !(this.broken || this.session.isSettled())) return;
    this.closed = true;
    this.options.onClosed();
  }

  /** The boundary: whatever goes wrong inside ends this session alone. */
  private run(step: () => unknown): void {
    try {
      this.options.turns.run(step);
      this.leaveWhenIdle();
      this.leaveWithClient();
    } catch (error) {
      this.broken = true;
      this.options.onBug(error);
      this.options.client.destroy();
      this.options.server.destroy();
    }
  }
}

function setFlow(socket: Socket, flowing: boolean): void {
  if (flowing) socket.resume();
  else socket.pause();
}
