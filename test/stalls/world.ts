/**
 * A guard in its own process with a watched event loop, and a client in another that asks `select 1` all the time. A busy machine makes that client
 * wait as well: what counts is how much the guard has worked meanwhile on anything else.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import { keySet, makeKey } from '../identity/issuer.ts';
import { makeCertificates } from '../proxy/certificates.ts';
import { rawLogin } from '../proxy/raw-client.ts';
import { freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';
import { type Served, serve } from '../workers/served.ts';
import { TOKENS } from './floods.ts';

const VIEWS = `
  create view pupils as select s.id, s.first_name, s.last_name, s.class_id, s.school_id, c.name as class
    from students s join classes c on c.id = s.class_id;
  create view marks as select g.student_id, g.subject, g.mark, p.last_name, p.class
    from grades g join pupils p on p.id = g.student_id;
  create view missed as select a.id, a.student_id, a.day, m.subject, m.mark, m.class
    from absences a join marks m on m.student_id = a.student_id;
  create view files as select p.id, p.first_name, m.day, m.subject, m.mark, k.mark as other
    from pupils p join missed m on m.student_id = p.id join marks k on k.student_id = p.id;
  create table notes (id int, text text);`;

/** Without them the views are withheld. */
const VIEW_KEYS = 'pupils.id, marks.student_id, missed.student_id, files.id';

const REPORTS = `role: reports
attributes: { school_id: integer }
scope: { student: school_id = :school_id }
tables:
  students: { select: { columns: [id, first_name, last_name, class_id, school_id] } }
  absences: { rows: "day >= date '2026-09-01'", select: { columns: [id, student_id, day, half_day] } }
  grades: { select: { columns: [id, student_id, subject, mark] } }
  classes: { select: { columns: "*", rows: school_id = :school_id } }
  teachers: { select: { columns: [id, last_name, school_id], rows: school_id = :school_id } }
  pupils: { select: { columns: [id, first_name, last_name, class_id, school_id], rows: school_id = :school_id } }
  marks: { select: { columns: [student_id, subject, mark] } }
  missed: { select: { columns: [id, student_id, day, subject, mark] } }
  files: { select: { columns: [id, first_name, day, subject, mark] } }
  notes: { select: { columns: "*" }, insert: { columns: "*" } }
statements: [copy_from, copy_to]
limits: { rows_per_statement: 5000 }
`;

/** The same, with people counted. */
const COUNTED = REPORTS.replace('role: reports', 'role: counted').replace(
  'limits: {',
  'limits: { subjects: { student: 100000000 per day },',
);

/** Who floods: of a role whose people are counted, for which the guard does all that it does for others; in the long run of one without limits over time, too. */
export type Flooder = 'office' | 'canteen';
const ALL_FLOODERS: readonly (readonly [string, Flooder])[] = [
  ['of which people are counted', 'canteen'],
  ['without limits over time', 'office'],
];
export const FLOODERS = process.env.ROWGATE_LONG === '1' ? ALL_FLOODERS : ALL_FLOODERS.slice(0, 1);

/** Added after the sample's principals. */
const TOKEN_LOGIN = `
  tokens:
    role: statistics
    token: { issuer: "${TOKENS.issuer}", keys: stalls.jwks.json, user: sub, login: { scope: openid, users: "*@school.example" } }
`;

export interface Waited {
  /** Milliseconds that a `select 1` took at most. */
  readonly slowest: number;
  /** For how many milliseconds the guard worked, at most, between such a question and its answer. */
  readonly worked: number;
  /** The same for the time in which the guard's event loop did not turn. */
  readonly turn: number;
}

