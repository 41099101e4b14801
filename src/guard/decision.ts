/** What the guard says of a statement's text. Plain data: the session acts on it, the log records it. */
import type { Refusal } from '../core/refusal.ts';
import type { Template } from '../sql/text/template.ts';
import type { AddedKeys, Disclosure } from './subjects/disclosure.ts';

/** What was prepared, by its name. */
interface Executed {
  readonly name: string;
  /** The values of its arguments that are constants of type text; undefined for any other. */
  readonly texts?: readonly (string | null | undefined)[];
  /** Where more arguments can follow: so many characters before the statement's end, behind others or with brackets of their own. Absent: none are needed. */
  readonly room?: { readonly before: number; readonly behind: boolean };
}

/** What the session must do around a statement, beyond forwarding it. Every kind is named: an unknown one is a refusal. */
export type StatementKind =
  | {
      readonly kind: 'read'; // SELECT, VALUES, TABLE: metered
      /** It reads system catalogs alone, which hold no rows of data: not metered. */
      readonly catalogs?: true;
    }
  | {
      readonly kind: 'write';
      readonly returning: boolean;
      /** Its tag does not tell how many rows it changes: what it is therefore. */
      readonly uncounted?: string;
      /** Its target is a temporary table: `filled` with what it reads elsewhere, or not. */
      readonly temporary?: 'filled' | 'own';
      /** It returns rows, perhaps those of a rule in its place: the server sends these for a Query alone. */
      readonly ruled?: true;
    }
  | {
      readonly kind: 'transaction';
      readonly action: 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'rollback-to' | 'prepared';
      /** The name in SAVEPOINT, RELEASE and ROLLBACK TO. */
      readonly savepoint?: string;
    }
  | {
      readonly kind: 'set'; // SET, RESET, SHOW of safe settings
      /** What it does to `rowgate.token`; absent: nothing. */
      readonly token?: TokenChange;
      /** What it does to `search_path`; absent: nothing. */
      readonly path?: PathChange;
    }
  | { readonly kind: 'prepare'; readonly name: string; readonly inner: StatementJudgement }
  | ({ readonly kind: 'execute' } & Executed)
  | { readonly kind: 'deallocate'; readonly name: string | undefined } // undefined: ALL
  | {
      readonly kind: 'declare';
      readonly name: string;
      /** WITH HOLD: the cursor outlives its transaction. */
      readonly hold: boolean;
      readonly inner: StatementJudgement;
    }
  | {
      readonly kind: 'fetch'; // FETCH and MOVE: metered
      readonly name: string;
      /** FETCH of so many of the next rows, one at least; absent: from elsewhere, or MOVE. */
      readonly forward?: number;
    }
  | { readonly kind: 'close'; readonly name: string | undefined }
  | { readonly kind: 'discard'; readonly all: boolean }
  | { readonly kind: 'copy-out'; readonly format: CopyFormat } // metered
  | {
      readonly kind: 'copy-in'; // metered as it comes
      readonly format: CopyFormat;
      /** As of a write. */
      readonly uncounted?: string;
    }
  | { readonly kind: 'listen' } // LISTEN, UNLISTEN, NOTIFY: no result, and undone with their transaction
  | { readonly kind: 'temporary' } // CREATE, DROP and TRUNCATE of a temporary table: no result, and undone with their transaction
  | {
      readonly kind: 'explain';
      /** What was prepared and is explained; absent: a statement of its own. */
      readonly execute?: Executed;
      /** ANALYZE: it runs. */
      readonly analyzes?: true;
    }
  | { readonly kind: 'other' }; // unrestricted roles, and what needs nothing more than forwarding

/**
 * The effect on `rowgate.token`, the setting that names the end user: the guard's own, which the server never sees. `parameter`: the value is that of
 * `$n`, from 1.
 */
export interface TokenChange {
  /** SET LOCAL: to the end of the transaction. */
  readonly local: boolean;
  readonly to: { readonly value: string } | { readonly parameter: number } | 'default';
  /** It sets `rowgate.logout`: the token is given back, and the setting stays as it is. */
  readonly logout?: true;
}

/** What becomes of `search_path`. `path`: as the server has it then; undefined: the policy's own. `default`: what the session began with. */
export interface PathChange {
  /** SET LOCAL: to the end of the transaction. */
  readonly local: boolean;
  readonly to: { readonly path: string | undefined } | 'default';
}

/** How COPY data is cut into rows, and these into columns. Quote, escape and delimiter are bytes; absent: the server's default. */
export type CopyFormat =
  | ({ readonly kind: 'text'; readonly header: boolean } & CopyColumns)
  | ({ readonly kind: 'csv'; readonly header: boolean; readonly quote: number; readonly escape: number } & CopyColumns)
  | { readonly kind: 'binary' };

export interface CopyColumns {
  readonly delimiter?: number;
  /** The text for NULL. */
  readonly null?: string;
}

export type Effect = 'allow' | 'rewrite' | 'refuse';

