/** Finds programs that npm does not bring: PostgreSQL's clients, openssl, and script, which gives a terminal. */
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian and its kin keep them, newest version first, before the wrappers on PATH. */
function folders(): string[] {
  let versions: string[] = [];
  try {
    versions = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a));
  } catch {
    // not Debian: PATH alone
  }
  const clients = versions.map((version) => join('/usr/lib/postgresql', version, 'bin'));
  return [...clients, ...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
}

/**
 * Absolute path of a program, or undefined where the machine lacks it: then `describe.skipIf(!path)` shows the tests as skipped.
 * In CI nothing may be skipped: there a missing program is an error.
 */
export function findProgram(
  name:
    | 'psql'
    | 'pgbench'
    | 'openssl'
    | 'script'
    | 'gcc'
    | 'java'
    | 'javac'
    | 'go'
    | 'haproxy'
    | 'pgbouncer'
    | 'pgpool'
    | 'rsyslogd'
    | 'unshare'
    | 'prlimit'
    | 'python3'
    | 'setpriv'
    | 'systemd-analyze'
    | 'sqlsmith'
    | 'ssh-keygen'
    | 'ssh-agent'
    | 'softhsm2-util'
    | 'pkcs11-tool'
    | 'valkey-server'
    | 'perf',
): string | undefined {
  for (const folder of folders()) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not here
    }
  }
  if (process.env.CI) throw new Error(`${name} is not installed`);
  return undefined;
}
