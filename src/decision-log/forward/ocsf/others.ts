/** Maps records that are not about a statement, each to the OCSF class that fits best. Pure. */
import type { LogRecord } from '../../fields.ts';
import { CLASSES, ENTITY_TYPES, FINDING_STATUSES, type Severity, STATUSES } from './classes.ts';
import { type EventParts, endpoint, event, type OcsfObject, only, saidBy, user } from './event.ts';

const success = { status_id: STATUSES.Success, status: 'Success' };
const failure = { status_id: STATUSES.Failure, status: 'Failure' };

export function loginEvent(record: LogRecord, version: string): OcsfObject {
  const { kind, session, client, application, reason, sqlstate, count, since, time } = record;
  const isRefused = kind === 'login-refused';
  const isByToken = record.user !== undefined || String(reason).startsWith('token');
  return event(record, version, {
    class: CLASSES.authentication,
    activity: 'Logon',
    severity: isRefused ? 'Low' : 'Informational',
    message: isRefused ? `login refused${count === undefined ? '' : ` ${count} times`}: ${reason}` : 'login',
    attributes: only({
      ...(isRefused ? failure : success),
      count,
      ...(typeof since === 'string' && { start_time: Date.parse(since), end_time: Date.parse(String(time)) }),
      status_code: sqlstate,
      status_detail: reason,
      user: user(record),
      ...(typeof session === 'string' && { session: { uid: session } }),
      src_endpoint: endpoint(client),
      service: { name: 'PostgreSQL' },
      ...(typeof application === 'string' && application !== '' && { actor: { app_name: application } }),
      ...(isByToken
        ? { auth_protocol_id: 6, auth_protocol: 'OAUTH 2.0' }
        : { auth_protocol_id: 99, auth_protocol: 'SCRAM-SHA-256' }),
      logon_type_id: 3,
      logon_type: 'Network',
      is_remote: client !== 'local',
    }),
    mapped: ['principal', 'user', 'role', 'session', 'client', 'sqlstate', 'reason', 'count'],
  });
}

/** `lock` and `release`. */
export function accountEvent(record: LogRecord, version: string): OcsfObject {
  const isLock = record.kind === 'lock';
  return event(record, version, {
    class: CLASSES.account,
    activity: isLock ? 'Lock' : 'Unlock',
    severity: isLock ? 'High' : 'Informational',
    message: `${isLock ? 'locked out' : 'let in again'}: ${record.reason ?? 'no reason given'}`,
    attributes: only({
      ...(record.status === 'failed' ? failure : success),
      status_detail: record.reason,
      user: user(record),
      actor: saidBy(record),
    }),
    mapped: ['principal', 'role', 'by', 'reason'],
  });
}

type EntityActivity = EventParts<typeof CLASSES.entity>['activity'];

/** What each status of a request that others sign is, in OCSF. Statuses that are not here: `Other`. */
const REQUEST_ACTIVITIES: Readonly<Record<string, EntityActivity>> = {
  requested: 'Create',
  approved: 'Update',
  opened: 'Activate',
  'in-force': 'Activate',
  spent: 'Deactivate',
  closed: 'Deactivate',
  ended: 'Deactivate',
  over: 'Deactivate',
  revoked: 'Delete',
};

interface EntityParts {
  readonly activity: EntityActivity;
  readonly severity: Severity;
  readonly message: string;
  readonly entity: OcsfObject;
  readonly mapped: readonly string[];
  readonly failed?: boolean;
}

function entityEvent(record: LogRecord, version: string, { entity, failed, ...parts }: EntityParts): OcsfObject {
  return event(record, version, {
    ...parts,
    class: CLASSES.entity,
    attributes: {
      ...((failed ?? record.status === 'failed') ? failure : success),
      actor: saidBy(record),
      entity,
      ...(typeof record.reason === 'string' && { comment: record.reason }),
    },
  });
}

function activityOf({ status }: LogRecord): EntityActivity {
  return REQUEST_ACTIVITIES[String(status)] ?? 'Other';
}

/** `permit`: what it allows is in `unmapped`. */
export function permitEvent(record: LogRecord, version: string): OcsfObject {
  const { id } = (record.permit ?? {}) as { id?: unknown };
  return entityEvent(record, version, {
    activity: record.status === 'approved' ? 'Activate' : activityOf(record),
    severity: 'Low',
    message: `export permit ${record.status}`,
    entity: { name: 'export permit', ...(typeof id === 'string' && { uid: id }), type: 'Export permit' },
    mapped: ['by', 'reason'],
  });
}

/** `break-glass`: a closed principal is opened; the signers are in `unmapped`. */
export function openingEvent(record: LogRecord, version: string): OcsfObject {
  const { status } = record;
  return entityEvent(record, version, {
    activity: activityOf(record),
    severity: status === 'opened' || status === 'used' ? 'High' : 'Medium',
    message: `break-glass ${status}: ${record.reason ?? 'no reason given'}`,
    entity: userEntity(record),
    mapped: ['principal', 'role', 'by', 'reason'],
  });
}

