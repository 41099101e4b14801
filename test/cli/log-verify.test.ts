/** Tests `rowgate log verify` and `rowgate log anchor`: their output and exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { register as anchor } from '../../src/cli/log-anchor.ts';
import { register as verify } from '../../src/cli/log-verify.ts';
import { refitted } from '../tampering/lines.ts';
import { TestLog } from '../tampering/logs.ts';

let log: TestLog;
let folder: string;
beforeAll(() => {
  log = TestLog.build({ bytes: 1_000_000 });
  folder = mkdtempSync(join(tmpdir(), 'rowgate-test-verify-'));
});
afterAll(() => {
  log.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<{ stdout: string; stderr: string; status: number }> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      said[name] += String(text);
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    const program = new Command('rowgate').exitOverride();
    for (const register of [verify, anchor]) register(program);
    await program.parseAsync(['node', 'rowgate', 'log', ...args]);
    return { ...said, status: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = undefined;
    for (const spy of spies) spy.mockRestore();
  }
}

/** The log with other lines, in a place of its own. */
function changed(change: (lines: string[]) => void): string {
  const lines = readFileSync(log.log, 'latin1').split('\n');
  change(lines);
  const file = join(folder, 'decisions.jsonl');
  writeFileSync(file, lines.join('\n'), 'latin1');
  return file;
}

it('nothing is found: exit code 0, and how far the log is sealed, and by which key', async () => {
  const config = join(folder, 'rowgate.yaml');
  writeFileSync(config, `log: { file: ${JSON.stringify(log.log)} }\nupstream: { url: "\${NOT_SET}" }\n`);
  const { stdout, stderr, status } = await run('verify', '--config', config);
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  expect(stdout).toMatch(
    /decisions\.jsonl: \d+ records of "g1" in 1 file, 2026-\S+ \S+ \S+ to 2026-\S+ \S+ \S+\n {2}\d+ seals; the last good one, of 2026-\S+ \S+ \S+, seals up to record \d+ of \d+\n/,
  );
  expect(stdout).toMatch(/Sealed by [\w-]{43}, the first one that the log names/);
  expect(stdout).toMatch(/Nothing was found\.\n$/);
});

it('something is found: exit code 1, file and line and kind; as JSON too', async () => {
  const file = changed((lines) => lines.splice(4, 2));
  const { stdout, status } = await run('verify', '--log', file);
  expect(status).toBe(1);
  expect(stdout).toMatch(/removed +decisions\.jsonl:5 +records 5 to 6 are missing\n/);
  expect(stdout).toMatch(/1 finding\.\n$/);
  const json = JSON.parse((await run('verify', '--log', file, '--json')).stdout);
  expect(json).toMatchObject({
    sound: false,
    findings: [{ kind: 'removed', file: 'decisions.jsonl', line: 5, seq: 5, until: 6 }],
  });
});

it('the key is given as text or as a file, and another one is not enough', async () => {
  const key = JSON.parse((await run('verify', '--log', log.log, '--json')).stdout).keys[0].key;
  const file = join(folder, 'seal.pub');
  writeFileSync(file, `${key}\n`);
  for (const given of [key, file]) {
    const { stdout, status } = await run('verify', '--log', log.log, '--key', given);
    expect([status, stdout.includes('which was given')]).toEqual([0, true]);
  }
  const { stdout, status } = await run('verify', '--log', log.log, '--key', `${key.slice(0, -2)}AA`);
  expect([status, stdout.includes('key-changed')]).toEqual([1, true]);
});

it('what a log says is printed so that no terminal obeys it', async () => {
  const file = changed((lines) => {
    lines.splice(
      1,
      1,
      refitted(
        (lines[1] ?? '').replace('"guard":"g1"', '"guard":"\u001b]0;x\u0007\\nNothing was found."'),
        lines[0] ?? '',
      ),
    );
    lines.splice(0, 1);
  });
  const { stdout, status } = await run('verify', '--log', file);
  expect(status).toBe(1);
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
  expect(stdout.split('\n')).not.toContain('Nothing was found.');
});

it.each([
  [['verify', '--log', '/nowhere/decisions.jsonl'], 'ENOENT'],
  [['verify', '--log', join(tmpdir(), 'no-such-log.jsonl')], 'no such file'],
  [['verify', '--key', 'no-key'], 'no configuration|no such file|expected a public'],
  [['anchor', '--log', join(tmpdir(), 'no-such-log.jsonl')], 'holds no seal'],
])('%s is a wrong call', async (args, message) => {
  const { stderr, status } = await run(...args);
  expect(stderr).toMatch(new RegExp(message));
  expect(status).toBe(args[0] === 'anchor' ? 1 : 2);
});

it('an anchor that was printed is met, and missed where the log is cut before it', async () => {
  const { stdout, status } = await run('anchor', '--log', log.log);
  expect(status).toBe(0);
  const anchors = join(folder, 'anchors.jsonl');
  writeFileSync(anchors, stdout);
  expect(await run('verify', '--log', log.log, '--anchors', anchors)).toMatchObject({ status: 0 });
  const file = changed((lines) => lines.splice(10));
  const found = await run('verify', '--log', file, '--anchors', anchors);
  expect(found.stdout).toMatch(/cut +decisions\.jsonl +the log ends with record 10, and anchor anchors\.jsonl:1/);
  expect(found.status).toBe(1);
});
