/** What both directions of a session share: the state of client and server, what is on its way, and how a message is sent. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement, JudgementSteps } from '../../guard/decision.ts';
import type { Frame } from '../../protocol/frame-reader.ts';
import type { TransactionStatus } from '../../protocol/ready-for-query.ts';
import { flush, sync, terminate } from '../../protocol/simple-frontend.ts';
import type { Steps } from '../../sql/parse/work-limit.ts';
import { Admission } from '../admission/admission.ts';
import type { Warning } from '../admission/budget-port.ts';
import { Copying } from '../client/copy-state.ts';
import { type MessagePassage, UNCHANGED } from '../client/message-passage.ts';
import { refusalResponse } from '../client/refusal-response.ts';
import { TokenSetting } from '../end-user/token-setting.ts';
import type { SessionPolicy, SessionPorts } from '../ports.ts';
import { Recorder } from '../recorder.ts';
import { KnownPlans } from '../reuse/known-plans.ts';
import { PinWatch } from '../server/pinned-settings.ts';
import { ClientWarnings } from '../server/warnings.ts';
import type { Barrier, DeferredAction } from './barrier.ts';
import type { Execution } from './execution.ts';
import { Names } from './names.ts';
import { Outbox } from './outbox.ts';
import {
  type Conversion,
  endsBatch,
  type PendingParse,
  PendingReplies,
  type PendingReply,
  type PendingSync,
} from './pending-replies.ts';
import { PortalLife } from './portal-life.ts';
import { bytesOf, type Portal, type Prepared } from './prepared.ts';
import { privateName } from './private-name.ts';

/** Parameters that say what a literal means. */
export const OF_LITERALS: readonly string[] = ['DateStyle', 'IntervalStyle', 'TimeZone'];

/** Of the message that is to be taken next: kept until it is. */
export interface Judging {
  readonly text: string;
  readonly types: readonly number[];
  readonly policy: SessionPolicy;
  begun: Judgement | JudgementSteps;
}

/** Of the message that is to be taken next: kept until it is. */
export interface Recording {
  readonly policy: SessionPolicy;
  /** The runs whose decision is recorded. */
  readonly runs: readonly Execution[];
  /** What is still to be done. */
  readonly steps: Steps<void>;
}

/** A Parse of the unnamed statement that the server has not been sent. */
export interface WithheldParse {
  readonly prepared: Prepared;
  readonly bytes: () => Uint8Array;
  readonly pending: PendingParse;
}

