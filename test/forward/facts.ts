/**
 * Facts of OCSF 1.5.0 about the classes and objects that Rowgate sends, taken from the schema's published definitions (github.com/ocsf/ocsf-schema):
 * the attributes that are required or sent. `violations` checks an event against them.
 */

/** `!` required, `?` optional. Then the type; `[]` many; an object by its name; `=` the allowed numbers, with their captions. */
type Shape = Readonly<Record<string, string>>;

const SEVERITY = 'integer=0 Unknown,1 Informational,2 Low,3 Medium,4 High,5 Critical,6 Fatal,99 Other';
const STATUS = 'integer=0 Unknown,1 Success,2 Failure,99 Other';
const FINDING_STATUS = 'integer=0 Unknown,1 New,2 In Progress,3 Suppressed,4 Resolved,5 Archived,99 Other';
const ACTION = 'integer=0 Unknown,1 Allowed,2 Denied,3 Observed,4 Modified,99 Other';
const DISPOSITION =
  'integer=0 Unknown,1 Allowed,2 Blocked,3 Quarantined,4 Isolated,5 Deleted,6 Dropped,7 Custom Action,8 Approved,9 Restored,10 Exonerated,' +
  '11 Corrected,12 Partially Corrected,13 Uncorrected,14 Delayed,15 Detected,16 No Action,17 Logged,18 Tagged,19 Alert,20 Count,21 Reset,' +
  '22 Captcha,23 Challenge,24 Access Revoked,25 Rejected,26 Unauthorized,27 Error,99 Other';

const EVERY: Shape = {
  activity_id: '!integer',
  activity_name: '?string',
  category_uid: '!integer',
  category_name: '?string',
  class_uid: '!integer',
  class_name: '?string',
  type_uid: '!long',
  type_name: '?string',
  time: '!timestamp',
  severity_id: `!${SEVERITY}`,
  severity: '?string',
  message: '?string',
  metadata: '!metadata',
  status_id: `?${STATUS}`,
  status: '?string',
  status_code: '?string',
  status_detail: '?string',
  duration: '?long',
  count: '?integer',
  start_time: '?timestamp',
  end_time: '?timestamp',
  unmapped: '?object',
};
/** The profile `security_control`. */
const CONTROL: Shape = {
  action_id: `?${ACTION}`,
  action: '?string',
  disposition_id: `?${DISPOSITION}`,
  disposition: '?string',
  is_alert: '?boolean',
  policy: '?policy',
};

interface ClassFacts {
  readonly name: string;
  readonly category: readonly [uid: number, name: string];
  readonly activities: string;
  readonly attributes: Shape;
  readonly atLeastOne?: readonly string[];
}

