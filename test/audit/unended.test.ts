/** Tests how much a statement without an outcome can have shown: by the policy in force then, if its file was kept, and else by the present one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ENGLISH } from '../../src/decision-log/language/speech.ts';
import { keepPolicy, keptFolder, keptPolicy } from '../../src/decision-log/policies/kept-policies.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openSource } from '../../src/decision-log/read/source.ts';
import { breachOf } from '../../src/decision-log/reports/breach.ts';
import { policyFacts } from '../../src/decision-log/reports/policy-texts.ts';
import { upToLimits } from '../../src/decision-log/reports/without-outcome.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-unended-'));
  log = join(folder, 'decisions.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const role = (rows?: number) => [
  {
    path: 'roles/teacher.yaml',
    text: `role: teacher\n${rows === undefined ? '' : `limits: { rows_per_statement: ${rows} }\n`}`,
  },
];

/** A log in which one statement has no outcome under each of these policies; `kept`: the files that were kept. */
function write(policies: readonly { readonly hash: string; readonly kept?: string | undefined }[]): void {
  const lines = policies.flatMap(({ hash, kept }, n) => [
    { kind: 'policy', guard: 'g1', to: hash, kept },
    { kind: 'decision', id: `${n}`, principal: 'p', role: 'teacher', command: 'SELECT', effect: 'allow', policy: hash },
  ]);
  const text = lines.map((line, n) => JSON.stringify({ time: `2026-11-25T09:00:0${n}.000Z`, seq: n + 1, ...line }));
  writeFileSync(log, `${text.join('\n')}\n`);
}

/** In words; today's policy allows 7 rows. */
async function said(): Promise<string> {
  const source = await openSource({ chains: chainsOf(log), indexed: true, notice: (message) => expect.fail(message) });
  try {
    const { unended } = await breachOf(source, { principal: 'p', since: 0, until: Date.UTC(2100, 0), timeZone: 'UTC' });
    const policiesKept = (hash: string) => {
      const files = keptPolicy(keptFolder(log), hash);
      return 'problem' in files ? undefined : policyFacts(files);
    };
    return upToLimits(unended, { policies: policyFacts(role(7)), policiesKept }, ENGLISH);
  } finally {
    source.close();
  }
}

test('by each policy that was in force', async () => {
  const [before, after] = [role(500), role(20)].map((files) => keepPolicy(log, files));
  write([
    { hash: 'sha256:a', kept: before },
    { hash: 'sha256:b', kept: after },
  ]);
  expect(await said()).toContain('up to 520 rows, by the limit of one statement in the policy that was in force');
});

test('by that of now where one was not kept, or is not what was kept', async () => {
  const kept = keepPolicy(log, role(500));
  write([{ hash: 'sha256:a', kept }, { hash: 'sha256:b' }]);
  expect(await said()).toContain('up to 507 rows, by the limit of one statement in the policy as it is now');
  writeFileSync(join(keptFolder(log), `${kept?.slice('sha256:'.length)}.json`), '{"files":[]}\n');
  expect(await said()).toContain('up to 14 rows, by the limit of one statement in the policy as it is now');
});

test('by none where the one in force had none, whatever there is now', async () => {
  write([{ hash: 'sha256:a', kept: keepPolicy(log, role()) }]);
  expect(await said()).toContain('no limit is known');
});
