/** What the session knows of a prepared statement and of a portal. */
import type { StatementJudgement } from '../../guard/decision.ts';
import type { Sent } from '../admission/budget-port.ts';
import type { Usage } from '../admission/statement-meter.ts';
import type { Rendered } from '../client/render.ts';
import type { EndUser } from '../end-user/end-user.ts';
import type { PlanUse } from '../log-entries.ts';
import type { SessionPolicy } from '../ports.ts';
import { Provenance } from '../server/provenance.ts';
import type { Execution } from './execution.ts';
import type { Added } from './row-check.ts';

export interface PreparedSource {
  readonly name: string;
  /** `protocol`: by Parse; `sql`: by PREPARE, whose whole text is then judged again. */
  readonly source: 'protocol' | 'sql';
  readonly rendered: Rendered;
  /** Type OIDs that the client declared. */
  readonly types: readonly number[];
  /** How many parameters the client has to bind. */
  readonly parameters: number;
  readonly statement: StatementJudgement | undefined;
  readonly policy: SessionPolicy;
}

export class Prepared {
  readonly name: string;
  readonly source: 'protocol' | 'sql';
  readonly types: readonly number[];
  readonly parameters: number;
  /** As it was last sent to the server. */
  rendered: Rendered;
  /** undefined for the empty query. */
  statement: StatementJudgement | undefined;
  /** Under which it was judged. */
  policy: SessionPolicy;
  provenance = new Provenance();
  /** A digest of the columns that the client was shown, by statement or by portal; undefined: none yet. */
  described: string | undefined;
  /** Its columns changed after they had been shown: it must be prepared again before it can run. */
  columnsChanged = false;
  /** Of the unnamed statement: the server does not have it, since the guard has run it by a plan of its own. */
  unsent = false;

  constructor(source: PreparedSource) {
    this.name = source.name;
    this.source = source.source;
    this.types = source.types;
    this.parameters = source.parameters;
    this.rendered = source.rendered;
    this.statement = source.statement;
    this.policy = source.policy;
  }

  /** Of what the client declared. */
  get bytes(): number {
    return this.types.length * NUMBER_BYTES;
  }
}

/** Of a number in an array. */
const NUMBER_BYTES = 8;

/** A portal: made by Bind, or a cursor made by DECLARE. Both share one namespace in the server. */
export interface Portal {
  readonly madeBy: 'bind' | 'declare';
  /** The statement that it runs; undefined for the empty query. */
  statement: StatementJudgement | undefined;
  readonly rendered: Rendered;
  readonly prepared: Prepared | undefined;
  /** What the client does not see of its columns. */
  readonly added?: Added;
  policy: SessionPolicy;
  /** Over all Executes and FETCHes. Of a portal of FETCH it is the cursor's, once it has run. */
  usage: Usage;
  /** It has run, and the server keeps what it gave: of FETCH and EXECUTE all rows at once, whatever becomes of what they name. */
  hasRun?: boolean;
  /** What FETCH or EXECUTE named when it ran. */
  ran?: object | undefined;
  /** Its Bind was decided about, and counted as a statement: of its first run. */
  opened?: { readonly run: Execution; readonly batch: number } | undefined;
  /** Of its own columns: the statement may have been prepared again since. */
  provenance: Provenance;
  /** Of a DECLARE among several statements: its place in the text of all. */
  readonly extent?: StatementJudgement['extent'];
  /** The server stops by itself one row above the limit. */
  readonly bounded: boolean;
  /** One row above so many. */
  readonly most?: number | undefined;
  /** What its Bind sent, where the plan depends on it. */
  readonly bound?: Sent['bound'] | undefined;
  /** Formats of its result's columns, as in Bind; absent if they are not known. */
  readonly formats?: readonly number[] | undefined;
  /** How the server has it, where not by a text of its own. */
  plan?: PlanUse | undefined;
  /** The end user whose attributes fill it. */
  readonly madeFor?: EndUser | undefined;
  /** The value that Bind gave to what sets the token. */
  readonly given?: string | undefined;
  /** WITH HOLD: it stays when its transaction commits. */
  readonly hold: boolean;
  /** Its transaction has committed. */
  kept: boolean;
  /** How many savepoints were open when the server made it. */
  depth: number;
  /** How often portals had been ended by earlier messages. */
  readonly epoch: number;
}

/** Of what its Bind gave, as far as it is kept. */
export function bytesOf({ bound, formats, given }: Portal): number {
  const numbers = (bound?.formats.length ?? 0) + (formats?.length ?? 0);
  return numbers * NUMBER_BYTES + (bound?.values.length ?? 0) + (given?.length ?? 0);
}
