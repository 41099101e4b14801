/**
 * Compresses closed files in a separate process of the lowest priority, so that the guard does not wait for it. The plain file is removed only after
 * the compressed one is on disk and was read back.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { setPriority } from 'node:os';
import { dirname } from 'node:path';
import { syncFolder } from '../disk/durably.ts';

/** An unfinished file. One that an ended guard left is written again. */
const PART = '.part';
const LOWEST_PRIORITY = 19;

/** Code as text, for `node -e`: a process that loads nothing else starts fast. */
const COMPRESS = `
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const { pipeline } = require('node:stream/promises');
const zlib = require('node:zlib');
const [from, to] = process.argv.slice(1);
const digest = async (path, ...through) => {
  const hash = createHash('sha256');
  await pipeline(fs.createReadStream(path), ...through, hash);
  return hash.digest('hex');
};
(async () => {
  fs.rmSync(to, { force: true });
  await pipeline(fs.createReadStream(from), zlib.createGzip(), fs.createWriteStream(to, { flags: 'wx', mode: 0o600 }));
  const fd = fs.openSync(to, 'r+');
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  if ((await digest(from)) !== (await digest(to, zlib.createGunzip()))) throw new Error('it reads back otherwise');
})().catch((error) => { console.error(error.message); process.exit(1); });
`;

const UNPACK = `
const fs = require('node:fs');
const [from, to] = process.argv.slice(1);
fs.rmSync(to, { force: true });
require('node:stream').pipeline(fs.createReadStream(from), require('node:zlib').createGunzip(),
  fs.createWriteStream(to, { flags: 'wx', mode: 0o600 }), (error) => { process.exitCode = error ? 1 : 0; });
`;

/**
 * Resolves when `path` is replaced by its compressed form, on disk; rejects if it was left unchanged. `started`: gets the process, to end it early.
 */
export function compress(path: string, started: (child: ChildProcess) => void): Promise<void> {
  const part = `${path}.gz${PART}`;
  const child = spawn(process.execPath, ['-e', COMPRESS, path, part], { stdio: ['ignore', 'ignore', 'pipe'], env: {} });
  child.unref();
  started(child);
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((done, failed) => {
    child.once('error', failed);
    child.once('spawn', () => lower(child));
    child.once('close', (code) => {
      if (code !== 0) {
        rmSync(part, { force: true });
        failed(new Error(said.trim() || 'the process has ended'));
        return;
      }
      try {
        renameSync(part, `${path}.gz`);
        syncFolder(dirname(path));
        rmSync(path);
        done();
      } catch (error) {
        failed(error as Error);
      }
    });
  });
}

/** Decompresses a file temporarily, for one use. */
export function unpacked<T>(path: string, ask: (plain: string) => T): T {
  const plain = `${path}${PART}`;
  try {
    const { status } = spawnSync(process.execPath, ['-e', UNPACK, path, plain], { stdio: 'ignore', env: {} });
    if (status !== 0) throw new Error(`${path} cannot be unpacked`);
    return ask(plain);
  } finally {
    rmSync(plain, { force: true });
  }
}

function lower({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) setPriority(pid, LOWEST_PRIORITY);
  } catch {
    // already ended
  }
}
