/** Tests the promise on memory with real parts: a guard in its own process passes values of 100 MB and a million rows to a slow reader, and its memory does not grow. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { bind } from '../../src/protocol/bind.ts';
import { decodeErrorFields } from '../../src/protocol/error-response.ts';
import { FrameReader, SERVER_LIMITS } from '../../src/protocol/frame-reader.ts';
import { Backend, Frontend } from '../../src/protocol/message-types.ts';
import { formatVerifier, makeVerifier } from '../../src/protocol/scram-verifier.ts';
import { rawLogin } from '../proxy/raw-client.ts';
import { eventually } from '../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { file, testWith } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { E, P, Q, S } from './messages.ts';

const VALUE = 100_000_000;
const one = Buffer.from([0, 0, 0, 4, 0, 0, 0, 1]);
/** In KB, for socket buffers and uncollected garbage: less than the value. A growing buffer would hold two or three copies of it. */
const GROWTH = 80 * 1024;

const status = (pid: number, field: string): number =>
  Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

let database: FreshDatabase;
let served: Served;
let policies: string;

beforeAll(async () => {
  if (!existsSync('/proc/self/clear_refs')) return;
  database = await freshDatabase();
  await database.query(`create table files (id int, school_id int, data bytea);
    create table uploads (id int, data bytea);
    create table texts (id int, data text);
    insert into files values (1, 7, 'x'), (2, 8, 'y')`);
  policies = await mkdtemp(join(tmpdir(), 'rowgate-memory-'));
  await mkdir(join(policies, 'roles'));
  const verifier = async (name: string) => formatVerifier(await makeVerifier(`demo-${name}`, Buffer.alloc(16, 1)));
  await writeFile(
    join(policies, 'principals.yaml'),
    `principals:
  school: { role: school, attributes: { school_id: 7 }, password: "${await verifier('school')}" }
  dba: { role: dba, password: "${await verifier('dba')}" }\n`,
  );
  await writeFile(
    join(policies, 'roles/school.yaml'),
    `role: school
attributes: { school_id: integer }
tables:
  files: { select: { columns: [id, data], rows: school_id = :school_id } }
  uploads: { select: { columns: "*" }, insert: { columns: "*" } }
limits: { rows_per_statement: 10 }\n`,
  );
  await writeFile(join(policies, 'roles/dba.yaml'), 'role: dba\naccess: unrestricted\nlimits: none\n');
  served = await serve(database, 'log: { file: ./log.jsonl }', {}, policies);
  await warmUp();
});
afterAll(async () => {
  await served?.stop();
  await database?.drop();
  if (policies) await rm(policies, { recursive: true, force: true });
});

