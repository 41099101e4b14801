/** The parts of the trials of the state: a database of people, the policies, and guards as processes of their own. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askGuard } from '../../../src/operations/control/client.ts';
import type { ShownLimits } from '../../../src/operations/control/commands/limits.ts';
import type { ShownLock } from '../../../src/operations/control/commands/locks.ts';
import type { ControlReply } from '../../../src/operations/control/protocol.ts';
import { verifierOf } from '../../proxy/support.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { type Served, serve } from '../../workers/served.ts';
import { PUPILS, SCALE } from './scale.ts';

const { people, rows, statements } = SCALE;

const ROLE = `role: pager
scope: { pupil: all }
tables:
  pupils: { select: { columns: [id, name] } }
  rooms: { select: { columns: [id, name] }, update: { columns: [name] } }
limits:
  rows: ${rows} per hour
  statements: ${statements} per hour
  subjects: { pupil: ${people} per hour }
`;

/** Each trial has its own principal, with a full budget. */
const PAGERS = 12;
/** A principal that is locked by hand, while others work. */
const LOCKED = 'locked';
const SOCKET = 'control.sock';

export interface LimitUsage {
  readonly database: FreshDatabase;
  /** Ends with the stand, unless it has ended before. */
  guard(configuration: string): Promise<Served>;
  newPager(): string;
  stop(): Promise<void>;
}

export async function openStand(): Promise<LimitUsage> {
  const database = await freshDatabase();
  await database.query(`
    CREATE TABLE pupils (id integer PRIMARY KEY, name text NOT NULL);
    CREATE TABLE rooms (id integer PRIMARY KEY, name text NOT NULL);
    INSERT INTO rooms SELECT n, 'room ' || n FROM generate_series(1, 200) n;
    INSERT INTO pupils SELECT n, 'pupil ' || n FROM generate_series(1, ${PUPILS}) n;
    ANALYZE`);
  const policies = await mkdtemp(join(tmpdir(), 'rowgate-chaos-policies-'));
  await mkdir(join(policies, 'roles'));
  await writeFile(join(policies, 'roles', 'pager.yaml'), ROLE);
  await writeFile(join(policies, 'subjects.yaml'), 'subjects: { pupil: { keys: [pupils.id] } }\n');
  const names = [LOCKED, ...Array.from({ length: PAGERS }, (_, i) => `pager${i}`)];
  const principals = names.map(
    async (name) => `  ${name}: { role: pager, password: "${await verifierOf(`demo-${name}`)}" }\n`,
  );
  await writeFile(join(policies, 'principals.yaml'), `principals:\n${(await Promise.all(principals)).join('')}`);
  const guards: Served[] = [];
  let pagers = 0;
  return {
    database,
    async guard(configuration) {
      const guard = await serve(database, `control: { path: ${SOCKET} }\n${configuration}`, {}, policies);
      guards.push(guard);
      return guard;
    },
    newPager: () => `pager${pagers++}`,
    async stop() {
      await Promise.all(guards.map((guard) => guard.stop()));
      await database.drop();
      await rm(policies, { recursive: true, force: true });
    },
  };
}

/** The charges of a principal, over all guards that share the state. */
export interface Used {
  readonly people: number;
  readonly rows: number;
  readonly statements: number;
}

export async function usedOf(guard: Served, principal: string): Promise<Used> {
  const reply = await command(guard, 'limits.show', { principal });
  if (!reply.ok) throw new Error(reply.error.message);
  const { limits } = reply.result as ShownLimits;
  const used = (name: string): number => limits.find((limit) => limit.name.includes(name))?.used ?? Number.NaN;
  return { people: used('pupil'), rows: used('rows'), statements: used('statements') };
}

export function lock(guard: Served): Promise<ControlReply> {
  return command(guard, 'locks.add', { principal: LOCKED, reason: 'a laptop was stolen' });
}

export function release(guard: Served): Promise<ControlReply> {
  return command(guard, 'locks.release', { principal: LOCKED, reason: 'it was found' });
}

/** Whether the guard says so of who was locked out by hand. */
export async function isLocked(guard: Served): Promise<boolean> {
  const reply = await command(guard, 'locks.list', {});
  if (!reply.ok) throw new Error(reply.error.message);
  return (reply.result as { locks: readonly ShownLock[] }).locks.some(({ principal }) => principal === LOCKED);
}

/** A session of the principal that will be locked. `ended`: resolves with the time at which it ended. */
export async function watchLock(guard: Served): Promise<{ readonly ended: Promise<number> }> {
  const client = await guard.connect(LOCKED);
  return { ended: new Promise((done) => client.once('end', () => done(performance.now()))) };
}

function command(guard: Served, name: string, given: Record<string, unknown>): Promise<ControlReply> {
  return askGuard(join(guard.folder, SOCKET), { command: name, arguments: given });
}
