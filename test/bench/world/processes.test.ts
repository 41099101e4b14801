/** Processor time and memory of processes, beside what Node says of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect } from 'vitest';
import { LINUX, testWith } from '../../support/tools.ts';
import { memory, processorTime } from './processes.ts';

const linux = testWith(LINUX);
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** A process that says something and then does nothing more. */
async function started(program: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', `${program}; setInterval(() => {}, 1e6)`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

const BUSY =
  'const u = process.cpuUsage().user; do for (let i = 0; i < 1e6; i++); while (process.cpuUsage().user - u < 300_000)';

linux('processor time is what the process says that it has used', async () => {
  const { pid } = await started(`${BUSY} console.log('done')`);
  const before = processorTime(pid!);
  expect(before).toBeGreaterThan(290_000);
  expect(processorTime(pid!) - before).toBeLessThan(50_000);
});

linux('the processes below count', async () => {
  // It ends with the one above it.
  const inner = `${BUSY} console.log('done'); process.stdin.resume().on('end', () => process.exit())`;
  const { pid } = await started(
    `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(inner)}], { stdio: ['pipe', 'inherit', 'inherit'] })`,
  );
  expect(processorTime(pid!)).toBeGreaterThan(290_000);
  const both = memory(pid!, 'VmRSS');
  const { pid: alone } = await started(`console.log('done')`);
  expect(both).toBeGreaterThan(1.5 * memory(alone!, 'VmRSS'));
});

linux('memory now, and the most that it was', async () => {
  const { pid } = await started(`Buffer.alloc(100e6, 1); console.log('done')`);
  expect(memory(pid!, 'VmHWM')).toBeGreaterThan(100e6);
  expect(memory(pid!, 'VmRSS')).toBeLessThanOrEqual(memory(pid!, 'VmHWM'));
  const small = await started(`console.log('done')`);
  expect(memory(small.pid!, 'VmHWM')).toBeLessThan(100e6);
});

linux('a process that has ended is an error', async () => {
  const child = await started(`console.log('done')`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(() => processorTime(child.pid!)).toThrow(/has ended/);
});
