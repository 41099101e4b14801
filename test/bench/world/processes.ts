/** What Linux says of a process and all below it: processor time and memory. See proc(5). */
import { readdirSync, readFileSync } from 'node:fs';

/** Of /proc/PID/stat; the same on all of Linux's usual machines. */
const TICKS_PER_SECOND = 100;

/** Microseconds of processor time since they started. */
export function processorTime(pid: number): number {
  const ticks = family(pid).map(({ stat }) => Number(stat[11]) + Number(stat[12]));
  return (sum(ticks) / TICKS_PER_SECOND) * 1e6;
}

/** Bytes: `VmRSS` now, `VmHWM` the most that it was. */
export function memory(pid: number, kind: 'VmRSS' | 'VmHWM'): number {
  const sizes = family(pid).map((member) => {
    const status = readFileSync(`/proc/${member.pid}/status`, 'utf8');
    return Number(new RegExp(`^${kind}:\\s*(\\d+) kB$`, 'm').exec(status)?.[1]);
  });
  return sum(sizes) * 1024;
}

interface Member {
  readonly pid: number;
  /** From the third field on: the second, a name in brackets, may hold anything. */
  readonly stat: readonly string[];
}

function family(pid: number): Member[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => memberOf(Number(name)));
  const below = (parent: number): Member[] =>
    all.filter(({ stat }) => Number(stat[1]) === parent).flatMap((member) => [member, ...below(member.pid)]);
  const own = all.find((member) => member.pid === pid);
  if (!own) throw new Error(`process ${pid} has ended`);
  return [own, ...below(pid)];
}

function memberOf(pid: number): Member[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return [{ pid, stat: text.slice(text.lastIndexOf(')') + 2).split(' ') }];
  } catch {
    return []; // it has ended meanwhile
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
