/**
 * Follows the decision logs of the guards: the last decisions with their outcomes, and rates of the last hour. Bounded in memory; a file that cannot
 * be read is reported, and tried again.
 */
import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord } from '../decision-log/fields.ts';
import { ChainReader } from '../decision-log/read/chain-reader.ts';
import { NoIdentity, type OpenerOf } from '../decision-log/read/encrypted.ts';
import { Damaged } from '../decision-log/read/file-lines.ts';
import { type Chain, chainsOf, isOpen, openNameOf } from '../decision-log/read/log-files.ts';
import type { Problem } from './api/values.ts';
import { type Decision, decisionOf, withOutcome } from './decision.ts';
import type { ShownGuard } from './guards.ts';
import { Rates } from './rates.ts';

const MOST_KEPT = 10_000;
const POLL_MS = 200;
const AGAIN_MS = 5_000;
const HOUR_MS = 3_600_000;

export interface LogState {
  /** ISO time of its last record. */
  readonly last?: string;
  readonly problem?: Problem;
}

export class LogTail {
  readonly rates = new Rates();
  private readonly kept = new Map<string, Decision>();
  private readonly states = new Map<string, LogState>();
  private readonly listeners = new Set<(decision: Decision) => void>();
  /** The hashes of policies' kept forms, by the policy's hash. */
  private readonly policies = new Map<string, string>();

  constructor(
    private readonly guards: readonly ShownGuard[],
    private readonly openerOf: OpenerOf | undefined,
  ) {}

  /** Goes on until the signal. */
  async follow(signal: AbortSignal): Promise<void> {
    await Promise.all(this.guards.map((guard) => this.followOne(guard, signal)));
  }

  /** Called for each new decision. Returns a function that stops it. */
  hear(listener: (decision: Decision) => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  stateOf(guard: string): LogState {
    return this.states.get(guard) ?? {};
  }

  /** The newest last. */
  get decisions(): Iterable<Decision> {
    return this.kept.values();
  }

  decision(id: string): Decision | undefined {
    return this.kept.get(id);
  }

  /** The hash of the kept form of that policy, if a recent record contains it. */
  keptOf(policy: string): string | undefined {
    return this.policies.get(policy);
  }

  private async followOne(guard: ShownGuard, signal: AbortSignal): Promise<void> {
    // Decisions before an interruption are not counted again.
    const read = new Map<string, number>();
    while (!signal.aborted) {
      try {
        await this.readOn(guard, read, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.states.set(guard.name, { ...this.states.get(guard.name), problem: problemOf(error) });
        await sleep(AGAIN_MS, undefined, { signal }).catch(() => {});
      }
    }
  }

  private async readOn({ name, log }: ShownGuard, read: Map<string, number>, signal: AbortSignal): Promise<void> {
    const readers = new Map<string, ChainReader>();
    try {
      await this.readAll({ name, log }, readers, read, signal);
    } finally {
      for (const reader of readers.values()) await reader.end().catch(() => {});
    }
  }

  private async readAll(
    { name, log }: Pick<ShownGuard, 'name' | 'log'>,
    readers: Map<string, ChainReader>,
    read: Map<string, number>,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      const chains = chainsOf(log);
      if (chains.length === 0) throw Object.assign(new Error(), { code: 'ENOENT', path: log });
      for (const chain of chains) {
        const open = openNameOf(chain[0] ?? '');
        if (!readers.has(open)) readers.set(open, new ChainReader(ofTheHour(chain), this.openerOf, true));
      }
      let came = false;
      for (const [open, reader] of readers) {
        const records = await reader.next();
        came ||= records !== undefined;
        for (const record of records ?? []) {
          const seq = Number(record.seq ?? 0);
          if (seq <= (read.get(open) ?? 0)) continue;
          read.set(open, seq);
          this.take(record);
        }
        const last = records?.at(-1)?.time;
        if (typeof last === 'string') this.states.set(name, { last });
      }
      if (came) continue;
      const { last } = this.stateOf(name);
      this.states.set(name, { ...(last !== undefined && { last }) });
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }

  private take(record: LogRecord): void {
    if (record.kind === 'policy' && typeof record.to === 'string' && typeof record.kept === 'string')
      this.policies.set(record.to, record.kept);
    if (record.kind === 'decision') {
      const decision = decisionOf(record);
      this.rates.decided(decision);
      this.keep(decision);
      for (const listener of this.listeners) listener(decision);
    } else if (record.kind === 'outcome') {
      const decision = this.kept.get(String(record.id));
      this.rates.ended(String(record.time), decision?.role, record);
      if (decision) this.kept.set(decision.id, withOutcome(decision, record));
    }
  }

  private keep(decision: Decision): void {
    this.kept.set(decision.id, decision);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MOST_KEPT && oldest !== undefined) this.kept.delete(oldest);
  }
}

/** The open file, and closed ones that were written to in the last hour. */
function ofTheHour(chain: Chain): Chain {
  const since = Date.now() - HOUR_MS;
  const recent = chain.filter(
    (file) => isOpen(file) || (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) > since,
  );
  return recent.length > 0 ? recent : chain.slice(-1);
}

function problemOf(error: unknown): Problem {
  const { code, path, message } = error as NodeJS.ErrnoException;
  if (error instanceof NoIdentity || error instanceof Damaged) return { code: 'log-unreadable', message };
  if (code !== undefined && path !== undefined)
    return {
      code: 'log-unreadable',
      message: code === 'ENOENT' ? `there is no log at ${path}` : `${path} cannot be read (${code})`,
    };
  return { code: 'failed', message };
}
