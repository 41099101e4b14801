/** The names of users and groups of this host, by their numbers and the other way round. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

const WITHIN_MS = 2_000;

/** `ines`, or `uid 1001` where the host knows no name. `getent` asks whatever the host asks: files, LDAP. */
export async function userName(uid: number): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('getent', ['passwd', String(uid)], { timeout: WITHIN_MS });
    const [name, , id] = stdout.split('\n')[0]?.split(':') ?? [];
    // A user who is called like a number is found by it as well.
    return name && id === String(uid) ? name : `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}

/** Whether `userName` found none. */
export function isNameless(user: string): boolean {
  return /^uid [0-9]+$/.test(user);
}

/** Throws where there is no such group. */
export function groupId(name: string): number {
  if (/^[0-9]+$/.test(name)) return Number(name);
  const line = execFileSync('getent', ['group', name], { encoding: 'utf8', timeout: WITHIN_MS, stdio: 'pipe' });
  return Number(line.split(':')[2]);
}
