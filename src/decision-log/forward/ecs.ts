/** A record of the log as an event of the Elastic Common Schema. Fields without an equivalent are under `rowgate`. Pure. */
import type { LogRecord } from '../fields.ts';
import { endpoint } from './ocsf/event.ts';

const ECS_VERSION = '8.11.0';

/** `event.category` and `event.type`, from the schema's lists. */
const KINDS: Readonly<Record<string, { readonly category: string; readonly type: string }>> = {
  decision: { category: 'database', type: 'access' },
  outcome: { category: 'database', type: 'access' },
  seen: { category: 'database', type: 'access' },
  login: { category: 'authentication', type: 'start' },
  'login-refused': { category: 'authentication', type: 'start' },
  policy: { category: 'configuration', type: 'change' },
  raise: { category: 'configuration', type: 'change' },
  permit: { category: 'configuration', type: 'change' },
  'break-glass': { category: 'iam', type: 'change' },
  observe: { category: 'configuration', type: 'change' },
  lock: { category: 'iam', type: 'change' },
  release: { category: 'iam', type: 'change' },
  canary: { category: 'intrusion_detection', type: 'indicator' },
  warning: { category: 'database', type: 'info' },
};
const OTHERS = { category: 'database', type: 'info' };

/** `decision`: the one that an outcome belongs to. */
export function ecsEvent(record: LogRecord, decision: LogRecord | undefined): Readonly<Record<string, unknown>> {
  const { time, kind, guard, seq, id, reason, principal, ms, ...rest } = record;
  const { category, type } = KINDS[String(kind)] ?? OTHERS;
  const { role, user, client } = { ...decision, ...record };
  const { ip, port, name } = endpoint(client);
  return {
    '@timestamp': time,
    ecs: { version: ECS_VERSION },
    event: {
      kind: kind === 'canary' ? 'alert' : 'event',
      category: [category],
      type: [type],
      action: kind,
      outcome: outcomeOf(record),
      sequence: seq,
      id: `${guard} ${seq}`,
      dataset: 'rowgate.decisions',
      provider: guard,
      ...(reason !== undefined && { reason }),
      ...(rest.since !== undefined && { start: rest.since, end: time }),
      // Nanoseconds.
      ...(typeof ms === 'number' && { duration: Math.round(ms * 1e6) }),
    },
    ...(typeof principal === 'string' && {
      user: {
        name: principal,
        ...(typeof user === 'string' && { id: user }),
        ...(typeof role === 'string' && { roles: [role] }),
      },
    }),
    ...(client !== undefined && { source: ip === undefined ? { address: name } : { address: ip, ip, port } }),
    rowgate: { ...rest, ...(id !== undefined && { id }) },
  };
}

function outcomeOf({ kind, effect, status }: LogRecord): 'success' | 'failure' | 'unknown' {
  if (kind === 'login') return 'success';
  if (kind === 'login-refused') return 'failure';
  if (kind === 'decision') return effect === 'refuse' || effect === 'lock' ? 'failure' : 'unknown';
  if (kind !== 'outcome') return 'unknown';
  return status === 'ok' ? 'success' : 'failure';
}
