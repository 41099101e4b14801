/** Reads the decision log, and checks promise P7: a decision before each statement, one outcome after it. */
import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { QUIET_COMMANDS } from '../../src/decision-log/writer/quiet-commands.ts';
import { allRecords } from '../support/decision-log.ts';

export interface LogRecord {
  readonly kind: string;
  readonly seq: number;
  readonly id?: string;
  readonly session?: string;
  readonly principal?: string;
  readonly application?: string;
  readonly command?: string;
  readonly statement?: string;
  readonly effect?: string;
  readonly reason?: string;
  readonly sqlstate?: string;
  readonly status?: string;
  readonly rows?: number;
  readonly changed?: number;
}

/** A statement as the log tells it: its decision and its outcome in one. */
export interface Told {
  readonly principal: string;
  readonly command: string;
  readonly statement: string;
  readonly effect: string;
  readonly status: string;
  readonly rows: number;
  readonly changed: number;
  readonly reason: string | undefined;
  readonly sqlstate: string | undefined;
}

export async function readLog(file: string): Promise<LogRecord[]> {
  return allRecords(await readFile(file, 'utf8')) as unknown as LogRecord[];
}

/**
 * The statements in the order of their decisions. Fails where an outcome has no decision before it, a decision has not exactly one outcome, an
 * outcome contradicts its decision, or the sequence numbers have a gap. `log`: of a guard whose sessions have ended.
 */
export function statementsIn(log: readonly LogRecord[]): Told[] {
  expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => (log[0]?.seq ?? 0) + index));
  const open = new Map<string, LogRecord>();
  const told = new Map<string, Told>();
  for (const record of log) {
    const id = record.id ?? '';
    if (record.kind === 'decision') {
      expect(open.has(id) || told.has(id), 'an id of its own').toBe(false);
      open.set(id, record);
      told.set(id, { ...PENDING, ...pick(record) });
    }
    if (record.kind !== 'outcome') continue;
    const decision = open.get(id);
    expect(decision, `a decision before the outcome ${JSON.stringify(record)}`).toBeDefined();
    open.delete(id);
    expect(decision?.effect === 'refuse', `${decision?.statement}: ${decision?.effect}, then ${record.status}`).toBe(
      record.status === 'refused',
    );
    told.set(id, { ...told.get(id)!, ...pick(record) });
  }
  const noted = [...open.values()].filter(({ command = '' }) => !QUIET_COMMANDS.has(command));
  expect(noted, 'each decision has its outcome').toEqual([]);
  return [...told.values()];
}

/** The values of a statement without an outcome. */
const PENDING: Told = {
  principal: '',
  command: '',
  statement: '',
  effect: '',
  status: 'ok',
  rows: 0,
  changed: 0,
  reason: undefined,
  sqlstate: undefined,
};

function pick(record: LogRecord): Partial<Told> {
  const known = Object.keys(PENDING) as (keyof Told)[];
  return Object.fromEntries(known.flatMap((key) => (record[key] === undefined ? [] : [[key, record[key]]])));
}
