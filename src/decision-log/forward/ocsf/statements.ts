/** Statements and their outcomes, as Datastore Activity. Pure. */
import type { LogRecord } from '../../fields.ts';
import { CLASSES, DATASTORE_TYPES, RELATIONAL, STATUSES } from './classes.ts';
import { type EventParts, endpoint, event, type OcsfObject, only, user } from './event.ts';

const CLASS = CLASSES.datastore;
type Parts = EventParts<typeof CLASS>;

const ACTIVITIES: Readonly<Record<string, Parts['activity']>> = {
  SELECT: 'Query',
  VALUES: 'Query',
  TABLE: 'Query',
  FETCH: 'Read',
  COPY: 'Other',
  INSERT: 'Write',
  MERGE: 'Write',
  UPDATE: 'Update',
  DELETE: 'Delete',
  TRUNCATE: 'Delete',
};

/** By the guard's decision; in observe mode, by what it would have decided. */
const CONTROLS: Readonly<Record<string, Pick<Parts, 'severity'> & Required<Pick<Parts, 'control'>>>> = {
  allow: { severity: 'Informational', control: { action: 'Allowed', disposition: 'Allowed', isAlert: false } },
  rewrite: { severity: 'Informational', control: { action: 'Modified', disposition: 'Corrected', isAlert: false } },
  throttle: { severity: 'Low', control: { action: 'Allowed', disposition: 'Delayed', isAlert: false } },
  refuse: { severity: 'Medium', control: { action: 'Denied', disposition: 'Blocked', isAlert: true } },
  lock: { severity: 'High', control: { action: 'Denied', disposition: 'Access Revoked', isAlert: true } },
};
const OBSERVED: (typeof CONTROLS)[string] = {
  severity: 'Low',
  control: { action: 'Observed', disposition: 'Detected', isAlert: true },
};
const UNKNOWN: (typeof CONTROLS)[string] = {
  severity: 'Medium',
  control: { action: 'Observed', disposition: 'Logged', isAlert: false },
};

export function decisionEvent(record: LogRecord, version: string): OcsfObject {
  const { effect, would, reason, sqlstate } = record;
  const wouldStop = would === 'refuse' || would === 'lock';
  const { severity, control } = wouldStop ? OBSERVED : (CONTROLS[String(effect)] ?? UNKNOWN);
  const status = control.action === 'Denied' ? 'Failure' : 'Unknown';
  return event(record, version, {
    class: CLASS,
    activity: activityOf(record),
    severity,
    message: `${wouldStop ? `would ${would}` : effect} ${record.command}${reason === undefined ? '' : `: ${reason}`}`,
    control,
    attributes: {
      ...statusOf(status, sqlstate, reason),
      ...context(record),
      ...(typeof record.statement === 'string' && {
        query_info: only({ query_string: record.statement, uid: record.fingerprint }),
      }),
      ...policyOf(record),
    },
    mapped: [...CONTEXT, ...STATUS, 'statement', 'policy'],
  });
}

/** `decision`: undefined if it is no longer known. */
export function outcomeEvent(record: LogRecord, decision: LogRecord | undefined, version: string): OcsfObject {
  const { status, reason, sqlstate, ms, rows = 0, bytes = 0, changed = 0 } = record;
  const isRefused = status === 'refused' || status === 'cut';
  const isOk = status === 'ok';
  const about = { ...decision, principal: record.principal ?? decision?.principal };
  return event(record, version, {
    class: CLASS,
    activity: activityOf(about),
    severity: isRefused ? 'Medium' : 'Informational',
    message: `${decision?.command ?? 'statement'} ${status}: ${rows} rows, ${bytes} bytes, ${changed} changed`,
    control: isRefused
      ? { action: 'Denied', disposition: 'Blocked', isAlert: true }
      : { action: 'Allowed', disposition: isOk ? 'Allowed' : 'Error', isAlert: false },
    attributes: {
      ...statusOf(isOk ? 'Success' : status === 'skipped' ? 'Other' : 'Failure', sqlstate, reason ?? status),
      ...context(about),
      ...(typeof decision?.statement === 'string' && {
        query_info: only({ query_string: decision.statement, uid: decision.fingerprint, bytes: record.bytes }),
      }),
      ...policyOf(about),
      ...(typeof ms === 'number' && { duration: Math.round(ms) }),
    },
    mapped: ['principal', 'sqlstate', 'reason'],
  });
}

/** Data subjects that a statement has shown so far. */
export function seenEvent(record: LogRecord, decision: LogRecord | undefined, version: string): OcsfObject {
  const about = { ...decision, principal: record.principal ?? decision?.principal };
  return event(record, version, {
    class: CLASS,
    activity: 'Read',
    severity: 'Informational',
    message: 'people whom the statement has shown',
    attributes: { ...statusOf('Success', undefined, undefined), ...context(about) },
    mapped: ['principal'],
  });
}

const CONTEXT = ['principal', 'user', 'role', 'session', 'client', 'database', 'application'];
const STATUS = ['sqlstate', 'reason'];

function context(record: LogRecord): OcsfObject {
  const { session, client, database, application, tables } = record;
  const table: unknown = Array.isArray(tables) && tables.length === 1 ? tables[0] : undefined;
  const type = table === undefined ? 'Database' : 'Table';
  return {
    actor: {
      user: user(record),
      ...(typeof session === 'string' && { session: { uid: session } }),
      ...(typeof application === 'string' && application !== '' && { app_name: application }),
    },
    src_endpoint: endpoint(client),
    database: { name: String(database ?? 'unknown'), ...RELATIONAL },
    ...(typeof table === 'string' && { table: { name: table } }),
    type_id: DATASTORE_TYPES[type],
    type,
  };
}

function activityOf({ command }: LogRecord): Parts['activity'] {
  return ACTIVITIES[String(command).split(' ')[0] ?? ''] ?? 'Other';
}

function statusOf(status: keyof typeof STATUSES, code: unknown, detail: unknown): OcsfObject {
  return only({ status_id: STATUSES[status], status, status_code: code, status_detail: detail });
}

function policyOf({ policy }: LogRecord): OcsfObject {
  return typeof policy === 'string' ? { policy: { name: 'Rowgate policies', uid: policy } } : {};
}