const CLASSES: Readonly<Record<number, ClassFacts>> = {
  0: {
    name: 'Base Event',
    category: [0, 'Uncategorized'],
    activities: '0 Unknown,99 Other',
    attributes: {},
  },
  1008: {
    name: 'Event Log Activity',
    category: [1, 'System Activity'],
    activities:
      '0 Unknown,1 Clear,2 Delete,3 Export,4 Archive,5 Rotate,6 Start,7 Stop,8 Restart,9 Enable,10 Disable,99 Other',
    attributes: {
      log_name: '?string',
      log_provider: '?string',
      log_type_id: '?integer=0 Unknown,1 OS,2 Application,99 Other',
      log_type: '?string',
    },
  },
  2004: {
    name: 'Detection Finding',
    category: [2, 'Findings'],
    activities: '0 Unknown,1 Create,2 Update,3 Close,99 Other',
    attributes: { status_id: `?${FINDING_STATUS}`, finding_info: '!finding_info', evidences: '?evidences[]' },
  },
  3001: {
    name: 'Account Change',
    category: [3, 'Identity & Access Management'],
    activities:
      '0 Unknown,1 Create,2 Enable,3 Password Change,4 Password Reset,5 Disable,6 Delete,7 Attach Policy,8 Detach Policy,9 Lock,' +
      '10 MFA Factor Enable,11 MFA Factor Disable,12 Unlock,99 Other',
    attributes: { user: '!user', actor: '?actor', src_endpoint: '?network_endpoint' },
  },
  3002: {
    name: 'Authentication',
    category: [3, 'Identity & Access Management'],
    activities:
      '0 Unknown,1 Logon,2 Logoff,3 Authentication Ticket,4 Service Ticket Request,5 Service Ticket Renew,6 Preauth,99 Other',
    attributes: {
      user: '!user',
      actor: '?actor',
      session: '?session',
      src_endpoint: '?network_endpoint',
      dst_endpoint: '?network_endpoint',
      service: '?service',
      auth_protocol_id:
        '?integer=0 Unknown,1 NTLM,2 Kerberos,3 Digest,4 OpenID,5 SAML,6 OAUTH 2.0,7 PAP,8 CHAP,9 EAP,10 RADIUS,11 Basic Authentication,12 LDAP,99 Other',
      auth_protocol: '?string',
      logon_type_id:
        '?integer=0 Unknown,1 System,2 Interactive,3 Network,4 Batch,5 OS Service,7 Unlock,8 Network Cleartext,9 New Credentials,' +
        '10 Remote Interactive,11 Cached Interactive,12 Cached Remote Interactive,13 Cached Unlock,99 Other',
      logon_type: '?string',
      is_remote: '?boolean',
    },
    atLeastOne: ['service', 'dst_endpoint'],
  },
  3004: {
    name: 'Entity Management',
    category: [3, 'Identity & Access Management'],
    activities:
      '0 Unknown,1 Create,2 Read,3 Update,4 Delete,5 Move,6 Enroll,7 Unenroll,8 Enable,9 Disable,10 Activate,11 Deactivate,12 Suspend,13 Resume,99 Other',
    attributes: { entity: '!managed_entity', actor: '?actor', comment: '?string' },
  },
  6002: {
    name: 'Application Lifecycle',
    category: [6, 'Application Activity'],
    activities: '0 Unknown,1 Install,2 Remove,3 Start,4 Stop,5 Restart,6 Enable,7 Disable,8 Update,99 Other',
    attributes: { app: '!product' },
  },
  6005: {
    name: 'Datastore Activity',
    category: [6, 'Application Activity'],
    activities:
      '0 Unknown,1 Read,2 Update,3 Connect,4 Query,5 Write,6 Create,7 Delete,8 List,9 Encrypt,10 Decrypt,99 Other',
    attributes: {
      actor: '!actor',
      src_endpoint: '!network_endpoint',
      database: '?database',
      table: '?table',
      query_info: '?query_info',
      type_id: '?integer=0 Unknown,1 Database,2 Databucket,3 Table,99 Other',
      type: '?string',
    },
    atLeastOne: ['database', 'databucket', 'table'],
  },
};

const OBJECTS: Readonly<Record<string, { readonly attributes: Shape; readonly atLeastOne?: readonly string[] }>> = {
  metadata: {
    attributes: {
      version: '!string',
      product: '!product',
      profiles: '?string[]',
      uid: '?string',
      sequence: '?integer',
      correlation_uid: '?string',
      event_code: '?string',
      log_name: '?string',
      log_provider: '?string',
      original_time: '?string',
    },
  },
  product: {
    attributes: { name: '?string', vendor_name: '?string', version: '?string', uid: '?string' },
    atLeastOne: ['name', 'uid'],
  },
  actor: {
    attributes: { user: '?user', session: '?session', app_name: '?string' },
    atLeastOne: ['process', 'user', 'invoked_by', 'session', 'app_name', 'app_uid'],
  },
  user: {
    attributes: { name: '?string', uid: '?string', groups: '?group[]' },
    atLeastOne: ['account', 'name', 'uid'],
  },
  group: { attributes: { name: '?string' }, atLeastOne: ['name', 'uid'] },
  session: { attributes: { uid: '?string' } },
  network_endpoint: {
    attributes: { ip: '?ip', port: '?port', name: '?string' },
    atLeastOne: [
      'ip',
      'uid',
      'name',
      'hostname',
      'svc_name',
      'instance_uid',
      'interface_uid',
      'interface_name',
      'domain',
    ],
  },
  service: { attributes: { name: '?string' }, atLeastOne: ['name', 'uid'] },
  database: {
    attributes: {
      name: '?string',
      type_id:
        '!integer=0 Unknown,1 Relational,2 Network,3 Object Oriented,4 Centralized,5 Operational,6 NoSQL,99 Other',
      type: '?string',
    },
    atLeastOne: ['name', 'uid'],
  },
  table: { attributes: { name: '?string' }, atLeastOne: ['name', 'uid'] },
  query_info: { attributes: { query_string: '!string', uid: '?string', bytes: '?long' } },
  policy: { attributes: { name: '?string', uid: '?string' }, atLeastOne: ['name', 'uid'] },
  finding_info: { attributes: { uid: '!string', title: '?string', types: '?string[]' } },
  evidences: {
    attributes: { actor: '?actor' },
    atLeastOne: [
      'actor',
      'api',
      'connection_info',
      'data',
      'database',
      'device',
      'file',
      'process',
      'src_endpoint',
      'user',
    ],
  },
  managed_entity: {
    attributes: {
      name: '?string',
      uid: '?string',
      user: '?user',
      policy: '?policy',
      type_id: '?integer=1 Device,2 User,3 Group,4 Organization,5 Policy,6 Email,7 Network Zone',
      type: '?string',
    },
    atLeastOne: ['name', 'uid'],
  },
};

