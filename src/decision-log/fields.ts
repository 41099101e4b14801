/** The records of the decision log: their kinds, their fields, and the order in which these stand in a line. See docs/decision-log.md. */
import { redactTokens } from '../core/redact-tokens.ts';
import type { SubjectsShown } from './subject-ids.ts';

export const RECORD_KINDS = [
  'decision',
  'outcome',
  'seen',
  'login',
  'login-refused',
  'policy',
  'warning',
  'lock',
  'release',
  'canary',
  'raise',
  'permit',
  'break-glass',
  'usage',
  'alarms-lost',
  'drain',
  'start',
  'stop',
] as const;

export type RecordKind = (typeof RECORD_KINDS)[number];

export interface PermitFields {
  readonly id: string;
  readonly tables: readonly string[];
  readonly rows: number;
  readonly from: string;
  readonly until: string;
  readonly requested_by: string;
  readonly approved_by: readonly string[];
}

/** A record as it is read: nothing of it is known to be there. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** Everything a record may say beside time, kind, guard and sequence number. Absent fields are not written. */
export interface RecordFields {
  /** Of the decision, in its outcome too. */
  readonly id?: string | undefined;
  readonly session?: string | undefined;
  readonly principal?: string | undefined;
  /** The person behind a token. */
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly attributes?: Readonly<Record<string, unknown>> | undefined;
  /** `10.12.0.7:50412` */
  readonly client?: string | undefined;
  /** `sha256:…` of the client's certificate. */
  readonly certificate?: string | undefined;
  readonly database?: string | undefined;
  readonly application?: string | undefined;
  /** `sha256:…` of the policy files in force. */
  readonly policy?: string | undefined;
  readonly command?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly statement?: string | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly columns?: readonly string[] | undefined;
  readonly effect?: string | undefined;
  readonly would?: string | undefined;
  readonly rows?: number | undefined;
  readonly bytes?: number | undefined;
  readonly changed?: number | undefined;
  readonly ms?: number | undefined;
  readonly status?: string | undefined;
  readonly reason?: string | undefined;
  readonly rule?: string | undefined;
  readonly sqlstate?: string | undefined;
  readonly limit?: { readonly name: string; readonly used: number; readonly of: number } | undefined;
  /** Of `usage`: how many people each window holds. */
  readonly limits?: readonly { readonly name: string; readonly used: number; readonly of: number }[] | undefined;
  /** Of a lock or a raise: when it ends, ISO time; absent where it holds until it is released. */
  readonly until?: string | undefined;
  /** An export permit, as far as it concerns whom it lets do what. */
  readonly permit?: PermitFields | undefined;
  /** A larger limit that others must sign. */
  readonly raise?:
    | {
        readonly id: string;
        readonly requested_by: string;
        readonly approved_by: readonly { readonly name: string; readonly key: string }[];
      }
    | undefined;
  /** An opening of a closed principal: whom it serves, and who has signed it. */
  readonly break_glass?:
    | {
        readonly id: string;
        readonly used_by: string;
        readonly requested_by: string;
        readonly until: string;
        readonly approved_by: readonly { readonly name: string; readonly key: string }[];
      }
    | undefined;
  /** People whom a result has shown, by subject. Never their keys. */
  readonly subjects?: SubjectsShown | undefined;
  /** The one that was seen, and of which subject; `id` is that of the decision on the statement. Never its key. */
  readonly canary?: { readonly subject: string; readonly hash: string } | undefined;
  /** Milliseconds for which a result was held back. */
  readonly waited?: number | undefined;
  /** How many the record stands for, and since when, ISO time: of refused logins that are counted together. */
  readonly count?: number | undefined;
  readonly since?: string | undefined;
  /** Of a policy change: the hashes before and after, who asked for it and how. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** `sha256:…` of the files' text as it is kept beside the log. */
  readonly kept?: string | undefined;
  readonly by?: string | undefined;
  readonly via?: string | undefined;
  /** `roles/teacher.yaml:7:3: …`, where an edit was not taken or roles were closed. */
  readonly problems?: readonly string[] | undefined;
  readonly version?: string | undefined;
  /** `sha256:…` of the configuration file. */
  readonly configuration?: string | undefined;
  /** In words, where a record is about something that went wrong. */
  readonly message?: string | undefined;
}

const ORDER = {
  id: 0,
  session: 0,
  principal: 0,
  user: 0,
  role: 0,
  attributes: 0,
  client: 0,
  certificate: 0,
  database: 0,
  application: 0,
  policy: 0,
  command: 0,
  fingerprint: 0,
  statement: 0,
  tables: 0,
  columns: 0,
  effect: 0,
  would: 0,
  rows: 0,
  bytes: 0,
  changed: 0,
  ms: 0,
  status: 0,
  reason: 0,
  rule: 0,
  sqlstate: 0,
  limit: 0,
  limits: 0,
  subjects: 0,
  canary: 0,
  waited: 0,
  count: 0,
  since: 0,
  until: 0,
  permit: 0,
  raise: 0,
  break_glass: 0,
  from: 0,
  to: 0,
  kept: 0,
  by: 0,
  via: 0,
  problems: 0,
  version: 0,
  configuration: 0,
  message: 0,
} satisfies Record<keyof RecordFields, 0>;

type FieldName = keyof RecordFields;

const FIELDS = Object.keys(ORDER) as FieldName[];
const RANKS: ReadonlyMap<FieldName, number> = new Map(FIELDS.map((name, rank) => [name, rank]));

/** Characters of what a client may name itself by before it has logged in. */
const NAME_CAP = 64;
const NAMES: ReadonlySet<FieldName> = new Set(['principal', 'database', 'application']);
/** What may be as a client has written it. */
const WRITTEN_BY_CLIENTS: ReadonlySet<FieldName> = new Set([...NAMES, 'statement', 'message', 'by']);

/** The fields in the log's order, names that a client chooses cut short. A field that the log does not know is left out. */
export function inOrder(fields: RecordFields): LogRecord {
  const record: Record<string, unknown> = {};
  const given = Object.keys(fields) as FieldName[];
  // Mostly they come in their order: the others need not be looked for.
  for (const name of areInOrder(given) ? given : FIELDS) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    record[name] = typeof value === 'string' ? textOf(name, value) : value;
  }
  return record;
}

function textOf(name: FieldName, value: string): string {
  // INVARIANT 85: no token stands in the log, wherever a client has put it.
  const text = WRITTEN_BY_CLIENTS.has(name) ? redactTokens(value) : value;
  return NAMES.has(name) ? text.slice(0, NAME_CAP) : text;
}

/** False also where the log does not know one of them. */
function areInOrder(names: readonly FieldName[]): boolean {
  let before = -1;
  for (const name of names) {
    const rank = RANKS.get(name) ?? -1;
    if (rank <= before) return false;
    before = rank;
  }
  return true;
}
