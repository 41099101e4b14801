/** Looks up the names of this host's users and groups by number, and groups by name. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const WITHIN_MS = 2_000;

/** `ines`, or `uid 1001` if the host knows no name. `getent` covers every source of the host: files, LDAP. */
export async function userName(uid: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', String(uid)], { timeout: WITHIN_MS });
    const [name, , id] = stdout.split('\n')[0]?.split(':') ?? [];
    // `getent` also finds a user with digits for a name: the number must match.
    return name && id === String(uid) ? name : `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}

/** Whether `userName` found no name. */
export function isNameless(user: string): boolean {
  return /^uid [0-9]+$/.test(user);
}

/** Throws if there is no such group. */
export function groupId(name: string): number {
  if (/^[0-9]+$/.test(name)) return Number(name);
  const line = execFileSync('getent', ['group', name], { encoding: 'utf8', timeout: WITHIN_MS, stdio: 'pipe' });
  return Number(line.split(':')[2]);
}
