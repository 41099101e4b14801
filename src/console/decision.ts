/** A decision as pages show it, made of the records of the log. */
import type { LogRecord } from '../decision-log/fields.ts';
import type { DecisionRow } from './api/decisions.ts';

/** `policy`: the hash of the one that was in force. */
export type Decision = DecisionRow & { readonly policy?: string };

/** Characters of a statement that is kept in memory or sent to a list. */
const LONGEST_TEXT = 8_192;

/** @param longest characters of the statement; longer ones are cut. */
export function decisionOf(record: LogRecord, longest = LONGEST_TEXT): Decision {
  const { id, time, guard, principal, statement, tables, columns, limit, policy } = record;
  const text = (name: string): Record<string, string> => {
    const value = record[name];
    return typeof value === 'string' ? { [name]: value } : {};
  };
  return {
    ...{ id: String(id), time: String(time), guard: String(guard), principal: String(principal ?? '') },
    effect: String(record.effect),
    ...text('session'),
    ...text('user'),
    ...text('role'),
    ...text('client'),
    ...text('application'),
    ...text('command'),
    ...text('would'),
    ...text('reason'),
    ...text('rule'),
    ...text('sqlstate'),
    ...(typeof statement === 'string' && { statement: cut(statement, longest) }),
    ...(Array.isArray(tables) && { tables: tables.map(String) }),
    ...(Array.isArray(columns) && { columns: columns.map(String) }),
    ...(typeof policy === 'string' && { policy }),
    ...limitIn(limit),
  };
}

export function withOutcome(decision: Decision, record: LogRecord): Decision {
  const number = (name: string): Record<string, number> => {
    const value = record[name];
    return typeof value === 'number' ? { [name]: value } : {};
  };
  const { status, reason, sqlstate, limit, subjects } = record;
  return {
    ...decision,
    ...(typeof status === 'string' && { status }),
    // What stopped it as it ran.
    ...(typeof reason === 'string' && { reason }),
    ...(typeof sqlstate === 'string' && { sqlstate }),
    ...number('rows'),
    ...number('bytes'),
    ...number('changed'),
    ...number('ms'),
    ...limitIn(limit),
    ...peopleIn(subjects),
  };
}

/** Decisions with their outcomes, of records in their order. */
export function decisionsIn(records: readonly LogRecord[]): Decision[] {
  const found = new Map<string, Decision>();
  for (const record of records) {
    const id = String(record.id);
    if (record.kind === 'decision') found.set(id, decisionOf(record));
    const known = record.kind === 'outcome' ? found.get(id) : undefined;
    if (known) found.set(id, withOutcome(known, record));
  }
  return [...found.values()];
}

function limitIn(limit: unknown): { limit?: { name: string; used: number; of: number } } {
  if (typeof limit !== 'object' || limit === null) return {};
  const { name, used, of } = limit as Record<string, unknown>;
  return { limit: { name: String(name), used: Number(used), of: Number(of) } };
}

function peopleIn(subjects: unknown): { people?: Record<string, number> } {
  if (typeof subjects !== 'object' || subjects === null) return {};
  const counts = Object.entries(subjects).map(([subject, shown]) => {
    const { people, ids } = (shown ?? {}) as { people?: unknown; ids?: unknown };
    return [subject, typeof people === 'number' ? people : Array.isArray(ids) ? ids.length : 0] as const;
  });
  return { people: Object.fromEntries(counts) };
}

function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}