export interface World {
  /** A connection that has logged in, of the principal that floods. */
  client(as?: Flooder): Promise<Socket>;
  /** A connection that has not logged in. */
  stranger(): Socket;
  /** Asks for `ms` milliseconds. */
  wait(ms: number): Promise<Waited>;
  stop(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const database = await freshDatabase();
  await seedSmall(database.url);
  await database.query(VIEWS);
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-stalls-'));
  const policies = join(folder, 'policies');
  await samplesWithoutBudgets(policies);
  await writeFile(join(policies, 'roles/reports.yaml'), REPORTS);
  await writeFile(join(policies, 'roles/counted.yaml'), COUNTED);
  const subjects = join(policies, 'subjects.yaml');
  await writeFile(subjects, (await readFile(subjects, 'utf8')).replace('keys: [', `keys: [${VIEW_KEYS}, `));
  const principals = join(policies, 'principals.yaml');
  const text = await readFile(principals, 'utf8');
  const roles = text.replace('role: school_office', 'role: reports').replace('role: canteen_vendor', 'role: counted');
  await writeFile(principals, roles + TOKEN_LOGIN);
  await writeFile(join(policies, 'stalls.jwks.json'), keySet(makeKey('ES256', TOKENS.kid)));
  const { server } = makeCertificates();
  const clock = join(folder, 'clock');
  const environment = {
    NODE_OPTIONS: `--import ${resolve(import.meta.dirname, 'loop-clock.js')}`,
    ROWGATE_LOOP_CLOCK: clock,
  };
  const tls = `tls: { cert: ${server.cert}, key: ${server.key}, required: false }`;
  // Many at a time, so that slow answers keep no other login out.
  const configuration = `log: { file: ./log.jsonl, level: error }\n${tls}\nlimits: { logins: 10000, logins_per_address: 5000 }`;
  const served = await serve(database, configuration, environment, policies);
  const other = await probe(served);
  const sockets = new Set<Socket>();
  const kept = (socket: Socket): Socket => {
    socket.on('error', () => {});
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    return socket;
  };
  if (served.output.stderr.includes('error')) throw new Error(served.output.stderr);
  return {
    async client(as = 'office') {
      const { socket, reader } = await rawLogin(served.port, as, `demo-${as}`, served.database);
      reader.detach();
      return kept(socket);
    },
    stranger: () => kept(connect({ port: served.port, host: '127.0.0.1' })),
    async wait(ms) {
      await turns(clock);
      return waited(await other.ask(ms), await turns(clock));
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await end(other.child);
      await served.stop();
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function probe({ url }: Served): Promise<{ child: ChildProcess; ask: (ms: number) => Promise<Asked[]> }> {
  const child = spawn(process.execPath, [resolve(import.meta.dirname, 'probe.js'), url('statistics')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  await lines.next();
  const ask = async (ms: number): Promise<Asked[]> => {
    child.stdin.write(`${ms}\n`);
    return JSON.parse((await lines.next()).value);
  };
  return { child, ask };
}

/** When a question was sent, and when the answer had come: milliseconds on the machine's steady clock. */
type Asked = readonly [began: number, ended: number];

/** When each turn began, on the same clock, and how many milliseconds the process had worked before. */
type Turns = readonly (readonly [at: number, worked: number])[];

/** The turns since the last call. */
async function turns(path: string): Promise<Turns> {
  const chunks: Buffer[] = [];
  for await (const chunk of connect(path)) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
}

function waited(asked: readonly Asked[], turns: Turns): Waited {
  // Between the turns around it, which is at least what it did within.
  const workedWithin = ([began, ended]: Asked): number => {
    const [, before] = turns.findLast(([at]) => at <= began) ?? turns[0]!;
    const [, behind] = turns.find(([at]) => at >= ended) ?? turns.at(-1)!;
    return Math.min(ended - began, behind - before);
  };
  const turned = turns.slice(1).map(([at, worked], i) => Math.min(at - turns[i]![0], worked - turns[i]![1]));
  return {
    slowest: Math.max(...asked.map(([began, ended]) => ended - began)),
    worked: Math.max(...asked.map(workedWithin)),
    turn: Math.max(...turned),
  };
}

/** Milliseconds of processor time that the work below takes on the machine on which the bounds were set. */
const REFERENCE_MS = 16;

/** How many times as long as that machine this one takes: 1 where it is as quick, or quicker. */
export function slowness(): number {
  const tries = Array.from({ length: 7 }, () => {
    const before = process.cpuUsage();
    const words = Array.from({ length: 20_000 }, (_, i) => `word ${(i * 7_919) % 20_011}`);
    const places = new Map(words.map((word, i) => [word, i]));
    const sorted = [...words].sort();
    JSON.parse(JSON.stringify(sorted.map((word) => [word, places.get(word)])));
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return Math.max(1, Math.min(...tries) / REFERENCE_MS);
}

/** The first message of a TLS client that means to speak to a guard. */
export async function clientHello(): Promise<Buffer> {
  const listener = createServer((socket) => socket.on('error', () => {}));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection');
  const client = connectTls({
    port: (listener.address() as AddressInfo).port,
    host: '127.0.0.1',
    ALPNProtocols: ['postgresql'],
  });
  client.on('error', () => {});
  const [socket] = (await accepted) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  client.destroy();
  socket.destroy();
  listener.close();
  return bytes;
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
