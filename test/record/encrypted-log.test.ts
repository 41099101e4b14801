/** Tests a log for its auditors alone: all can verify it, only the holder of a key can read it, whatever happens to its files and to the guard that writes it. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { FileKeys } from '../../src/decision-log/encryption/file-keys.ts';
import { openerWith } from '../../src/decision-log/encryption/opening.ts';
import { linesOf, RecordReader } from '../../src/decision-log/read/file-lines.ts';
import { chainsOf } from '../../src/decision-log/read/log-files.ts';
import { verifyLog } from '../../src/decision-log/verify/verify.ts';
import { type DecisionLog, type LogOptions, openLog } from '../../src/decision-log/writer/log.ts';

const folder = mkdtempSync(join(tmpdir(), 'rowgate-encrypted-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let identity: string;
let recipient: string;
let logs = 0;
let file: string;
let log: DecisionLog;
let notices: string[] = [];
beforeAll(async () => {
  identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
});
beforeEach(() => {
  notices = [];
  file = join(mkdtempSync(join(folder, `log-${logs++}-`)), 'decisions.jsonl');
});

async function open(options: Partial<LogOptions> = {}): Promise<void> {
  const keys = 'keys' in options ? options.keys : await FileKeys.to([recipient]);
  // A log that was not closed may still report something.
  const told = notices;
  log = openLog({
    file,
    durability: 'batched',
    text: 'normalized',
    guard: 'g1',
    clock: Date.now,
    notice: (message) => told.push(message),
    ...options,
    keys,
  });
}

let said = 0;
/** A record that can be told from all others. */
function say(): string {
  const message = `secret ${said++}`;
  expect(log.append('warning', { principal: 'anna', message })).toBe(true);
  return message;
}

interface Read {
  readonly messages: unknown[];
  readonly kinds: unknown[];
  readonly strange: number;
}

async function read(identities = [identity]): Promise<Read> {
  const messages: unknown[] = [];
  const kinds: unknown[] = [];
  let strange = 0;
  for (const named of chainsOf(file).flat()) {
    const path = still(named);
    const reader = new RecordReader(path, openerWith(identities));
    for await (const lines of linesOf(path)) {
      const records = await reader.read(lines);
      kinds.push(...records.map(({ kind }) => kind));
      messages.push(...records.flatMap(({ kind, message }) => (kind === 'warning' ? [message] : [])));
    }
    strange += reader.strange;
  }
  return { messages, kinds, strange };
}

async function expectGenuine(): Promise<void> {
  expect((await verifyLog({ log: file, keys: [], anchors: [] })).findings).toEqual([]);
}

const everything = (): string =>
  chainsOf(file)
    .flat()
    .filter((path) => !path.endsWith('.gz'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('');

test('nothing is in the clear but time, guard and number, and the fields that verify the chain', async () => {
  await open();
  const messages = [say(), say(), say()];
  await log.close();
  const lines = everything()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.map((line) => Object.keys(line).join())).toEqual([
    expect.stringMatching(/^time,kind,guard,seq,.*age,hash$/),
    ...messages.map(() => 'time,guard,seq,box,hash'),
    expect.stringMatching(/^time,kind,guard,seq,.*signature,hash$/),
  ]);
  expect(everything()).not.toMatch(/secret|anna|warning/);
  await expectGenuine();
  expect(await read()).toEqual({ messages, kinds: ['segment', 'warning', 'warning', 'warning', 'seal'], strange: 0 });
  await expect(read([await generateIdentity()])).rejects.toThrow();
});

test('over restarts, each in a file of its own, and from and to a log in the clear', async () => {
  const messages: string[] = [];
  for (const keys of [undefined, 'keys', 'keys', undefined, 'keys'] as const) {
    await open(keys === undefined ? { keys: undefined } : {});
    messages.push(say(), say());
    await log.close();
  }
  await expectGenuine();
  expect((await read()).messages).toEqual(messages);
  expect(chainsOf(file).flat()).toHaveLength(5);
  const clear = chainsOf(file)
    .flat()
    .map((path) => !path.endsWith('.gz') && readFileSync(path, 'utf8').includes('secret'));
  expect(clear.at(-1)).toBe(false);
});

test('a guard that dies between its records, or in the middle of one', async () => {
  const messages: string[] = [];
  for (const torn of ['', '{"time":"2026-11-27T09:00:00.000Z","guard":"g1","seq":']) {
    await open();
    messages.push(say());
    // Not closed: the next life finds the file as it lies there.
    appendFileSync(file, torn);
  }
  await open();
  messages.push(say());
  await log.close();
  await expectGenuine();
  expect((await read()).messages).toEqual(messages);
});

test('a guard that dies right behind the beginning of a file', async () => {
  await open();
  const first = say();
  // As if only the segment had come to the disk.
  const [segment = ''] = readFileSync(file, 'utf8').split('\n');
  truncateSync(file, segment.length + 1);
  await open();
  const second = say();
  await log.close();
  expect((await read()).messages).toEqual([second]);
  expect(first).not.toBe(second);
  expect(everything()).not.toMatch(/secret/);
});

test('files that are full faster than keys are made: they become longer, and nothing is refused', async () => {
  await open({ rotate: { bytes: 4096 } });
  const messages: string[] = [];
  for (let i = 0; i < 400; i++) {
    const message = `secret ${said++} ${'x'.repeat(200)}`;
    expect(log.append('warning', { message })).toBe(true);
    messages.push(message);
    if (i % 40 === 0) await new Promise((done) => setTimeout(done, 20));
  }
  await log.close();
  await expectGenuine();
  expect((await read()).messages).toEqual(messages);
  expect(chainsOf(file).flat().length).toBeGreaterThan(3);
  expect(notices).toEqual([]);
});

test('a file that was moved away', async () => {
  await open();
  const messages = [say()];
  renameSync(file, `${file}.1`);
  expect(log.reopen()).toBe(true);
  messages.push(say());
  await new Promise((done) => setTimeout(done, 100));
  renameSync(file, `${file}.2`);
  expect(log.reopen()).toBe(true);
  messages.push(say());
  await log.close();
  const found: unknown[] = [];
  for (const path of [`${file}.1`, `${file}.2`, file]) {
    const reader = new RecordReader(path, openerWith([identity]));
    for await (const lines of linesOf(path)) for (const record of await reader.read(lines)) found.push(record.message);
    expect(reader.strange).toBe(0);
  }
  expect(found.filter((message) => message !== undefined)).toEqual(messages);
});

test('records that could not be written leave gaps, and those behind them are read all the same', async () => {
  await open();
  const messages = [say()];
  // Under the log's name lies a folder: nothing can be opened there.
  const away = `${file}.away`;
  for (let i = 0; i < 3; i++) {
    renameSync(file, away);
    mkdirSync(file);
    expect(log.reopen()).toBe(false);
    rmdirSync(file);
    renameSync(away, file);
    messages.push(say());
  }
  await log.close();
  await expectGenuine();
  expect((await read()).messages).toEqual(messages);
  expect(existsSync(away)).toBe(false);
  expect(readdirSync(join(file, '..')).filter((name) => name.endsWith('.jsonl'))).toHaveLength(1);
});

test('boxes that were swapped, and their lines chained again, are no records', async () => {
  await open();
  for (let i = 0; i < 4; i++) say();
  await log.close();
  const lines = readFileSync(file, 'utf8').split('\n');
  const boxOf = (line: string): string => /"box":"([^"]*)"/.exec(line)?.[1] ?? '';
  const [a = '', b = ''] = [lines[2], lines[3]];
  lines[2] = a.replace(boxOf(a), boxOf(b));
  lines[3] = b.replace(boxOf(b), boxOf(a));
  writeFileSync(file, lines.join('\n'));
  expect(await read()).toMatchObject({ strange: 2, messages: [expect.anything(), expect.anything()] });
  expect((await verifyLog({ log: file, keys: [], anchors: [] })).findings).not.toEqual([]);
});

