/** Runs an application's own tests twice: at a database that holds one school alone, as its owner, and through Rowgate as a restricted role, at one that holds two. */
import { spawn } from 'node:child_process';
import { environmentOf } from '../drivers/round.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

type Environment = Readonly<Record<string, string>>;

/** By the test's name: "passed", "skipped", or what went wrong. */
export type TestOutcomes = Readonly<Record<string, string>>;

export interface Application {
  /** Runs the application's command, bounded in time, and gives its standard output. `env` has libpq's variables, and ROWGATE_URL. */
  run(args: readonly string[], env: Environment): Promise<string>;
  /** A policies folder. The role `site` of it cannot be loaded before there are tables; `owner` can. */
  readonly policies: string;
}

export interface Installed {
  /** The database with one school. */
  readonly direct: Environment;
  /** The other one, through Rowgate. */
  readonly guarded: Environment;
  /** Why statements were refused so far: the reasons in its decision log, sorted. */
  refusals(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Installs it by `migrate` and `seed`: directly, and through Rowgate as the unrestricted role `owner`; then closes that way and opens the restricted one's, `site`. */
export async function install(application: Application): Promise<Installed> {
  const databases: FreshDatabase[] = [];
  const guards: TestGuard[] = [];
  const stop = async (): Promise<void> => {
    for (const guard of guards) await guard.stop();
    for (const database of databases) await database.drop();
  };
  try {
    const [own, both] = [await freshDatabase(), await freshDatabase()];
    databases.push(own, both);
    const direct = environmentOf(own.url);
    const { policies } = application;
    // The guard's own account may read and write rows; who migrates needs more.
    const migrator = await both.createLogin();
    await both.query(`GRANT CREATE ON SCHEMA public TO ${migrator.user}`);
    const first = await guardInFrontOf(both, { policies, upstream: () => `{ url: "${migrator.url}" }` });
    guards.push(first);
    const owner = environmentOf(first.url('owner'));
    await Promise.all([
      application.run(['migrate'], direct).then(() => application.run(['seed', '1'], direct)),
      application.run(['migrate'], owner).then(() => application.run(['seed', '1', '2'], owner)),
    ]);
    guards.pop();
    await first.stop();
    const guard = await guardInFrontOf(both, { policies });
    guards.push(guard);
    return {
      direct,
      guarded: environmentOf(guard.url('site')),
      refusals: async () => reasonsIn(await guard.records()),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function reasonsIn(records: readonly Record<string, unknown>[]): string[] {
  const refused = records.filter(({ effect }) => effect === 'refuse');
  return [...new Set(refused.map(({ reason }) => String(reason)))].sort();
}

const TIME_LIMIT_MS = 240_000;

/** Runs a program in a folder; gives its standard output. Throws, with its standard error, where it fails. */
export function runIn(folder: string, command: string, args: readonly string[], env: Environment): Promise<string> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LC_ALL: 'C.UTF-8', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIME_LIMIT_MS,
      killSignal: 'SIGKILL',
    });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', fail);
    child.on('close', (status, signal) => {
      const stdout = Buffer.concat(out).toString();
      if (status === 0) done(stdout);
      else
        fail(
          new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}:\n${Buffer.concat(errors)}${stdout}`),
        );
    });
  });
}