/** Reads answers without keeping them: counts rows, and takes a digest of their bytes. */
async function open(principal: string) {
  const { socket, reader } = await rawLogin(served.port, principal, `demo-${principal}`, served.database);
  reader.detach();
  const frames = new FrameReader(SERVER_LIMITS);
  const seen = { rows: 0, bytes: 0, ready: 0, errors: [] as string[], digest: createHash('sha256'), frames: 0 };
  let wake = () => {};
  socket.on('data', (chunk: Buffer) => {
    frames.push(chunk);
    for (let frame = frames.next(); frame; frame = frames.next()) {
      if (frame.first) seen.frames += 1;
      if (frame.type === Backend.ErrorResponse) seen.errors.push(decodeErrorFields(frame.bytes).get('M') ?? '');
      if (frame.type === Backend.ReadyForQuery) seen.ready += 1;
      if (frame.type !== Backend.DataRow && frame.type !== Backend.CopyData) continue;
      if (frame.first) seen.rows += 1;
      seen.bytes += frame.bytes.length;
      seen.digest.update(frame.bytes);
    }
    wake();
  });
  socket.on('close', () => wake());
  const until = async (done: () => boolean) => {
    while (!done()) {
      if (socket.destroyed) throw new Error(`closed behind ${seen.errors.join(', ')}`);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { socket, seen, until };
}

/** `length` bytes behind a head, no faster than the other side reads. */
async function stream(socket: Socket, head: Uint8Array, length: number): Promise<void> {
  socket.write(head);
  const piece = Buffer.alloc(250_000, 'x');
  for (let sent = 0; sent < length; sent += piece.length) if (!socket.write(piece)) await once(socket, 'drain');
}

/** A Bind whose last value follows later (`head`), and the bytes after that value (`tail`). */
function bindOf(before: Uint8Array[], resultFormat: number): { head: Buffer; tail: Buffer } {
  const length = Buffer.alloc(4);
  length.writeInt32BE(VALUE);
  const whole = bind({
    portal: '',
    statement: '',
    formats: [1],
    values: Buffer.concat([...before, length]),
    valueCount: before.length + 1,
    resultFormats: [resultFormat],
  });
  const head = Buffer.from(whole.subarray(0, whole.length - 4));
  head.writeUInt32BE(whole.length - 1 + VALUE, 1);
  return { head, tail: whole.subarray(whole.length - 4) };
}

/** How far the guard's memory rises above where it was, in kB, while something happens. */
async function growth(act: () => Promise<void>): Promise<number> {
  writeFileSync(`/proc/${served.pid}/clear_refs`, '5');
  const before = status(served.pid, 'VmHWM');
  await act();
  return status(served.pid, 'VmHWM') - before;
}

/** So that what is read and compiled once does not count. */
async function warmUp(): Promise<void> {
  const { socket, seen, until } = await open('school');
  const { head, tail } = bindOf([one], 0);
  await stream(
    socket,
    Buffer.concat([P('select id, length($2::bytea) from files where id = $1', '', [23, 17]), head]),
    VALUE,
  );
  socket.write(Buffer.concat([tail, E(), S()]));
  await until(() => seen.ready === 1);
  socket.destroy();
}

const linux = testWith(file('/proc/self/clear_refs'));
/** Again, where the collector came late: what piles up does so each time. */
const OPTIONS = { timeout: 300_000, retry: 2 };

linux('a parameter of 100 MB, with parameters of the guard behind it', OPTIONS, async () => {
  const { socket, seen, until } = await open('school');
  const { head, tail } = bindOf([one], 0);
  const text = 'select id, length($2::bytea) from files where id = $1';
  const grown = await growth(async () => {
    await stream(socket, Buffer.concat([P(text, '', [23, 17]), head]), VALUE);
    socket.write(Buffer.concat([tail, E(), S()]));
    await until(() => seen.ready === 1);
  });
  expect(seen).toMatchObject({ errors: [], rows: 1 });
  expect(grown).toBeLessThan(GROWTH);
  socket.destroy();
});

linux('a field of 100 MB, in and out again', OPTIONS, async () => {
  const { socket, seen, until } = await open('school');
  const { head, tail } = bindOf([one], 1);
  const grown = await growth(async () => {
    await stream(
      socket,
      Buffer.concat([P('insert into uploads (id, data) values ($1, $2)', '', [23, 17]), head]),
      VALUE,
    );
    socket.write(Buffer.concat([tail, E(), S()]));
    await until(() => seen.ready === 1);
    const noValues = { portal: '', statement: '', formats: [], values: new Uint8Array(0), valueCount: 0 };
    socket.write(
      Buffer.concat([P('select data from uploads where id = 1'), bind({ ...noValues, resultFormats: [1] }), E(), S()]),
    );
    await until(() => seen.ready === 2);
  });
  expect(seen).toMatchObject({ errors: [], rows: 1, bytes: VALUE + 11 });
  const row = Buffer.from([Backend.DataRow, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
  row.writeUInt32BE(VALUE + 10, 1);
  row.writeUInt32BE(VALUE, 7);
  expect(seen.digest.digest('hex')).toBe(
    createHash('sha256').update(row).update(Buffer.alloc(VALUE, 'x')).digest('hex'),
  );
  expect(grown).toBeLessThan(GROWTH);
  socket.destroy();
});

linux('one that is refused is dropped as it comes', OPTIONS, async () => {
  const { socket, seen, until } = await open('school');
  const { head, tail } = bindOf([one], 0);
  const grown = await growth(async () => {
    await stream(socket, Buffer.concat([P('select school_id, $1, $2 from files', '', [23, 17]), head]), VALUE);
    socket.write(Buffer.concat([tail, E(), S()]));
    await until(() => seen.ready === 1);
  });
  expect(seen.errors).toEqual(['permission denied for column "school_id" of relation "files"']);
  expect(grown).toBeLessThan(GROWTH);
  socket.destroy();
});

linux('COPY with one piece of 100 MB, in and out again', OPTIONS, async () => {
  const { socket, seen, until } = await open('dba');
  const header = Buffer.alloc(5);
  header[0] = Frontend.CopyData;
  header.writeUInt32BE(4 + 2 + VALUE + 1, 1);
  const grown = await growth(async () => {
    await stream(socket, Buffer.concat([Q('copy texts from stdin'), header, Buffer.from('1\t')]), VALUE);
    socket.write(Buffer.concat([Buffer.from('\n'), Buffer.from([Frontend.CopyDone, 0, 0, 0, 4])]));
    await until(() => seen.ready === 1);
    socket.write(Q('copy texts to stdout'));
    await until(() => seen.ready === 2);
  });
  expect(seen).toMatchObject({ errors: [], rows: 1, bytes: 5 + 2 + VALUE + 1 });
  expect(grown).toBeLessThan(GROWTH);
  socket.destroy();
});

linux('a million rows to a reader that pauses', OPTIONS, async () => {
  const { socket, seen, until } = await open('dba');
  const stalled = async () => {
    const [row] = await database.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where datname = '${database.name}' and wait_event = 'ClientWrite'`,
    );
    return row?.n === 1;
  };
  const grown = await growth(async () => {
    socket.write(Q("select i, repeat('x', 100) from generate_series(1, 1000000) i"));
    for (const pause of [1, 100_000, 500_000]) {
      await until(() => seen.rows >= pause);
      socket.pause();
      // The server is held back: nothing piles up in between.
      await eventually(stalled, 'the server waits for its reader');
      socket.resume();
    }
    await until(() => seen.ready === 1);
  });
  expect(seen).toMatchObject({ errors: [], rows: 1_000_000 });
  expect(grown).toBeLessThan(GROWTH);
  socket.destroy();
});
