/** Maps records that are not about a statement, each to the OCSF class that fits best. Pure. */
import type { LogRecord } from '../../fields.ts';
import { CLASSES, ENTITY_TYPES, FINDING_STATUSES, type Severity, STATUSES } from './classes.ts';
import { endpoint, event, type OcsfObject, only, saidBy, user } from './event.ts';

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

const PERMIT_ACTIVITIES = {
  requested: 'Create',
  approved: 'Activate',
  revoked: 'Delete',
  spent: 'Deactivate',
} as const;

/** `permit`: what it allows is in `unmapped`. */
export function permitEvent(record: LogRecord, version: string): OcsfObject {
  const status = String(record.status);
  const { id } = (record.permit ?? {}) as { id?: unknown };
  return event(record, version, {
    class: CLASSES.entity,
    activity: PERMIT_ACTIVITIES[status as keyof typeof PERMIT_ACTIVITIES] ?? 'Other',
    severity: 'Low',
    message: `export permit ${status}`,
    attributes: {
      ...(status === 'failed' ? failure : success),
      actor: saidBy(record),
      entity: { name: 'export permit', ...(typeof id === 'string' && { uid: id }), type: 'Export permit' },
      ...(typeof record.reason === 'string' && { comment: record.reason }),
    },
    mapped: ['by', 'reason'],
  });
}

const OPENING_ACTIVITIES = {
  requested: 'Create',
  approved: 'Update',
  opened: 'Activate',
  closed: 'Deactivate',
  over: 'Deactivate',
} as const;

/** `break-glass`: a closed principal is opened; the signers are in `unmapped`. */
export function openingEvent(record: LogRecord, version: string): OcsfObject {
  const status = String(record.status);
  const whose = user(record);
  return event(record, version, {
    class: CLASSES.entity,
    activity: OPENING_ACTIVITIES[status as keyof typeof OPENING_ACTIVITIES] ?? 'Other',
    severity: status === 'opened' || status === 'used' ? 'High' : 'Medium',
    message: `break-glass ${status}: ${record.reason ?? 'no reason given'}`,
    attributes: {
      ...(status === 'failed' ? failure : success),
      actor: saidBy(record),
      entity: { name: whose.name, user: whose, ...typeOf('User', 'User') },
      ...(typeof record.reason === 'string' && { comment: record.reason }),
    },
    mapped: ['principal', 'role', 'by', 'reason'],
  });
}

const OBSERVE_ACTIVITIES = {
  requested: 'Create',
  approved: 'Update',
  'in-force': 'Activate',
  ended: 'Deactivate',
  over: 'Deactivate',
} as const;

/** `observe`: a role is not enforced for a time; the signers are in `unmapped`. */
export function observeEvent(record: LogRecord, version: string): OcsfObject {
  const status = String(record.status);
  const name = String(record.role);
  return event(record, version, {
    class: CLASSES.entity,
    activity: OBSERVE_ACTIVITIES[status as keyof typeof OBSERVE_ACTIVITIES] ?? 'Other',
    severity: status === 'in-force' ? 'High' : 'Medium',
    message: `observe ${status}: ${record.reason ?? 'no reason given'}`,
    attributes: {
      ...(status === 'failed' ? failure : success),
      actor: saidBy(record),
      entity: { name, uid: name, policy: { name, uid: name }, ...typeOf('Policy', 'Policy') },
      ...(typeof record.reason === 'string' && { comment: record.reason }),
    },
    mapped: ['role', 'by', 'reason'],
  });
}

/** `raise`: of a principal's limits. */
export function raiseEvent(record: LogRecord, version: string): OcsfObject {
  const whose = user(record);
  const isRevoked = record.status === 'revoked';
  const isSaid = isRevoked || record.status === 'requested' || record.status === 'approved';
  return event(record, version, {
    class: CLASSES.entity,
    activity: isRevoked ? 'Delete' : isSaid ? 'Other' : 'Update',
    severity: 'Low',
    message: `${isSaid ? `a larger limit is ${record.status}` : 'a limit is larger for a time'}: ${record.reason ?? 'no reason given'}`,
    attributes: {
      ...(record.status === 'failed' ? failure : success),
      actor: saidBy(record),
      entity: { name: whose.name, user: whose, ...typeOf('User', 'User') },
      ...(typeof record.reason === 'string' && { comment: record.reason }),
    },
    mapped: ['principal', 'role', 'by', 'reason'],
  });
}

/** `policy`: another policy is in force, or an edit was refused. */
export function policyEvent(record: LogRecord, version: string): OcsfObject {
  const { problems, to } = record;
  const name = 'Rowgate policies';
  const uid = String(to ?? 'unknown');
  return event(record, version, {
    class: CLASSES.entity,
    activity: 'Update',
    severity: problems ? 'Medium' : 'Low',
    message: problems ? 'policies with problems' : 'policies in force',
    attributes: {
      ...(problems ? failure : success),
      actor: saidBy(record),
      entity: { name, uid, policy: { name, uid }, ...typeOf('Policy', 'Policy') },
    },
    mapped: ['to', 'by'],
  });
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

function typeOf(type: keyof typeof ENTITY_TYPES, caption: string): OcsfObject {
  return { type_id: ENTITY_TYPES[type], type: caption };
}
