/** How long `rowgate log verify` takes over a gigabyte that the log itself has written: chained, and sealed with a key. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLog } from '../../src/decision-log/writer/log.ts';
import { IS_TRIAL, ROUNDS } from './figures/knobs.ts';
import { Section } from './figures/section.ts';

/** Of a pair of records about 370 bytes. */
const STATEMENTS = IS_TRIAL ? 20_000 : 3_000_000;
const SESSIONS = 20;
const COMMAND = resolve(import.meta.dirname, '../../dist/cli/main.js');
const run = promisify(execFile);

let folder: string;
let bytes: number;

beforeAll(async () => {
  folder = await mkdtemp(join(process.env.ROWGATE_BENCH_FOLDER ?? tmpdir(), 'rowgate-bench-verify-'));
  await writeFile(join(folder, 'rowgate.yaml'), 'log: { file: ./decisions.jsonl }\n');
  await write(join(folder, 'decisions.jsonl'));
  bytes = (await stat(join(folder, 'decisions.jsonl'))).size;
}, 600_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(file: string): Promise<void> {
  const log = openLog({ file, durability: 'batched', text: 'normalized', guard: 'guard-1', clock: Date.now });
  const sessions = Array.from({ length: SESSIONS }, (_, i) =>
    log.session({
      session: `01M8F3QBJX00000000000000${String(i).padStart(2, '0')}`,
      principal: `college_${i}_app`,
      role: 'college',
      attributes: { school: i },
      client: `10.0.0.${i}:50000`,
      database: 'students',
      application: 'portal',
    }),
  );
  for (let i = 0; i < STATEMENTS; i += 1) {
    const session = sessions[i % SESSIONS]!;
    const id = `01M8F3QBJX${String(i).padStart(16, '0')}`;
    session.append({
      kind: 'decision',
      id,
      command: 'SELECT',
      fingerprint: 'a3f1',
      statement: 'SELECT first_name FROM students WHERE id = $1',
      tables: ['public.students'],
      columns: ['public.students.first_name'],
      effect: 'rewrite',
      policy: 'sha256:p',
      text: '',
    });
    session.append({ kind: 'outcome', id, rows: 1, bytes: 20 + (i % 30), changed: 0, ms: 0.2 + (i % 7), status: 'ok' });
    if (i % 100 === 0) await turn();
  }
  await log.close();
}

test('verifying a gigabyte', async () => {
  const section = new Section('verify', `${ROUNDS} rounds`);
  const seconds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const { stdout } = await run(process.execPath, [
      COMMAND,
      'log',
      'verify',
      '--config',
      join(folder, 'rowgate.yaml'),
    ]);
    seconds.push((performance.now() - start) / 1000);
    expect(stdout).toMatch(/records/);
  }
  const size = (bytes / 1e9).toFixed(2);
  const figure = section.figure(`verifying ${size} GB`, 's', seconds, { atMost: 20 });
  await section.write(
    `\`rowgate log verify\`, the whole command, over ${size} GB in one file: ${(2 * STATEMENTS).toLocaleString('en')} records of decisions and outcomes, and their seals. Seconds: ${figure}.`,
  );
  expect(bytes).toBeGreaterThan(IS_TRIAL ? 0 : 1e9);
});
