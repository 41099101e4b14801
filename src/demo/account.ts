/** Chooses the operating system account for PostgreSQL's processes, which refuse to run as root, and checks what that account can read. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** As `spawn` takes it; empty for an ordinary user, who runs PostgreSQL under their own account. */
export interface SystemAccount {
  readonly uid?: number;
  readonly gid?: number;
}

/** Unprivileged accounts that systems have; initdb needs one with an entry in /etc/passwd. */
const CANDIDATES = ['postgres', 'nobody'];

/** For root an unprivileged account, otherwise no change. Throws if root finds none. */
export async function serverAccount(): Promise<SystemAccount> {
  if (process.getuid?.() !== 0) return {};
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const entry = lines.find((fields) => fields[0] === name);
    if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error(`PostgreSQL does not run as root, and there is no account ${CANDIDATES.join(' or ')} to run it as`);
}

/** Whether the account can open `path`. Every folder above counts, so the operating system is asked, not the file mode. */
export function canReach(account: SystemAccount, path: string): boolean {
  const test = spawnSync('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], { ...account, cwd: '/' });
  return test.status === 0;
}
