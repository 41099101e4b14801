/** One statement that was recorded and is on its way: what is watched of it, and what became of it. */
import type { LimitReached } from '../../core/alarm-sink.ts';
import type { Refusal } from '../../core/refusal.ts';
import type { RowCheck, StatementJudgement } from '../../guard/decision.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { ProtocolError } from '../../protocol/protocol-error.ts';
import type { Charges, Disclosed, PayingAccount, Prepayment } from '../admission/budget-port.ts';
import {
  type InputLimits,
  overInput,
  overLimit,
  type StatementLimits,
  type Usage,
} from '../admission/statement-meter.ts';
import type { EndUser } from '../end-user/end-user.ts';
import type { SettingChange } from '../end-user/token-setting.ts';
import type { PlanUse } from '../log-entries.ts';
import type { SessionPolicy } from '../ports.ts';
import type { Answer } from '../results/answer.ts';
import { AnswerGrammar } from '../server/answer-grammar.ts';
import type { Provenance } from '../server/provenance.ts';

/** What must be looked at while a result flows. */
export interface ExecutionRules {
  readonly limits: StatementLimits | undefined;
  /** Of what changes rows: of a COPY while they come in, of a write once it says how many they were. */
  readonly input: InputLimits | undefined;
  /** The role that must be allowed to read every column, as the server first reports; undefined: no check needed. */
  readonly verifies: RolePolicy | undefined;
  readonly provenance: Provenance;
  /** How its new rows are judged as they are stored. */
  readonly check?: RowCheck | undefined;
  /** Its rows, bytes and people are taken from the budget one by one: something limits them over time. */
  readonly taken?: boolean;
  /** So are the rows that it changes, once it has said how many they were. */
  takesChanges?: boolean;
  /** It fills a temporary table: what is put there leaves the guard's sight as rows do that the client gets. */
  fills?: true | undefined;
  /** What each row that it writes costs, and its tag: it is not seen in what it shows. */
  writes?: readonly WriteCost[] | undefined;
  /** Its rows may show data subjects: the server is asked to describe its columns. */
  readonly looksForPeople?: boolean;
  /** A row of it is withheld where it shows a canary. */
  readonly seesCanaries?: boolean;
  /** A permit pays. */
  readonly account?: PayingAccount | undefined;
  /** It returns no rows: any that come were added by a rule. */
  readonly rowless?: boolean;
  /** It leaves nothing behind. */
  readonly pure?: boolean;
}

/** What a write discloses of the data subjects of one kind, apart from its answer. */
export interface WriteCost {
  readonly subject: string;
  /** For each row that it has changed. */
  readonly row: number;
  /** However many they are. */
  readonly once: number;
}

const NOTHING: readonly Uint8Array[] = [];

export class Execution {
  /** Forwarded to the client by this run. */
  rows = 0;
  bytes = 0;
  /** Set once something would have gone too far: from then on nothing of it reaches the client. */
  cut: Refusal | undefined;
  ended = false;
  /** CopyData that the server has sent. */
  messages = 0;
  /** What the server has sent behind the last row of a COPY. */
  copyEnd: readonly Uint8Array[] = NOTHING;
  cutByBudget = false;
  /** The window limit that cut it; absent if it was cut for another reason. */
  reached: LimitReached | undefined;
  /** Milliseconds for which it was held back, for its budget or by a throttle. */
  waited = 0;
  /** The content of the column of keys in the last whole row; undefined if there is none. */
  hidden: string | undefined;
  /** What its answer discloses; undefined if it cannot show a data subject. */
  answer: Answer | undefined;
  /** Whose rows it changes, by keys that were added to rows which the client does not get. */
  changes: readonly Disclosed[] = [];
  /** What it may disclose of data subjects: for EXECUTE and FETCH the statement inside. */
  disclosures: readonly Disclosure[] | undefined;
  /** What was paid before it ran, and what was set aside. */
  prepaid: readonly Prepayment[] | undefined;
  charges: Charges | undefined;
  /** The end user for whom it runs. */
  person: EndUser | undefined;
  /** Code of users may run in it. */
  runsUserCode = false;
  /** undefined: it was sent as a text. */
  plan: PlanUse | undefined;
  /** What goes on under the same decision, from Execute on: it was made for a Bind. */
  continuedBy: Execution | undefined;
  /** The server has run it, and undone it with a statement before it that was cut off. */
  undone = false;
  /** It was left out of the sent text (`local-answers.ts`). */
  unsent = false;
  /** What becomes of the token's setting once it is complete. */
  tokenChange: SettingChange | undefined;
  /** The server was asked for no more than one row above so many, over all runs that share `usage`. */
  most: number | undefined;
  /** What the server may answer to it. */
  readonly grammar: AnswerGrammar;

  constructor(
    /** Of its decision. */
    readonly id: string,
    readonly statement: StatementJudgement,
    /** Under which it was judged. */
    readonly policy: SessionPolicy,
    readonly watch: ExecutionRules,
    /** What earlier runs have shown of the same result. */
    readonly usage: Usage,
    /** The server stops by itself at one row above the limit. */
    readonly bounded: boolean,
    readonly startedAt: number,
  ) {
    const { role } = policy;
    this.grammar = new AnswerGrammar(statement, role.access === 'restricted' && role.mode === 'enforce');
  }

  /** Its people were counted before it ran. */
  isPinned(subject: string): boolean {
    return this.prepaid?.some((one) => one.pinned && one.subject === subject) === true;
  }

  /** Does a row of so many bytes, or a message that is not a row, fit into the limits of one statement? Cuts the run if not. */
  fits(rows: number, bytes: number): boolean {
    if (!this.verify()) return false;
    this.cut = this.watch.limits && overLimit(this.watch.limits, this.usage, rows, bytes);
    return this.cut === undefined;
  }

  /** INVARIANT 56: a row is counted before it is forwarded, and never forwarded when it would pass a limit. */
  count(rows: number, bytes: number): void {
    this.messages += 1;
    this.rows += rows;
    this.bytes += bytes;
    this.usage.rows += rows;
    this.usage.bytes += bytes;
  }

  countMany(rows: number, bytes: number): void {
    this.messages += rows - 1;
    this.count(rows, bytes);
  }

  /**
   * The server stops after this row, because of a LIMIT or a row count that enforces what was left. There may be more rows, so the result would be
   * short and look complete.
   */
  endsAt(rows: number): boolean {
    return this.most !== undefined && this.usage.rows + rows > this.most;
  }

  /** May so many rows and bytes, all in all, be brought in? Cuts the run if not: the server must then be made to undo it. */
  admitInput(rows: number, bytes: number): boolean {
    if (this.cut) return false;
    this.bytes = bytes;
    this.cut = this.watch.input && overInput(this.watch.input, { rows, bytes });
    return this.cut === undefined;
  }

  /** Is it shown that every column may be read? Cuts the run if not. */
  verify(): boolean {
    if (this.cut) return false;
    const { verifies, provenance } = this.watch;
    if (verifies === undefined || provenance.verdict === 'verified') return true;
    if (provenance.verdict === 'unknown') throw new ProtocolError('server sent a result before its description');
    this.cut = provenance.verdict;
    return false;
  }
}