/** `observe`: a role is not enforced for a time; the signers are in `unmapped`. */
export function observeEvent(record: LogRecord, version: string): OcsfObject {
  const { status, role } = record;
  return entityEvent(record, version, {
    activity: activityOf(record),
    severity: status === 'in-force' ? 'High' : 'Medium',
    message: `observe ${status}: ${record.reason ?? 'no reason given'}`,
    entity: policyEntity(String(role), String(role)),
    mapped: ['role', 'by', 'reason'],
  });
}

/** `raise`: of a principal's limits. */
export function raiseEvent(record: LogRecord, version: string): OcsfObject {
  const { status } = record;
  const isSaid = status === 'revoked' || status === 'requested' || status === 'approved';
  return entityEvent(record, version, {
    activity: status === 'revoked' ? 'Delete' : isSaid ? 'Other' : 'Update',
    severity: 'Low',
    message: `${isSaid ? `a larger limit is ${status}` : 'a limit is larger for a time'}: ${record.reason ?? 'no reason given'}`,
    entity: userEntity(record),
    mapped: ['principal', 'role', 'by', 'reason'],
  });
}

/** `policy`: another policy is in force, or an edit was refused. */
export function policyEvent(record: LogRecord, version: string): OcsfObject {
  const { problems, to } = record;
  return entityEvent(record, version, {
    activity: 'Update',
    severity: problems ? 'Medium' : 'Low',
    message: problems ? 'policies with problems' : 'policies in force',
    failed: problems !== undefined,
    entity: policyEntity('Rowgate policies', String(to ?? 'unknown')),
    mapped: ['to', 'by'],
  });
}

function userEntity(record: LogRecord): OcsfObject {
  const whose = user(record);
  return { name: whose.name, user: whose, type_id: ENTITY_TYPES.User, type: 'User' };
}

function policyEntity(name: string, uid: string): OcsfObject {
  return { name, uid, policy: { name, uid }, type_id: ENTITY_TYPES.Policy, type: 'Policy' };
}

const FINDINGS: Readonly<Record<'canary' | 'warning', { severity: Severity; title: string }>> = {
  canary: {
    severity: 'Critical',
    title: 'a canary was read: a made-up person, whose data no one has a reason to read',
  },
  warning: { severity: 'Low', title: 'a limit was passed, or a lock is near' },
};

/** `canary` and `warning`. */
export function findingEvent(kind: keyof typeof FINDINGS, record: LogRecord, version: string): OcsfObject {
  const { severity, title } = FINDINGS[kind];
  const { guard, seq, message, effect } = record;
  return event(record, version, {
    class: CLASSES.finding,
    activity: 'Create',
    severity,
    message: typeof message === 'string' ? message : title,
    ...(kind === 'canary' && {
      control:
        effect === 'lock'
          ? { action: 'Denied', disposition: 'Access Revoked', isAlert: true }
          : { action: 'Observed', disposition: 'Detected', isAlert: true },
    }),
    attributes: {
      status_id: FINDING_STATUSES.New,
      status: 'New',
      finding_info: { uid: `${guard} ${seq}`, title, types: [kind] },
      evidences: [{ actor: { user: user(record) } }],
    },
    mapped: ['principal', 'user', 'role', 'message'],
  });
}

/** `start`, `stop` and `drain`. */
export function lifecycleEvent(record: LogRecord, version: string): OcsfObject {
  const { kind, guard } = record;
  return event(record, version, {
    class: CLASSES.lifecycle,
    activity: kind === 'start' ? 'Start' : kind === 'stop' ? 'Stop' : 'Other',
    severity: 'Informational',
    message: `guard ${guard}: ${kind}`,
    attributes: {
      ...success,
      app: { name: 'Rowgate', vendor_name: 'Rowgate', uid: String(guard), version: String(record.version ?? version) },
    },
    mapped: ['version'],
  });
}

/** Records about the log itself: `segment`, `seal`, `retention`. */
export function eventLogEvent(record: LogRecord, version: string): OcsfObject {
  const { kind, guard } = record;
  return event(record, version, {
    class: CLASSES.eventLog,
    activity: kind === 'segment' ? 'Rotate' : kind === 'retention' ? 'Delete' : 'Other',
    severity: 'Informational',
    message: `decision log: ${kind}`,
    attributes: {
      ...success,
      log_name: 'decision log',
      log_provider: String(guard),
      log_type_id: 2,
      log_type: 'Application',
    },
    mapped: [],
  });
}

/** All other kinds: newer ones, and hourly figures. */
export function baseEvent(record: LogRecord, version: string): OcsfObject {
  return event(record, version, {
    class: CLASSES.base,
    activity: 'Other',
    severity: 'Informational',
    message: typeof record.message === 'string' ? record.message : String(record.kind),
    attributes: { ...success },
    mapped: ['message'],
  });
}
