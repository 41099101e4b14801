/** Reads the policies folder. `policy/` parses the files. */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../core/error-text.ts';
import type { PolicyFile } from '../policy/source/document.ts';

/** The folder or a file in it cannot be read; the message names the path, for the DBA. */
export class PolicyFolderError extends Error {}

/**
 * All `*.yaml` in the folder and below except `*.test.yaml`, with paths relative to it (with `/`), sorted. Hidden files and folders are skipped
 * (Kubernetes keeps older versions in them). Throws PolicyFolderError if a file that may be policy cannot be read.
 */
export async function readPolicyFolder(folder: string): Promise<PolicyFile[]> {
  const paths = await yamlPaths(folder, '', (name) => !isTest(name));
  if (paths.length === 0) throw new PolicyFolderError(`policies folder "${folder}" holds no *.yaml file`);
  return read(folder, paths);
}

/** The tests beside the policies: all `*.test.yaml`, in the same form as `readPolicyFolder`. */
export async function readTestFiles(folder: string): Promise<PolicyFile[]> {
  return read(folder, await yamlPaths(folder, '', isTest));
}

function isTest(name: string): boolean {
  return name.endsWith('.test.yaml');
}

function read(folder: string, paths: readonly string[]): Promise<PolicyFile[]> {
  return Promise.all(paths.map(async (path) => ({ path, text: await readText(join(folder, path), path) })));
}

async function yamlPaths(folder: string, below: string, wanted: (name: string) => boolean): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await list(join(folder, below))).sort()) {
    if (name.startsWith('.')) continue;
    const path = below === '' ? name : `${below}/${name}`;
    // Links are followed: a mounted policy is often a link.
    if (await isFolder(join(folder, path), path)) found.push(...(await yamlPaths(folder, path, wanted)));
    else if (name.endsWith('.yml')) {
      // A policy file must never be skipped silently.
      throw new PolicyFolderError(`"${path}" would not be read: name policy files *.yaml`);
    } else if (name.endsWith('.yaml') && wanted(name)) found.push(path);
  }
  return found;
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw new PolicyFolderError(`could not read policies folder "${folder}": ${reason(error)}`);
  }
}

async function isFolder(file: string, path: string): Promise<boolean> {
  try {
    return (await stat(file)).isDirectory();
  } catch (error) {
    throw new PolicyFolderError(`could not read "${path}": ${reason(error)}`);
  }
}

/** What is not UTF-8 comes as U+FFFD, which `PolicyDocument` reports with its place. */
async function readText(file: string, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await bytesOf(file));
  } catch (error) {
    throw new PolicyFolderError(`could not read "${path}": ${reason(error)}`);
  }
}

/** Opening a pipe waits for its writer, perhaps for ever: no policy would be read again, and the process could not end. */
async function bytesOf(file: string): Promise<Uint8Array> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if ((await handle.stat()).isFile()) return await handle.readFile();
  } finally {
    await handle.close();
  }
  throw new Error('not a file');
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  switch (code) {
    case 'ENOENT':
      return 'no such file or directory';
    case 'EACCES':
      return 'permission denied';
    case 'ENOTDIR':
      return 'not a directory';
    case 'ELOOP':
      return 'a link that leads to itself';
    default:
      return code ?? reasonOf(error);
  }
}