type Fields = Readonly<Record<string, unknown>>;

/** The violations of an event; empty for a valid one. */
export function violations(event: Fields): string[] {
  const uid = Number(event.class_uid);
  const facts = CLASSES[uid];
  if (!facts) return [`class_uid ${event.class_uid} is unknown`];
  const { profiles } = (event.metadata ?? {}) as { profiles?: string[] };
  const shape = { ...EVERY, ...(profiles?.includes('security_control') && CONTROL), ...facts.attributes };
  const activity = captions(facts.activities).get(Number(event.activity_id));
  const expected: Fields = {
    activity_name: activity,
    category_uid: facts.category[0],
    category_name: facts.category[1],
    class_name: facts.name,
    type_uid: uid * 100 + Number(event.activity_id),
    type_name: `${facts.name}: ${activity}`,
  };
  const different = Object.keys(expected).filter((name) => event[name] !== expected[name]);
  return [
    ...different.map((name) => `${name} is ${event[name]}, not ${expected[name]}`),
    ...(event.metadata && (event.metadata as Fields).version !== '1.5.0' ? ['metadata.version'] : []),
    ...ofShape(event, shape, facts.atLeastOne, facts.name),
  ];
}

function ofShape(value: Fields, shape: Shape, atLeastOne: readonly string[] | undefined, place: string): string[] {
  const unknown = Object.keys(value).filter((name) => !(name in shape));
  const missing = Object.keys(shape).filter((name) => shape[name]?.startsWith('!') && value[name] === undefined);
  return [
    ...unknown.map((name) => `${place}.${name} is not in the schema`),
    ...missing.map((name) => `${place}.${name} is required`),
    ...(atLeastOne && !atLeastOne.some((name) => value[name] !== undefined)
      ? [`${place} has none of ${atLeastOne}`]
      : []),
    ...Object.entries(shape).flatMap(([name, type]) =>
      value[name] === undefined ? [] : ofType(value, name, type.slice(1), `${place}.${name}`),
    ),
  ];
}

function ofType(owner: Fields, name: string, type: string, place: string): string[] {
  const value = owner[name];
  if (type.endsWith('[]')) {
    if (!Array.isArray(value) || value.length === 0) return [`${place} is no list`];
    return value.flatMap((item) => ofType({ [name]: item }, name, type.slice(0, -2), place));
  }
  const [basic = '', values] = type.split('=');
  const known = OBJECTS[basic];
  if (known) {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? ofShape(value as Fields, known.attributes, known.atLeastOne, place) : [`${place} is no object`];
  }
  if (!isBasic(value, basic)) return [`${place} is no ${basic}: ${JSON.stringify(value)}`];
  if (values === undefined) return [];
  const caption = captions(values).get(value as number);
  const said = owner[name.replace(/_id$/, '')];
  if (caption === undefined) return [`${place} cannot be ${value}`];
  return said === undefined || caption === 'Other' || said === caption
    ? []
    : [`${place} ${value} is ${caption}, not ${said}`];
}

function isBasic(value: unknown, type: string): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
    case 'long':
      return Number.isSafeInteger(value);
    case 'timestamp':
      return Number.isSafeInteger(value) && (value as number) > 1e12;
    case 'port':
      return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536;
    case 'ip':
      return typeof value === 'string' && /^[0-9a-f.:]+$/.test(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      throw new Error(`the facts say nothing of the type ${type}`);
  }
}

function captions(list: string): Map<number, string> {
  return new Map(
    list.split(',').map((item) => {
      const blank = item.indexOf(' ');
      return [Number(item.slice(0, blank)), item.slice(blank + 1)];
    }),
  );
}
