/**
 * The policies that were in force, beside the log: the text of their files without verifiers, each once, by the hash of what is kept. Records of
 * the kind `policy` name it, so that nobody changes one unseen.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, format, join, parse } from 'node:path';
import type { PolicyFile } from '../../policy/source/document.ts';
import { withoutVerifiers } from './without-verifiers.ts';

/** `sha256:…` */
const KEPT = /^sha256:([0-9a-f]{64})$/;

/** `decisions.policies`, of `decisions.jsonl`: one for all workers. */
export function keptFolder(logFile: string): string {
  const { dir, name } = parse(logFile);
  return format({ dir, base: `${name}.policies` });
}

/**
 * Keeps a policy. @returns its `sha256:…` when it is on the disk; undefined where the log itself is no file beside which something could be kept.
 * Throws where it cannot be written.
 */
export function keepPolicy(logFile: string, files: readonly PolicyFile[]): string | undefined {
  if (statSync(logFile, { throwIfNoEntry: false })?.isFile() === false) return undefined;
  const text = `${JSON.stringify({ files: files.map(withoutVerifiers) }, undefined, 1)}\n`;
  const hex = hexOf(text);
  const folder = keptFolder(logFile);
  const path = join(folder, `${hex}.json`);
  if (isThere(path, hex)) return `sha256:${hex}`;
  if (!existsSync(folder)) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    syncFolder(dirname(folder));
  }
  writeDurably(path, text);
  syncFolder(folder);
  return `sha256:${hex}`;
}

/** What was kept under a hash; or why it cannot be shown. */
export function keptPolicy(folder: string, kept: string): readonly PolicyFile[] | { readonly problem: string } {
  const hex = KEPT.exec(kept)?.[1];
  if (hex === undefined) return { problem: `"${kept}" is no hash of a policy, as sha256:…` };
  const path = join(folder, `${hex}.json`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return { problem: `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
  }
  // What is shown is what the log says was in force.
  if (hexOf(text) !== hex) return { problem: `${path} is not what was kept: it was changed` };
  return (JSON.parse(text) as { files: PolicyFile[] }).files;
}

function isThere(path: string, hex: string): boolean {
  try {
    return hexOf(readFileSync(path, 'utf8')) === hex;
  } catch {
    return false;
  }
}

/** Under another name first: nobody finds half of it, and two workers that keep the same do not meet. */
function writeDurably(path: string, text: string): void {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants;
  const beside = `${path}.${process.pid}`;
  const fd = openSync(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(beside, path);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function hexOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