/** One statement of a message. */
export interface StatementJudgement {
  readonly effect: Effect;
  readonly kind: StatementKind;
  /** `SELECT`, `INSERT`, `BEGIN`, `SET` …: the command's name as it begins its tag. */
  readonly command: string;
  /** libpg_query's fingerprint, 16 hex digits; '' where the text does not parse. */
  readonly fingerprint: string;
  /** Literals replaced by `$n`, comments removed; '' where the text does not parse. */
  readonly normalized: string;
  /** `public.students`, sorted. */
  readonly tables: readonly string[];
  /** `public.students.ine`, sorted: every column read or written, or asked for where that is why it was refused. */
  readonly columns: readonly string[];
  /** Of one that was refused: the same by what it does with them. */
  readonly access?: Readonly<Record<'select' | 'insert' | 'update', readonly string[]>>;
  /** Its place in the client's text, in characters, without the semicolon; absent if the text was not split. */
  readonly extent?: { readonly start: number; readonly end: number };
  /** How its new rows are judged as they are stored; absent if they are not. */
  readonly check?: RowCheck;
  /**
   * Parameters (from 1) used as LIKE patterns in an expression that can only fail for a pattern ending in a lone backslash: judged when they get
   * their values (22025). For PREPARE those of the statement inside; for DECLARE and EXPLAIN, which take their own parameters, those of the whole.
   */
  readonly patterns?: readonly number[];
  /** Parameters that are a part of such a pattern, and not its end: it must not become too long a list of wildcards. */
  readonly patternParts?: readonly number[];
  /**
   * What its answer can tell of data subjects, by subject. Empty: it reads nothing of theirs. Absent: not known (unrestricted roles). For PREPARE and
   * DECLARE: of the statement inside.
   */
  readonly disclosures?: readonly Disclosure[];
  /** For unrestricted roles: the subjects for which its text names relations with a key. */
  readonly about?: readonly string[];
  /**
   * Users' code may run in it (functions, triggers, rules, checks), which may change settings that Rowgate relies on. Absent: none does, or
   * (unrestricted roles) it is not known. For PREPARE and DECLARE: in the statement inside.
   */
  readonly runsUserCode?: true;
  /** Where it only reads, nothing that it calls can write. Absent: not known, and its commit is held back where it may be cut off. */
  readonly leavesNothing?: true;
  /**
   * The sent text may be prepared once under a name of the guard's, and run by that name when it comes again: its meaning does not change as long as
   * no setting of the session does. Absent: not known, so it is always sent as text.
   */
  readonly reusable?: true;
  /** What it does to plans that were prepared before it; absent: it may change anything. Of EXECUTE and FETCH what they run says it. */
  readonly plans?: PlanEffect;
  /** Plain literals of such a text that may be parameters of what is prepared: only their values tell it from others of its shape. In their order. */
  readonly literals?: readonly PlainLiteral[];
  readonly refusal?: Refusal;
  /** The policy line that decided: of the refusal, or of the first guarded relation. */
  readonly rule?: string;
}

/**
 * `stay`: a prepared text means the same after the statement. `revalidate`: it may mean something else, but each name in it still finds the same
 * object.
 */
export type PlanEffect = 'stay' | 'revalidate';

/** A literal that is compared with a column, or is the whole value of one. */
export interface PlainLiteral {
  /** Where it begins, in characters of the client's text. */
  readonly at: number;
  /** OID of what the server takes it for. */
  readonly type: number;
}

/**
 * New rows of a statement are judged by an expression that the rewriting added. It is NULL if the row is allowed; otherwise it casts a text to
 * integer that ends in `rowgate_check <n>`. The session turns that error (22P02) into `violations[n]`.
 */
export interface RowCheck {
  /**
   * The result has one column more than the client asked for, its last, which the session removes from RowDescription and DataRow. `only`: the client
   * asked for none, and is shown neither. Absent if the expression is inside a CTE.
   */
  readonly added?: 'last' | 'only';
  /** The client's errors, by `n`: 42501, `new row violates row-level security policy for table "…"`. */
  readonly violations: readonly Refusal[];
  /**
   * The column does not judge, but contains these keys, one after the other: keys of people that the row does not show otherwise, so that the session
   * looks for canaries among them. It is never NULL. Absent: the column judges, and is NULL.
   */
  readonly keys?: readonly HiddenKey[];
  /** After them come the keys by which its rows are named. */
  readonly names?: AddedKeys;
  /** They are keys of the people whose rows it changes: all of them must be seen before the change may be kept. */
  readonly changes?: true;
}

/** A key of a data subject in each row, only for the guard. */
export interface HiddenKey {
  readonly subject: string;
  /** Characters: the key as text, with blanks in front of it; blanks alone for NULL. */
  readonly width: number;
}

/** The judgement of one message's text (Query or Parse). */
export interface Judgement {
  /** `refuse` if any statement is refused: then none of them runs. */
  readonly effect: Effect;
  /** The first refusal, for the client. */
  readonly refusal?: Refusal;
  /** In order; empty for the empty query. */
  readonly statements: readonly StatementJudgement[];
  /** What is sent, with holes for attributes and the row limit; for `allow` the client's own text in one piece. */
  readonly template: Template;
  /** How many parameters the client's text itself uses ($1 … $n). */
  readonly parameters: number;
  /** The type that the judgement assumed for each parameter; 0 where it did not matter. It is sent to the server, which then assumes the same. */
  readonly parameterTypes?: readonly number[];
  /** Where text was put in or taken out: to map the server's error positions back. Ordered; in characters of the client's text and of the sent one. */
  readonly edits: readonly TextEdit[];
  /** An untyped literal is a name that is looked up: other literals may not replace it, and each must be judged. */
  readonly looksUpNames?: true;
  /** In observe mode: what would have been done (effect is then `allow`). */
  readonly would?: { readonly effect: Effect; readonly refusal?: Refusal };
  /** The exception of a bug in the guard: for the operators' log. Never for the client, as it might reveal what is withheld. */
  readonly fault?: unknown;
}

/** Client text [start, end) became piece `text` of the template (slots not counted). Offsets are characters (UTF-16 units) of the client's text. */
export interface TextEdit {
  readonly start: number;
  readonly end: number;
  readonly text: Template;
}

/** A judgement in the making: between two steps others may be served. */
export type JudgementSteps = Generator<undefined, Judgement, undefined>;
