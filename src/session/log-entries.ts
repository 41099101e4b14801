/** What a session has to record. The log adds time, guard, sequence number, and who the session is. */
import type { LimitReached } from '../core/alarm-sink.ts';
import type { StatementJudgement } from '../guard/decision.ts';
import type { KnownNames } from '../sql/text/known-names.ts';
import type { EndUser } from './end-user/end-user.ts';

export interface DecisionEntry {
  readonly kind: 'decision';
  readonly id: string;
  /** The session's application_name, where it has changed since the login. */
  readonly application?: string | undefined;
  /** The end user: the same object for the same token. */
  readonly person?: Pick<EndUser, 'user' | 'shown'> | undefined;
  readonly command: string;
  readonly fingerprint: string;
  /** Normalized text: no literals, no comments. */
  readonly statement: string;
  readonly tables: readonly string[];
  readonly columns: readonly string[];
  readonly effect: 'allow' | 'rewrite' | 'refuse' | 'throttle' | 'lock';
  readonly would?: 'allow' | 'rewrite' | 'refuse' | undefined;
  readonly reason?: string | undefined;
  readonly rule?: string | undefined;
  readonly sqlstate?: string | undefined;
  readonly policy: string;
  readonly limit?: LimitReached | undefined;
  /** The client's text unchanged: written only if the log is configured `text: full`. */
  readonly text: string;
  /** Its place in the message; absent: the message was not split. */
  readonly extent?: StatementJudgement['extent'] | undefined;
  /** OIDs that its Parse has declared. */
  readonly types?: readonly number[] | undefined;
  /** What an EXECUTE runs: the text that was prepared. */
  readonly runs?: { readonly text: string; readonly types: readonly number[] } | undefined;
  /** Which names may be kept as they were written. */
  readonly names?: KnownNames | undefined;
}

/** Of the data subjects of one kind (`docs/limits.md`). */
export interface SubjectCount {
  /** The people that it has named, each once. */
  readonly people: number;
  /** 1 where it was a question that has shown nothing else of them, or that failed. */
  readonly questions: number;
  /** What it has told without a name, in values of 8 bytes. */
  readonly values: number;
}

/** It was prepared for this run, or before it (`reuse/by-plan.ts`). */
export type PlanUse = 'prepared' | 'reused';

export interface OutcomeEntry {
  readonly kind: 'outcome';
  /** Of the decision. */
  readonly id: string;
  readonly application?: string | undefined;
  /** Rows and bytes (of DataRow and CopyData bodies) that were forwarded to the client. */
  readonly rows: number;
  readonly bytes: number;
  /** Rows that a write changed, from its command tag; 0 otherwise. */
  readonly changed: number;
  readonly ms: number;
  readonly status: 'ok' | 'refused' | 'error' | 'cut' | 'skipped' | 'cancelled' | 'lost';
  /** How the server ran it, where not by a text of its own. */
  readonly plan?: PlanUse | undefined;
  readonly sqlstate?: string | undefined;
  /** Why it was refused as it ran: what its decision could not know. */
  readonly reason?: string | undefined;
  readonly rule?: string | undefined;
  readonly limit?: LimitReached | undefined;
  /** What it has told of data subjects, by subject. */
  readonly subjects?: Readonly<Record<string, SubjectCount>> | undefined;
  /** Of those people, the keys that no `seen` has named. */
  readonly keys?: KeysShown | undefined;
  /** Milliseconds for which it was held back, for its budget or by a throttle. */
  readonly waited?: number | undefined;
}

/** Some of the people that a statement shows, recorded while it runs: there are too many for one record. */
export interface SeenEntry {
  readonly kind: 'seen';
  /** Of the decision. */
  readonly id: string;
  readonly keys: KeysShown;
}

/** Keys of people, by subject. The log makes ids of them or drops them; they are never written. */
export type KeysShown = Readonly<Record<string, readonly string[]>>;

export type SessionEntry = DecisionEntry | OutcomeEntry | SeenEntry;
