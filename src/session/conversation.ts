/** What both directions of a session share: where the client and the server stand, what is on its way, and how a message is sent. */
import { type Refusal, refusal } from '../errors.ts';
import { noticeResponse } from '../wire/error-response.ts';
import type { Frame } from '../wire/frame-reader.ts';
import type { TransactionStatus } from '../wire/ready-for-query.ts';
import { flush, sync, terminate } from '../wire/simple-frontend.ts';
import { Admission } from './admission.ts';
import type { Warning } from './budget.ts';
import { Copying } from './copying.ts';
import { Names, type Version } from './names.ts';
import { Outbox } from './outbox.ts';
import {
  type Conversion,
  endsBatch,
  type Pending,
  type PendingQuery,
  PendingQueue,
  type PendingSync,
  type Step,
} from './pending.ts';
import { PortalLife } from './portal-life.ts';
import type { SessionPolicy, SessionPorts } from './ports.ts';
import type { Portal, Prepared } from './prepared.ts';
import { Records } from './records.ts';
import { refusalResponse } from './refusal-response.ts';
import type { Run } from './run.ts';

/** Nothing more is forwarded until the server is done with `until`. */
export interface Barrier {
  until: Pending;
  /** The Sync behind it may pass: should `until` be cut off, nothing is lost by it. */
  readonly syncMayPass: boolean;
  /** The Sync that passed. */
  sync: PendingSync | undefined;
}

/** What must be sent next, before anything of the client's, as soon as no cancel is on its way. */
export type Debt =
  /** An extended statement was cut off, and Sync held back: the server must fail, so that nothing of the batch stays. */
  | { readonly kind: 'fail-statement'; readonly run: Run; readonly conversion: Conversion | undefined }
  /** The client was told of an error while the server's transaction is well. */
  | { readonly kind: 'fail-transaction' }
  /** A Query between the guard's own BEGIN and COMMIT has ended. */
  | { readonly kind: 'end-wrapped'; readonly query: PendingQuery; readonly commit: boolean }
  /** A Query whose turn has come. */
  | { readonly kind: 'step'; readonly step: Step }
  /** A Query that went as extended messages has ended; or a COPY that the client had put a Sync behind. */
  | { readonly kind: 'sync'; readonly conversion: Conversion | undefined };

/** Changes a message while it passes. */
export interface Passage {
  /** @returns what goes on of the first piece; the rest is asked for by `push`. */
  begin(piece: Uint8Array): Uint8Array[];
  push(piece: Uint8Array): Uint8Array[];
}

const UNCHANGED: Passage = { begin: (piece) => [piece], push: (piece) => [piece] };

/** Parameters that say what a literal means. */
export const OF_LITERALS: readonly string[] = ['DateStyle', 'IntervalStyle', 'TimeZone'];

export class Conversation {
  readonly toServer = new Outbox();
  readonly toClient = new Outbox();
  readonly pending = new PendingQueue();
  readonly statements = new Names<Prepared>((prepared) => ({
    heldBy: prepared,
    characters: prepared.rendered.text.length,
  }));
  // A portal keeps its statement's text when that was closed long ago.
  readonly portals = new Names<Portal>(({ rendered }) => ({ heldBy: rendered, characters: rendered.text.length }));
  readonly life = new PortalLife(this.portals);
  readonly records: Records;
  /** DateStyle, IntervalStyle and TimeZone as the server last said: what a literal means depends on them. */
  readonly settings = new Map<string, string>();
  readonly admission = new Admission(this);
  /** As the last ReadyForQuery said. */
  status: TransactionStatus = 'I';
  /** Number of the batch that is being sent. */
  batch = 0;
  /** Extended messages were sent, and no Sync or Query behind them yet. */
  batchOpen = false;
  /** Something other than a read was sent in this batch. */
  batchHasEffects = false;
  /** BEGIN, COMMIT or their kin was sent in this batch: `status` does not say where the transaction stands. */
  batchHasControl = false;
  /** How often something was sent that ends portals: whatever was sent before the last of them may be gone once it is answered. */
  epoch = 0;
  /** An extended message failed: the server drops everything up to Sync, and so do we. */
  skipping = false;
  barrier: Barrier | undefined;
  debt: Debt | undefined;
  /** Between asking for a cancel and the server's closing of the cancel connection. */
  cancelling = false;
  /** What the server still sends of a statement that was cut off is dropped, so it must be read. */
  draining = false;
  /** The server has said that it ends the session. */
  fatal = false;
  /** COPY FROM STDIN: `data` while the client sends, `ended` until the server has said what became of it. */
  copyIn: 'data' | 'ended' | undefined;
  /** What is known of the COPY FROM STDIN that runs. */
  copying: Copying | undefined;
  /** A message came that has no place in COPY IN: the id in our CopyFail, and the message's type. */
  misplaced: { readonly id: string; readonly type: number } | undefined;
  /** In COPY IN a Sync came, which the server would ignore. */
  syncInCopy = false;
  /** The server was sent a part of a frame: nothing else may come before its end. */
  passing: Passage | undefined;
  /** Extended messages were sent since the last Sync, Query or Flush: the server may be holding answers back. */
  unflushed = false;
  /** The client was shown a part of a frame: nothing else may come before its end. */
  midFrame = false;
  /** A frame of this run may not be shown before the budget has answered: nothing that the server has sent is taken until then. */
  stalled: Run | undefined;
  private stalledAt = 0;
  /** Told to the client at the end of the frame that it is shown. */
  private notices: Uint8Array[] = [];
  /** Something was asked of the budget since it was last told to rest. */
  asked = false;
  /** The client's connection is gone, and what it asked for is still run: its rows reach nobody. */
  unheard = false;
  /** The client has said goodbye: what it asked for is still run and recorded. */
  leaving = false;
  closed = false;
  /** Whose messages must not show what is withheld. */
  redacts = true;

