/** Tests reports over an encrypted log: they read it with an auditor's key, and write nothing of it to the disk in the clear. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { closedName } from '../../src/decision-log/chain/files.ts';
import { FileKeys } from '../../src/decision-log/encryption/file-keys.ts';
import { openerWith } from '../../src/decision-log/encryption/opening.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { openSource } from '../../src/decision-log/read/source.ts';
import { refusalsOf } from '../../src/decision-log/reports/refusals.ts';

const TIME = '2026-11-25T09:00:00.000Z';
let folder: string;
let file: string;
let identity: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-test-encrypted-report-'));
  file = join(folder, 'decisions.jsonl');
  identity = await generateX25519Identity();
  const keys = await FileKeys.to([await identityToRecipient(identity)]);
  await writeFile(closedName(file, 1), boxed(keys, 1));
  await writeFile(file, boxed(keys, 11));
});
afterAll(() => rm(folder, { recursive: true }));

/** A segment and nine refusals. */
function boxed(keys: FileKeys, first: number): string {
  const key = keys.take();
  if (!key) throw new Error('no key of a file was made ahead');
  const place = (seq: number) => ({ time: TIME, guard: 'g1', seq });
  const lines = [
    { time: TIME, kind: 'segment', guard: 'g1', seq: first, chain: 'c', format: 1, age: key.age },
    ...Array.from({ length: 9 }, (_, index) => {
      const seq = first + 1 + index;
      const record = {
        time: TIME,
        kind: 'decision',
        guard: 'g1',
        seq,
        id: `${seq}`,
        session: 's',
        principal: 'p',
        role: 'teacher',
        command: 'SELECT',
        fingerprint: 'f',
        statement: 'SELECT $1',
        tables: ['public.students'],
        columns: [],
        effect: 'refuse',
        reason: 'x',
      };
      return { ...place(seq), box: key.boxes.box(JSON.stringify(record), { guard: 'g1', seq }) };
    }),
  ];
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function tables(identities: readonly string[] | undefined): Promise<unknown> {
  const source = await openSource({
    chains: chainsOf(file),
    indexed: true,
    openerOf: identities && openerWith(identities),
    notice: (message) => expect.fail(message),
  });
  try {
    const { byTable } = await refusalsOf(source, { since: 0, until: Date.UTC(2100, 0), timeZone: 'UTC' });
    return byTable.map(({ name, times }) => [name, times]);
  } finally {
    source.close();
  }
}

it('is whole with the key, and leaves no index', async () => {
  expect(await tables([identity])).toEqual([['public.students', 18]]);
  expect((await readdir(folder)).filter((name) => !name.endsWith('.jsonl'))).toEqual([]);
});

it('is refused without the key, and with another one', async () => {
  await expect(tables(undefined)).rejects.toThrow('is encrypted: --identity FILE names the key');
  await expect(tables([await generateX25519Identity()])).rejects.toThrow('is encrypted to other keys');
});
