/** Starts the demo's PostgreSQL with the sample database. The command starts the guard. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { canReach, serverAccount } from './account.ts';
import {
  createDatabase,
  createLogin,
  DEMO_SCALE,
  databaseUrl,
  fillDatabase,
  grantRows,
  hasDatabase,
} from './database.ts';
import { refuseIfRunning, startServer } from './server.ts';

const DEMO_DATABASE = 'ent';

export interface DemoOptions {
  /** The folder for everything that the demo makes. */
  readonly folder: string;
  /** Whether to remove what an earlier demo made. */
  readonly fresh: boolean;
  /** Called with what is being made, if that takes time. */
  readonly progress: (what: string) => void;
}

export interface DemoServer {
  /** The guard's own account: it reads and writes rows, and owns nothing. */
  readonly guardUrl: string;
  /** The account that owns the tables, for migrations. */
  readonly owner: { readonly user: string; readonly password: string };
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** Takes seconds the first time, later less than one. Throws if PostgreSQL does not start; AlreadyRuns if it already runs. */
export async function startDemoServer(options: DemoOptions): Promise<DemoServer> {
  const folder = resolve(options.folder);
  const home = await serverFolder(folder);
  await refuseIfRunning(home);
  if (options.fresh) await rm(home, { recursive: true, force: true });
  const server = await startServer({
    folder: home,
    settings: { wal_level: 'minimal', max_wal_senders: '0', max_wal_size: '4GB', maintenance_work_mem: '256MB' },
  });
  try {
    // New at each start: only this process needs to know them.
    const [owner, guard] = [newLogin('ent_owner'), newLogin('rowgate')];
    for (const login of [owner, guard]) await createLogin(server.url, login.user, login.password);
    const database = databaseUrl(server.url, DEMO_DATABASE);
    if (!(await hasDatabase(server.url, DEMO_DATABASE))) {
      await createDatabase(server.url, DEMO_DATABASE, owner.user);
      await fillDatabase(asLogin(database, owner), DEMO_SCALE, options.progress);
    }
    await grantRows(asLogin(database, owner), guard.user);
    return { guardUrl: asLogin(database, guard), owner, ended: server.ended, stop: server.stop };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** In the demo's folder, unless this process is root and PostgreSQL's account cannot get there, as in a checkout under /root. */
async function serverFolder(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  if (canReach(await serverAccount(), folder)) return join(folder, 'postgresql');
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12);
  return join(tmpdir(), `rowgate-demo-${name}`);
}

function newLogin(user: string): { user: string; password: string } {
  return { user, password: randomBytes(18).toString('base64url') };
}

function asLogin(url: string, login: { user: string; password: string }): string {
  const changed = new URL(url);
  changed.username = login.user;
  changed.password = login.password;
  return changed.href;
}