  constructor(readonly ports: SessionPorts) {
    this.records = new Records(ports);
    for (const name of OF_LITERALS) {
      const value = ports.settings?.get(name);
      if (value !== undefined) this.settings.set(name, value);
    }
  }

  /** The server asks for the data of a COPY FROM STDIN. */
  beginCopyIn(run: Run): void {
    this.copyIn = 'data';
    this.copying = new Copying(run);
  }

  /** The server has said what became of it. */
  endCopyIn(): void {
    this.copyIn = undefined;
    this.copying = undefined;
    this.syncInCopy = false;
  }

  /** The policy now; undefined where the principal has none any more. */
  policy(): SessionPolicy | undefined {
    const policy = this.ports.policy();
    // INVARIANT: redacted unless a policy says that nothing is withheld.
    if (policy) this.redacts = policy.role.access === 'restricted' && policy.role.mode === 'enforce';
    return policy;
  }

  /** Holds back what the server has sent: the run's next frame waits for the budget. */
  stall(run: Run): void {
    this.stalled = run;
    this.stalledAt = this.ports.now();
  }

  /** It may be asked again, or need not be. */
  goOn(): void {
    if (!this.stalled) return;
    this.stalled.waited += this.ports.now() - this.stalledAt;
    this.stalled = undefined;
  }

  /** Shows the client what the budget warns of, between two messages. */
  tell(warnings: readonly Warning[] | undefined): void {
    if (!warnings) return;
    for (const warning of warnings) this.notices.push(noticeOf(warning));
    this.tellNotices();
  }

  /** What was to be told while the client was shown a part of a frame. */
  tellNotices(): void {
    if (this.midFrame || this.notices.length === 0) return;
    for (const notice of this.notices) this.toClient.add(notice);
    this.notices = [];
  }

  /** The server runs a statement of the client's, or has not said that it does not. */
  runs(): boolean {
    const { head } = this.pending;
    return head !== undefined && (head.kind === 'query' || head.kind === 'execute' || head.kind === 'function-call');
  }

  /** Nothing of the client's may go to the server now. */
  get blocked(): boolean {
    return this.barrier !== undefined || this.debt !== undefined || this.cancelling;
  }

  /** Sends a message whose answer is owed. */
  send(bytes: Uint8Array, pending: Pending): void {
    this.add(bytes);
    this.owe(pending);
  }

  /** Passes a client's message on, as it is or changed. Where it comes in pieces, those behind the first follow by `passRest`. */
  pass(frame: Frame, pending?: Pending, passage: Passage = UNCHANGED): void {
    for (const bytes of passage.begin(frame.bytes)) this.add(bytes);
    if (!frame.last) this.passing = passage;
    if (pending) this.owe(pending);
  }

  /** A piece behind the first one: goes where that went. */
  passRest(frame: Frame): void {
    if (!this.passing) return;
    for (const bytes of this.passing.push(frame.bytes)) this.toServer.add(bytes);
    if (frame.last) this.passing = undefined;
  }

  /** Adds to what goes to the server. */
  add(bytes: Uint8Array): void {
    // INVARIANT: nothing comes between the pieces of a frame: what the server then read as messages, nobody would have judged.
    if (this.passing) throw new Error('a message was to be sent inside of another one');
    this.toServer.add(bytes);
  }

