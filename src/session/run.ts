/** One statement that was recorded and is on its way: what is watched of it, and what became of it. */
import type { Refusal } from '../errors.ts';
import type { RowCheck, StatementJudgement } from '../guard/decision.ts';
import type { RolePolicy } from '../policy/policy.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { type InputLimits, overInput, overLimit, type StatementLimits, type Usage } from './meter.ts';
import type { SessionPolicy } from './ports.ts';
import type { Provenance } from './provenance.ts';

/** What must be looked at while a result flows. */
export interface Watch {
  readonly limits: StatementLimits | undefined;
  /** Of what changes rows: of a COPY while they come in, of a write once it says how many they were. */
  readonly input: InputLimits | undefined;
  /** The role whose right to every column must be shown by the server first; undefined: none needed. */
  readonly verifies: RolePolicy | undefined;
  readonly provenance: Provenance;
  /** How its new rows are judged as they are stored. */
  readonly check?: RowCheck | undefined;
  /** It gives no rows: what comes all the same, a rule has added. */
  readonly rowless?: boolean;
}

export class Run {
  /** Forwarded to the client by this run. */
  rows = 0;
  bytes = 0;
  /** Set once something would have gone too far: from then on nothing of it reaches the client. */
  cut: Refusal | undefined;
  ended = false;
  /** CopyData that the server has sent. */
  messages = 0;

  constructor(
    /** Of its decision. */
    readonly id: string,
    readonly statement: StatementJudgement,
    /** Under which it was judged. */
    readonly policy: SessionPolicy,
    readonly watch: Watch,
    /** What was shown of the same result before, in other runs. */
    readonly usage: Usage,
    /** The server stops by itself at one row above the limit. */
    readonly bounded: boolean,
    readonly startedAt: number,
  ) {}

  /** May a row of so many bytes go to the client, or what is no row? Counts it if so; cuts the run if not. */
  admit(bytes: number, rows = 1): boolean {
    // INVARIANT: a row is counted before it is forwarded, and never forwarded when it would pass a limit.
    if (!this.verify()) return false;
    const over = this.watch.limits && overLimit(this.watch.limits, this.usage, { rows, bytes });
    if (over) {
      this.cut = over;
      return false;
    }
    this.rows += rows;
    this.bytes += bytes;
    this.usage.rows += rows;
    this.usage.bytes += bytes;
    return true;
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
