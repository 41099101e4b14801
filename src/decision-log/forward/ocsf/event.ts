/** What all OCSF events share, and the objects that several of them contain. Pure. */
import { isIP } from 'node:net';
import type { LogRecord } from '../../fields.ts';
import { ACTIONS, DISPOSITIONS, OCSF_VERSION, type OcsfClass, SEVERITIES, type Severity } from './classes.ts';

/** Undefined values are left out: an event has no nulls. */
export type OcsfObject = { readonly [name: string]: unknown };

export interface EventParts<Class extends OcsfClass> {
  readonly class: Class;
  readonly activity: keyof Class['activities'] & string;
  readonly severity: Severity;
  readonly message: string;
  /** What the guard did about it: the profile `security_control`. */
  readonly control?: {
    readonly action: keyof typeof ACTIONS;
    readonly disposition: keyof typeof DISPOSITIONS;
    readonly isAlert: boolean;
  };
  /** The attributes of the class. */
  readonly attributes: OcsfObject;
  /** Fields of the record that are mapped to attributes; the others go into `unmapped`. */
  readonly mapped: readonly string[];
}

/** Many stores hold OCSF integers in 32 bits. */
const LARGEST_INTEGER = 2 ** 31 - 1;
const MAPPED_ALWAYS = ['time', 'kind', 'guard', 'id'];

export function event<Class extends OcsfClass>(
  record: LogRecord,
  version: string,
  { class: type, activity, severity, message, control, attributes, mapped }: EventParts<Class>,
): OcsfObject {
  const { time, kind, guard, seq, id } = record;
  const activityId = type.activities[activity] ?? 0;
  const mappedNames = new Set([...MAPPED_ALWAYS, ...mapped]);
  return {
    activity_id: activityId,
    activity_name: activity,
    category_uid: type.category.uid,
    category_name: type.category.name,
    class_uid: type.uid,
    class_name: type.name,
    type_uid: type.uid * 100 + activityId,
    type_name: `${type.name}: ${activity}`,
    time: Date.parse(String(time)),
    severity_id: SEVERITIES[severity],
    severity,
    message,
    ...attributes,
    ...(control && {
      action_id: ACTIONS[control.action],
      action: control.action,
      disposition_id: DISPOSITIONS[control.disposition],
      disposition: control.disposition,
      is_alert: control.isAlert,
    }),
    metadata: {
      version: OCSF_VERSION,
      product: { name: 'Rowgate', vendor_name: 'Rowgate', version },
      uid: `${guard} ${seq}`,
      ...(Number(seq) <= LARGEST_INTEGER && { sequence: seq }),
      ...(typeof id === 'string' && { correlation_uid: id }),
      event_code: kind,
      log_name: 'decision log',
      log_provider: guard,
      original_time: time,
      ...(control && { profiles: ['security_control'] }),
    },
    unmapped: Object.fromEntries(Object.entries(record).filter(([name]) => !mappedNames.has(name))),
  };
}

/** `10.12.0.7:50412`, `[::1]:50412`, `local`; or, if a record stands for several logins, `10.12.0.7` or `2001:db8::/64`. */
export function endpoint(client: unknown): OcsfObject {
  if (typeof client === 'string' && isIP(client) > 0) return { ip: client };
  const [, host = '', port] = /^\[?(.*?)\]?:([0-9]+)$/.exec(String(client ?? 'unknown')) ?? [];
  return isIP(host) > 0 ? { ip: host, port: Number(port) } : { name: String(client ?? 'unknown') };
}

/** A principal, and its end user. */
export function user({ principal, user: person, role }: LogRecord): OcsfObject {
  return {
    name: String(principal ?? 'unknown'),
    ...(typeof person === 'string' && { uid: person }),
    ...(typeof role === 'string' && { groups: [{ name: role }] }),
  };
}

/** Who did it: `rowgate` itself, or a user of the operating system. */
export function saidBy({ by }: LogRecord): OcsfObject {
  return { user: { name: String(by ?? 'rowgate') } };
}

/** Only the defined fields. */
export function only(record: OcsfObject): OcsfObject {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
