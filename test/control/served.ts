/** A running guard, and the command beside it as an operator calls it. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { askGuard } from '../../src/operations/control/client.ts';
import type { ControlReply } from '../../src/operations/control/protocol.ts';
import { verifierOf } from '../proxy/support.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { type Served, serve } from '../workers/served.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Operated extends Served {
  /** Runs `rowgate …` in the guard's folder, in the name of `sudoUser` or of the present user. */
  rowgate(words: readonly string[], sudoUser?: string): Promise<Said>;
  /** Sends a command's request, without the time that a process takes to start. */
  ask(command: string, given?: Record<string, unknown>, behalf?: string): Promise<ControlReply>;
  /** The same, with its result. Throws if it was refused. */
  done<T = Record<string, unknown>>(command: string, given?: Record<string, unknown>, behalf?: string): Promise<T>;
  /** Puts a file of the policies in the place of the one there. */
  policy(name: string, text: string): Promise<void>;
  /** Records of a kind. */
  recorded(kind: string): Promise<Record<string, unknown>[]>;
}

export const VENDOR = `role: vendor
scope: { student: school_id = 1 }
tables:
  students: { select: { columns: [id, first_name, class_id] } }
  classes: { select: { columns: "*" } }
limits:
  rows: [2000 per hour, 9000 per day warn]
  bytes: 20 MB per hour
  subjects: { student: 300 per day }
`;

/** With one principal, `vendor`. */
export async function operate(database: FreshDatabase, configuration: string): Promise<Operated> {
  const policies = await vendorPolicies();
  try {
    return await operateWith(policies, database, configuration);
  } finally {
    await rm(policies, { recursive: true });
  }
}

async function vendorPolicies(): Promise<string> {
  const policies = await mkdtemp(join(tmpdir(), 'rowgate-test-policies-'));
  await mkdir(join(policies, 'roles'));
  await writeFile(join(policies, 'roles/vendor.yaml'), VENDOR);
  await writeFile(join(policies, 'subjects.yaml'), 'subjects: { student: { keys: [students.id] } }\n');
  const verifier = await verifierOf('demo-vendor');
  await writeFile(
    join(policies, 'principals.yaml'),
    `principals:\n  vendor: { role: vendor, password: "${verifier}" }\n`,
  );
  return policies;
}

/** `policies`: a folder, which is copied. */
export async function operateWith(policies: string, database: FreshDatabase, configuration: string): Promise<Operated> {
  const served = await serve(database, configuration, {}, policies);
  const rowgate = (words: readonly string[], sudoUser?: string): Promise<Said> =>
    new Promise((done) => {
      const { SUDO_USER, ...environment } = process.env;
      const env = { ...environment, ...(sudoUser !== undefined && { SUDO_USER: sudoUser }) };
      const options = { cwd: served.folder, env, encoding: 'utf8', timeout: 120_000 } as const;
      execFile(process.execPath, [MAIN, ...words], options, (error, stdout, stderr) => {
        done({ code: error ? Number(error.code) : 0, stdout, stderr });
      });
    });
  const ask: Operated['ask'] = (command, given = {}, behalf) =>
    askGuard(join(served.folder, 'rowgate.sock'), {
      command,
      arguments: given,
      ...(behalf !== undefined && { behalf }),
    });
  return {
    ...served,
    rowgate,
    ask,
    async done<T>(command: string, given?: Record<string, unknown>, behalf?: string) {
      const reply = await ask(command, given, behalf);
      if (!reply.ok) throw new Error(`${command}: ${reply.error.message}`);
      return reply.result as T;
    },
    policy: (name, text) => writeFile(join(served.folder, 'policies', name), text),
    async recorded(kind) {
      const all = Object.values(await served.records()).flat();
      return all.filter((record) => record.kind === kind);
    },
  };
}
