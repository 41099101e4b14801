/** The records of the decision log: their kinds, their fields, and the order of fields in a line. See docs/decision-log.md. */
import type { LimitReached } from '../core/alarm-sink.ts';
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
  'observe',
  'usage',
  'statement',
  'catalog',
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

/** A request that others sign: who made it, and who has signed, with the fingerprints of their keys. */
export interface SignedFields {
  readonly id: string;
  readonly requested_by: string;
  readonly approved_by: readonly { readonly name: string; readonly key: string }[];
}

/** `until`: ISO 8601 time. */
export interface OpeningFields extends SignedFields {
  readonly used_by: string;
  readonly until: string;
}

/** A record as read: no field is guaranteed. */
export type LogRecord = Readonly<Record<string, unknown>>;

/** Every field of a record besides time, kind, guard and sequence number. Absent fields are not written. */
export interface RecordFields {
  /** Of the decision, also in its outcome. */
  readonly id?: string | undefined;
  readonly session?: string | undefined;
  readonly principal?: string | undefined;
  /** The end user. */
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
  readonly plan?: string | undefined;
  readonly reason?: string | undefined;
  readonly rule?: string | undefined;
  readonly sqlstate?: string | undefined;
  readonly limit?: LimitReached | undefined;
  /** In `usage`: how many people each window holds. */
  readonly limits?: readonly LimitReached[] | undefined;
  /** The end of a lock or raise, ISO 8601 time; absent if it lasts until it is released. */
  readonly until?: string | undefined;
  /** A permit: what it allows, and to whom. */
  readonly permit?: PermitFields | undefined;
  /** A raise that others must sign. */
  readonly raise?: SignedFields | undefined;
  /** An opening of a closed principal: for whom it is, and who has signed it. */
  readonly break_glass?: OpeningFields | undefined;
  /** A role in observe mode for a time: who has signed it. */
  readonly observe?: SignedFields | undefined;
  /** Data subjects that a result has shown, by kind. Never their keys. */
  readonly subjects?: SubjectsShown | undefined;
  /** The canary that was read, and its subject kind; `id` is that of the statement's decision. Never its key. */
  readonly canary?: { readonly subject: string; readonly hash: string } | undefined;
  /** Milliseconds for which a result was throttled. */
  readonly waited?: number | undefined;
  /** For refused logins that are counted together: how many, and since when, ISO 8601 time. */
  readonly count?: number | undefined;
  readonly since?: string | undefined;
  /** For a policy change: the hashes before and after, who asked for it, and how. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** What is kept beside the log: for a policy, `sha256:…` of its files' text; for a decision, the `kept` of its statement. */
  readonly kept?: string | undefined;
  /** For a kept statement: OIDs of the parameter types that its Parse declared. */
  readonly parameters?: readonly number[] | undefined;
  /** For a kept EXECUTE: the prepared statement. */
  readonly runs?: { readonly statement: string; readonly parameters: readonly number[] } | undefined;
  readonly search_path?: readonly string[] | undefined;
  /** For a kept statement: the catalog that it was judged by. For a kept catalog (`kept` is its name): its content, gzipped, in `base64`. */
  readonly catalog?: string | undefined;
  readonly by?: string | undefined;
  readonly via?: string | undefined;
  /** `roles/teacher.yaml:7:3: …`, if an edit was refused or roles were closed. */
  readonly problems?: readonly string[] | undefined;
  readonly version?: string | undefined;
  /** `sha256:…` of the configuration file. */
  readonly configuration?: string | undefined;
  /** In words, if the record is about a problem. */
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
  plan: 0,
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
  observe: 0,
  from: 0,
  to: 0,
  kept: 0,
  parameters: 0,
  runs: 0,
  search_path: 0,
  catalog: 0,
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

/** Characters of a name that a client chooses before login. */
const NAME_CAP = 64;
const NAMES: ReadonlySet<FieldName> = new Set(['principal', 'database', 'application']);
/** Fields that may contain a client's text. */
const WRITTEN_BY_CLIENTS: ReadonlySet<FieldName> = new Set([...NAMES, 'statement', 'message', 'by']);

/** The fields in the log's order, with clients' names cut. Unknown fields are left out. */
export function fieldsInOrder(fields: RecordFields): LogRecord {
  const record: Record<string, unknown> = {};
  const given = Object.keys(fields) as FieldName[];
  // Mostly they are in order already, which is faster.
  for (const name of areInOrder(given) ? given : FIELDS) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    record[name] = typeof value === 'string' ? textOf(name, value) : value;
  }
  return record;
}

function textOf(name: FieldName, value: string): string {
  // INVARIANT 85: the log contains no token, wherever a client has put one.
  const text = WRITTEN_BY_CLIENTS.has(name) ? redactTokens(value) : value;
  return NAMES.has(name) ? text.slice(0, NAME_CAP) : text;
}

/** False also if one of them is unknown. */
function areInOrder(names: readonly FieldName[]): boolean {
  let before = -1;
  for (const name of names) {
    const rank = RANKS.get(name) ?? -1;
    if (rank <= before) return false;
    before = rank;
  }
  return true;
}
