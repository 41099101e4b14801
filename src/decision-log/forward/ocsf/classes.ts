/** The OCSF classes that log records are mapped to, with the activities and values in use. OCSF 1.5.0. */

export const OCSF_VERSION = '1.5.0';

export interface OcsfClass {
  readonly uid: number;
  readonly name: string;
  readonly category: { readonly uid: number; readonly name: string };
  readonly activities: Readonly<Record<string, number>>;
}

const SYSTEM = { uid: 1, name: 'System Activity' };
const FINDINGS = { uid: 2, name: 'Findings' };
const IDENTITY = { uid: 3, name: 'Identity & Access Management' };
const APPLICATION = { uid: 6, name: 'Application Activity' };

export const CLASSES = {
  datastore: {
    uid: 6005,
    name: 'Datastore Activity',
    category: APPLICATION,
    activities: { Read: 1, Update: 2, Query: 4, Write: 5, Delete: 7, Other: 99 },
  },
  authentication: { uid: 3002, name: 'Authentication', category: IDENTITY, activities: { Logon: 1 } },
  account: { uid: 3001, name: 'Account Change', category: IDENTITY, activities: { Lock: 9, Unlock: 12 } },
  entity: {
    uid: 3004,
    name: 'Entity Management',
    category: IDENTITY,
    activities: { Create: 1, Update: 3, Delete: 4, Activate: 10, Deactivate: 11, Other: 99 },
  },
  finding: { uid: 2004, name: 'Detection Finding', category: FINDINGS, activities: { Create: 1 } },
  lifecycle: {
    uid: 6002,
    name: 'Application Lifecycle',
    category: APPLICATION,
    activities: { Start: 3, Stop: 4, Other: 99 },
  },
  eventLog: {
    uid: 1008,
    name: 'Event Log Activity',
    category: SYSTEM,
    activities: { Delete: 2, Rotate: 5, Other: 99 },
  },
  /** For records that fit no other class. */
  base: { uid: 0, name: 'Base Event', category: { uid: 0, name: 'Uncategorized' }, activities: { Other: 99 } },
} as const satisfies Record<string, OcsfClass>;

export const SEVERITIES = { Informational: 1, Low: 2, Medium: 3, High: 4, Critical: 5 } as const;
export type Severity = keyof typeof SEVERITIES;

export const STATUSES = { Unknown: 0, Success: 1, Failure: 2, Other: 99 } as const;
/** Of a Detection Finding. */
export const FINDING_STATUSES = { New: 1 } as const;
export const ACTIONS = { Allowed: 1, Denied: 2, Observed: 3, Modified: 4 } as const;
export const DISPOSITIONS = {
  Allowed: 1,
  Blocked: 2,
  Corrected: 11,
  Delayed: 14,
  Detected: 15,
  Logged: 17,
  'Access Revoked': 24,
  Error: 27,
} as const;
export const DATASTORE_TYPES = { Database: 1, Table: 3 } as const;
/** Of a database. */
export const RELATIONAL = { type_id: 1, type: 'Relational' } as const;
/** Of a managed entity. */
export const ENTITY_TYPES = { User: 2, Policy: 5 } as const;
