/** Tests what the command does where its output cannot be written. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { LINUX, testWith } from '../support/tools.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

it('a reader that has seen enough, as head, ends the command without a word', async () => {
  const command = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  command.stdout.destroy();
  const said: Buffer[] = [];
  command.stderr.on('data', (part: Buffer) => said.push(part));
  const [code] = (await once(command, 'close')) as [number | null];
  expect(Buffer.concat(said).toString()).toBe('');
  expect(code).toBe(141);
});

testWith(LINUX)('output that cannot be written is told, and is no finding', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, '--help'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  expect(stderr.toString()).toMatch(/^rowgate: could not write the output: ENOSPC[^\n]*\n$/);
  expect(status).toBe(2);
});