  private owe(pending: Pending): void {
    this.pending.push(pending);
    if (endsBatch(pending)) {
      this.batch += 1;
      this.batchOpen = false;
      this.batchHasEffects = false;
      this.batchHasControl = false;
      this.unflushed = false;
    } else {
      this.batchOpen = true;
      this.unflushed = true;
    }
  }

  /** Makes the server show what it holds back. */
  flush(): void {
    if (!this.unflushed || this.passing) return;
    this.add(flush());
    this.unflushed = false;
  }

  sync(bytes: Uint8Array = sync(), conversion?: Conversion): PendingSync {
    const pending: PendingSync = { kind: 'sync', batch: this.batch, own: false, mustFail: false, conversion };
    this.skipping = false;
    this.send(bytes, pending);
    return pending;
  }

  block(until: Pending, syncMayPass = false): void {
    this.barrier = { until, syncMayPass, sync: undefined };
  }

  /** Asks the server to stop what it runs. INVARIANT: nothing is forwarded before the cancel is over, lest it kill what comes next. */
  cancel(): void {
    if (this.cancelling) return;
    this.cancelling = true;
    this.draining = true;
    this.ports.drainServer(true);
    this.ports.cancel();
  }

  /** Settles what a message did to names, runs and barriers, after the server has done, failed or skipped it. */
  settle(pending: Pending, how: 'done' | 'failed' | 'skipped'): void {
    switch (pending.kind) {
      case 'parse':
        for (const version of pending.versions) {
          // PostgreSQL drops the unnamed statement before it reads the new text.
          if (how === 'failed' && version.name === '') version.names.empty(version);
          settleVersion(version, how === 'done' || (how === 'failed' && version.name === ''));
        }
        break;
      case 'bind':
      case 'close':
        for (const version of pending.versions) settleVersion(version, how === 'done');
        if (how === 'done' && pending.kind === 'bind' && pending.portal) this.life.made(pending.portal);
        break;
      case 'query':
        for (const version of pending.versions) settleVersion(version, how !== 'skipped');
        if (how === 'skipped') for (const run of pending.runs) this.records.end(run, 'skipped');
        break;
      case 'describe':
        if (how !== 'done') pending.provenance.askedIn = undefined;
        break;
      case 'execute':
        if (how === 'skipped' && pending.run) this.records.end(pending.run, 'skipped');
        if (how === 'skipped' && pending.portal && pending.begins) pending.portal.hasRun = false;
        break;
      case 'function-call':
        if (how === 'skipped' && pending.run) this.records.end(pending.run, 'skipped');
        break;
      case 'sync':
        break;
    }
    if (how === 'skipped') for (const run of pending.forced?.runs ?? []) this.records.end(run, 'skipped');
    if (this.barrier?.until === pending) this.barrier = undefined;
  }

  /** Tells the client, leaves the server properly, and ends both connections. */
  end(last?: Refusal): void {
    if (this.closed) return;
    this.closed = true;
    if (last && !this.midFrame && !this.leaving) this.toClient.add(refusalResponse({ ...last, severity: 'FATAL' }));
    if (!this.leaving && !this.passing) this.add(terminate());
    this.flushOut();
    this.goOn();
    this.records.lose();
    if (this.asked) this.ports.budget.rest();
    this.ports.end();
  }

  /** One write in each direction for all that was collected. */
  flushOut(): void {
    const forServer = this.toServer.take();
    if (forServer) this.ports.toServer(forServer);
    const forClient = this.toClient.take();
    if (forClient) this.ports.toClient(forClient);
  }
}

function settleVersion(version: Version<unknown>, done: boolean): void {
  if (done) version.names.settle(version);
  else version.names.takeBack(version);
}

function noticeOf({ message, detail, hint }: Warning): Uint8Array {
  const fields = new Map([
    ['S', 'WARNING'],
    ['V', 'WARNING'],
    ['C', '01000'],
    ['M', message],
  ]);
  if (detail !== undefined) fields.set('D', detail);
  if (hint !== undefined) fields.set('H', hint);
  return noticeResponse(fields);
}

/** The principal has no policy any more. */
export function noPolicy(): Refusal {
  return refusal('role-disabled', '28000', 'the role of this session is no longer allowed', {
    hint: 'Its policy was removed or disabled. Ask who keeps the policies.',
  });
}

export function brokenProtocol(message: string): Refusal {
  return refusal('internal', '08P01', message);
}
