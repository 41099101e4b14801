/** A guard as a process of its own, as an operator runs it: `rowgate serve`, with a configuration, policies and a decision log. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { formatVerifier, makeVerifier } from '../../../src/protocol/scram-verifier.ts';
import { ended } from './program.ts';
import type { Database } from './world.ts';

/**
 * `headline`: row filter, mask, every kind of limit; `restricted`: the same without limits; `unrestricted`. All are recorded.
 * Others come from `prepare`.
 */
type Principal = 'headline' | 'restricted' | 'unrestricted' | (string & {});

export interface ServedGuard {
  readonly pid: number;
  readonly configFile: string;
  url(principal: Principal): string;
  stop(): Promise<void>;
}

export interface GuardOptions {
  /** Further lines of its `rowgate.yaml`. */
  readonly configuration?: string;
  /** Further keys of its `log`. */
  readonly logging?: string;
  /** Options of Node before the command. */
  readonly node?: readonly string[];
  /** `dist/cli/main.js` of another build; absent: of this one. */
  readonly command?: string | undefined;
  /** Changes its policies before it starts. @param password of every principal, as policies keep it. */
  readonly prepare?: (policies: string, password: string) => Promise<void>;
}

const COMMAND = resolve(import.meta.dirname, '../../../dist/cli/main.js');
const PASSWORD = 'bench';
/** More than are ever measured, for all come from one address. */
const LIMITS = 'limits: { connections: 2500, connections_per_address: 2500, logins: 2500, logins_per_address: 2500 }';

export async function serve(database: Database, options: GuardOptions = {}): Promise<ServedGuard> {
  const { configuration = '', logging, node = [], command = COMMAND, prepare } = options;
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-bench-guard-'));
  const configFile = join(folder, 'rowgate.yaml');
  const policies = join(folder, 'policies');
  const password = formatVerifier(await makeVerifier(PASSWORD, Buffer.from('0123456789abcdef')));
  await cp(resolve(import.meta.dirname, 'policies'), policies, { recursive: true });
  await writeFile(join(policies, 'principals.yaml'), principals(password));
  await prepare?.(policies, password);
  const upstream = `upstream: { url: "${database.account.url}" }`;
  await writeFile(
    configFile,
    `listen: 127.0.0.1:0\n${upstream}\nlog: { file: ./decisions.jsonl${logging === undefined ? '' : `, ${logging}`} }\n${LIMITS}\n${configuration}\n`,
  );
  const child = spawn(process.execPath, [...node, command, 'serve', '--config', configFile], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    await ended(child, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  };
  let said = '';
  const listening = new Promise<string>((done, fail) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        said = `${said}${chunk}`.slice(-4000);
        const port = /rowgate listens on 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (port !== undefined) done(port);
      });
    }
    child.once('exit', () => fail(new Error(`the guard did not start: ${said}`)));
  });
  const port = await listening.catch(async (error) => {
    await stop();
    throw error;
  });
  const url = (principal: string) => `postgres://${principal}:${PASSWORD}@127.0.0.1:${port}/${database.name}`;
  return { pid: child.pid!, configFile, url, stop };
}

function principals(password: string): string {
  const attributes = 'attributes: { branches: 10 }';
  return `principals:
  headline: { role: headline, ${attributes}, password: "${password}" }
  restricted: { role: restricted, ${attributes}, password: "${password}" }
  unrestricted: { role: unrestricted, password: "${password}" }
`;
}