export class Conversation {
  readonly toServer = new Outbox();
  readonly toClient = new Outbox();
  readonly pending = new PendingReplies();
  // What one session remembers of its names is weighed with all that a client can make long: else one login could fill the memory of all.
  readonly statements = new Names<Prepared>((prepared) => ({
    heldBy: prepared,
    characters: prepared.rendered.text.length,
    own: prepared.bytes,
  }));
  // A portal keeps its statement's text when that was closed long ago.
  readonly portals = new Names<Portal>((portal) => ({
    heldBy: portal.rendered,
    characters: portal.rendered.text.length + (portal.prepared?.bytes ?? 0),
    own: bytesOf(portal),
  }));
  readonly life = new PortalLife(this.portals);
  readonly records: Recorder;
  /** DateStyle, IntervalStyle and TimeZone as the server last said: what a literal means depends on them. */
  readonly settings = new Map<string, string>();
  readonly admission = new Admission(this);
  readonly pins = new PinWatch(this);
  readonly plans: KnownPlans;
  /** Goes before whatever is sent next, unless a Bind of it runs by a plan. */
  withheld: WithheldParse | undefined;
  /** A plan was bound, and the server has not confirmed it yet; `fallback`: the server has refused it, and the text is to be sent instead. */
  trying: 'bind' | 'fallback' | undefined;
  /** The end user's token. */
  readonly token: TokenSetting;
  /** The last batch with a message that may change that, until the server is ready after it. */
  tokenMovesIn: number | undefined;
  /** `search_path`, where it is another one than the policy's. */
  readonly path: TokenSetting;
  /** The last batch with a message that may change that, until the server is ready after it. */
  pathMovesIn: number | undefined;
  /** As the server has reported it since it was last ready. */
  reportedPath: string | undefined;
  /** As the last ReadyForQuery said. */
  status: TransactionStatus = 'I';
  /** Number of the batch that is being sent. */
  batch = 0;
  /** Extended messages were sent, and no Sync or Query after them yet. */
  batchOpen = false;
  /** Something other than a read was sent in this batch. */
  batchHasEffects = false;
  /** BEGIN, COMMIT or similar was sent in this batch: `status` is not the transaction's state. */
  batchHasControl = false;
  /** How often something was sent that ends portals: whatever was sent before the last of them may be gone once it is answered. */
  epoch = 0;
  /** An extended message failed: the server drops everything up to Sync, and so do we. */
  skipping = false;
  barrier: Barrier | undefined;
  deferred: DeferredAction | undefined;
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
  passing: MessagePassage | undefined;
  /** Extended messages were sent since the last Sync, Query or Flush: the server may be holding answers back. */
  unflushed = false;
  /** The client was shown a part of a frame: nothing else may come before its end. */
  midFrame = false;
  /** A frame of this run may not be shown before the budget has answered: nothing that the server has sent is taken until then. */
  stalled: Execution | undefined;
  private stalledAt = 0;
  /** Statements of the transaction whose constraints, or cursor, COMMIT may still read: of each subject and end user the last. */
  atCommit: readonly Execution[] = [];
  private readonly notices = new ClientWarnings();
  /** Something was asked of the budget since it was last told to rest. */
  asked = false;
  /** The server was asked to stop what it has been at for too long, in this batch. */
  overtime = false;
  /** The client's connection is closed, and its statements are still carried out: no one sees their rows. */
  unheard = false;
  /** The client has said goodbye: what it asked for is still run and recorded. */
  leaving = false;
  closed = false;
  /** Its time was over: nothing more is taken, of either side, before its next turn. */
  waitsForTurn = false;
  /** The judgement of the client's message that comes next, where others are served before its end. */
  judging: Judging | undefined;
  /** The same message, judged and admitted: its decisions are recorded in steps, and then it is sent. */
  recording: Recording | undefined;
  /** Error messages must not show withheld values. */
  redacts = true;

  constructor(readonly ports: SessionPorts) {
    this.records = new Recorder(ports);
    // A pooler may give another connection, which does not have the prepared statements.
    const reuse = ports.pooling === undefined ? ports.plans : undefined;
    this.plans = new KnownPlans(reuse, () => privateName(ports.newId()), ports.onPlan);
    this.token = new TokenSetting(ports.token);
    this.path = new TokenSetting(ports.path);
    for (const name of OF_LITERALS) {
      const value = ports.settings?.get(name);
      if (value !== undefined) this.settings.set(name, value);
    }
  }

  /** The server asks for the data of a COPY FROM STDIN. */
  beginCopyIn(run: Execution): void {
    this.copyIn = 'data';
    this.copying = new Copying(run);
  }

  /** The server has said what became of it. */
  endCopyIn(): void {
    this.copyIn = undefined;
    this.copying = undefined;
    this.syncInCopy = false;
  }

  /** The current policy, for the session's path; undefined if the principal has none any more, or not on that path. */
  policy(): SessionPolicy | undefined {
    const base = this.ports.policy();
    const path = this.path.token;
    const policy = path === undefined || !base?.onPath ? base : base.onPath(path);
    if (base && !policy) this.end(pathLost());
    // INVARIANT 51: redacted unless a policy says that nothing is withheld.
    if (policy) {
      this.redacts = policy.role.access === 'restricted' && policy.role.mode === 'enforce';
      this.plans.follow(policy);
    }
    return policy;
  }

  /** Holds back what the server has sent: the run's next frame waits for the budget. */
  stall(run: Execution): void {
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
    this.notices.add(warnings);
    this.tellNotices();
  }

  /** Notices that were held while the client was sent a part of a frame. */
  tellNotices(): void {
    if (!this.midFrame) this.notices.release(this.toClient);
  }

