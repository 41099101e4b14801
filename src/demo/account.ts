/** Chooses the operating system account for PostgreSQL's processes, which refuse to run as root; what they then may reach is asked here too. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** As `spawn` takes it; empty for an ordinary user, who runs PostgreSQL as himself. */
export interface SystemAccount {
  readonly uid?: number;
  readonly gid?: number;
}

/** Accounts without rights of their own that systems have; initdb wants one with an entry in /etc/passwd. */
const CANDIDATES = ['postgres', 'nobody'];

/** For root an account without rights, for everybody else no change. Throws where root has none to give. */
export async function serverAccount(): Promise<SystemAccount> {
  if (process.getuid?.() !== 0) return {};
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  for (const name of CANDIDATES) {
    const entry = lines.find((fields) => fields[0] === name);
    if (entry) return { uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error(`PostgreSQL does not run as root, and there is no account ${CANDIDATES.join(' or ')} to run it as`);
}

/** Whether the account can open `path`: every folder above it counts, so the operating system is asked, not the mode. */
export function canReach(account: SystemAccount, path: string): boolean {
  const test = spawnSync('/bin/sh', ['-c', 'test -r "$1" && test -x "$1"', 'sh', path], { ...account, cwd: '/' });
  return test.status === 0;
}