/** A copy that is not compressed meanwhile, or the compressed file. */
function still(path: string): string {
  if (!existsSync(path)) return `${path}.gz`;
  const copy = join(mkdtempSync(join(folder, 'copy-')), basename(path));
  writeFileSync(copy, readFileSync(path));
  return copy;
}

function isJson(line: string): boolean {
  try {
    return JSON.parse(line) !== null;
  } catch {
    return false;
  }
}

/** Never the beginning: the key is there, and without it the file cannot be read any more. */
function cutEnd(bytes: number): void {
  const text = readFileSync(file);
  truncateSync(file, Math.max(text.indexOf(10) + 1, text.length - bytes));
}

/** The events of a log, in any order. */
const BEFALLS = ['say', 'say', 'say', 'away', 'blocked', 'copied', 'cut', 'torn', 'restart', 'crash', 'clear'] as const;

test('after any failure: what is in the file is read, and no key has encrypted twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...BEFALLS), { minLength: 5, maxLength: 20 }), async (befalls) => {
      file = join(mkdtempSync(join(folder, 'any-')), 'decisions.jsonl');
      const away = join(file, '..', 'away');
      mkdirSync(away);
      let moved = 0;
      const abandoned: DecisionLog[] = [];
      const speak = (): void => {
        const message = `secret ${said++} ${'x'.repeat(said % 300)}`;
        log.append('warning', { message });
      };
      await open();
      for (const what of befalls) {
        // Keys are made meanwhile.
        await new Promise((done) => setTimeout(done, 5));
        speak();
        switch (what) {
          case 'say':
            break;
          case 'away':
            renameSync(file, join(away, `${moved++}.jsonl`));
            log.reopen();
            break;
          case 'blocked':
            renameSync(file, join(away, 'kept'));
            mkdirSync(file);
            log.reopen();
            speak();
            rmdirSync(file);
            renameSync(join(away, 'kept'), file);
            break;
          case 'copied':
            writeFileSync(`${file}.copy`, readFileSync(file));
            renameSync(`${file}.copy`, file);
            log.reopen();
            break;
          case 'cut':
            cutEnd(said % 700);
            break;
          case 'torn':
            appendFileSync(file, '{"time":"2026-11-27T09:00:00.000Z","guard":"g1","se');
            break;
          case 'restart':
            await log.close();
            await open();
            break;
          case 'crash':
            abandoned.push(log);
            await open();
            break;
          case 'clear':
            await log.close();
            await open({ keys: undefined });
            break;
        }
        speak();
        if (what === 'clear') {
          await log.close();
          await open();
        }
      }
      await log.close();
      const paths = [...chainsOf(file).flat(), ...readdirSync(away).map((name) => join(away, name))];
      for (const named of paths) {
        const path = still(named);
        const numbers = new Set<string>();
        const reader = new RecordReader(path, openerWith([identity]));
        for await (const lines of linesOf(path)) {
          for (const line of lines) {
            const [record] = await reader.read([line]);
            const number = /"box":"([0-9]+)\./.exec(line)?.[1];
            if (number === undefined) continue;
            expect(numbers.has(number), `box ${number} twice in ${path}`).toBe(false);
            numbers.add(number);
            // A torn line is no record, nor is a record written after it in one line.
            if (isJson(line)) expect(record, line).toBeDefined();
          }
        }
      }
      for (const one of abandoned) await one.close();
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