  /** The server runs a statement of the client's, or has not said that it does not. */
  runs(): boolean {
    const { head } = this.pending;
    return head !== undefined && (head.kind === 'query' || head.kind === 'execute' || head.kind === 'function-call');
  }

  /** Between two messages: whether the next one has to wait for the session's next turn. */
  mustYield(): boolean {
    const { slice } = this.ports;
    if (!this.waitsForTurn && slice?.isOver()) {
      this.waitsForTurn = true;
      slice.ask();
    }
    return this.waitsForTurn;
  }

  /** Writes the outcomes that are owed. @returns false: the rest in the session's next turn. */
  writeOutcomes(): boolean {
    return this.records.writeOwed(() => this.mustYield());
  }

  /** Drops the recording of a message that is not sent after all. */
  dropRecording(): void {
    for (const run of this.recording?.runs ?? []) this.records.endLater(run, 'skipped');
    this.recording = undefined;
  }

  /** Nothing of the client's may go to the server now. */
  get blocked(): boolean {
    return this.barrier !== undefined || this.deferred !== undefined || this.cancelling || this.pins.blocks;
  }

  /** Sends a message that will be answered. */
  send(bytes: Uint8Array, pending: PendingReply): void {
    this.add(bytes);
    this.owe(pending);
  }

  /** Passes a client's message on, unchanged or changed. If it comes in pieces, those after the first follow by `passRest`. */
  pass(frame: Frame, pending?: PendingReply, passage: MessagePassage = UNCHANGED): void {
    for (const bytes of passage.begin(frame.bytes)) this.add(bytes);
    if (!frame.last) this.passing = passage;
    if (pending) this.owe(pending);
  }

  /** A piece after the first one: goes where that went. */
  passRest(frame: Frame): void {
    if (!this.passing) return;
    for (const bytes of this.passing.push(frame.bytes)) this.toServer.add(bytes);
    if (frame.last) this.passing = undefined;
  }

  /** The client's Parse is held back until it is seen whether what follows can be run by a plan. */
  withhold(parse: WithheldParse): void {
    this.withheld = parse;
    this.batchOpen = true;
    this.unflushed = true;
  }

  /** Nothing is asked of the server, and no transaction has failed: what is sent now is sent to a state that is known. */
  get rests(): boolean {
    return this.status !== 'E' && this.pending.length === 0 && !this.batchOpen && !this.skipping;
  }

  /** Adds to what goes to the server. */
  add(bytes: Uint8Array): void {
    // INVARIANT 33: nothing comes between the pieces of a frame: the server would read other messages than those that were judged.
    if (this.passing) throw new Error('a message was to be sent inside of another one');
    const { withheld } = this;
    if (withheld) {
      this.withheld = undefined;
      withheld.prepared.unsent = false;
      this.send(withheld.bytes(), withheld.pending);
    }
    this.toServer.add(bytes);
  }

  private owe(pending: PendingReply): void {
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

  block(until: PendingReply, syncMayPass = false): void {
    this.barrier = { until, syncMayPass, sync: undefined };
  }

  /** Asks the server to cancel what it runs. Nothing is forwarded before the cancel is over, as it could hit the next statement. */
  cancel(): void {
    if (this.cancelling) return;
    this.cancelling = true;
    this.draining = true;
    this.ports.drainServer(true);
    this.ports.cancel();
  }

  /** Tells the client, leaves the server properly, and ends both connections. */
  end(last?: Refusal): void {
    if (this.closed) return;
    this.closed = true;
    this.withheld = undefined;
    if (last && !this.midFrame && !this.leaving) this.toClient.add(refusalResponse({ ...last, severity: 'FATAL' }));
    if (!this.leaving && !this.passing) this.add(terminate());
    this.flushOut();
    this.goOn();
    this.dropRecording();
    this.records.lose();
    this.writeOutcomes();
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

function pathLost(): Refusal {
  return refusal(
    'setting-not-allowed',
    '55000',
    'the policy has changed: the role cannot have the session’s search_path any more',
    {
      hint: 'Connect again.',
    },
  );
}
