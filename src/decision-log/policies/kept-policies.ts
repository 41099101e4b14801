/**
 * The policies that were in force, kept beside the log: the text of their files without password verifiers, each once, by its hash. `policy` records
 * contain the hash, so that no change goes unnoticed.
 */
import { hash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, format, join, parse } from 'node:path';
import { isMap, isScalar, isSeq, type Node, parseDocument, visit } from 'yaml';
import { makeFolder } from '../../net/make-folder.ts';
import type { PolicyFile } from '../../policy/source/document.ts';
import { syncFolder, writeDurably } from '../disk/durably.ts';

const KEPT = /^sha256:([0-9a-f]{64})$/;

/** `decisions.policies`, for `decisions.jsonl`: shared by all workers. */
export function keptFolder(logFile: string): string {
  const { dir, name } = parse(logFile);
  return format({ dir, base: `${name}.policies` });
}

/**
 * Keeps a policy. @returns its `sha256:…` when it is on disk; undefined if the log is not a regular file, so that nothing can be kept beside it.
 * Throws if it cannot be written.
 */
export function keepPolicy(logFile: string, files: readonly PolicyFile[]): string | undefined {
  if (statSync(logFile, { throwIfNoEntry: false })?.isFile() === false) return undefined;
  const text = `${JSON.stringify({ files: files.map(withoutVerifiers) }, undefined, 1)}\n`;
  const hex = hash('sha256', text);
  const folder = keptFolder(logFile);
  const path = join(folder, `${hex}.json`);
  if (isThere(path, hex)) return `sha256:${hex}`;
  if (!existsSync(folder)) {
    makeFolder(folder, 0o700);
    syncFolder(dirname(folder));
  }
  writeDurably(path, text);
  syncFolder(folder);
  return `sha256:${hex}`;
}

/** The policy that was kept under a hash; or why it cannot be shown. */
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
  // The hash from the log proves that this policy was in force.
  if (hash('sha256', text) !== hex) return { problem: `${path} is not what was kept: it was changed` };
  return (JSON.parse(text) as { files: PolicyFile[] }).files;
}

function isThere(path: string, hex: string): boolean {
  try {
    return hash('sha256', readFileSync(path, 'utf8')) === hex;
  } catch {
    return false;
  }
}

/** The text of a policy file as it may be kept beside the log: without secrets, and without what a password could be guessed from. */
const REMOVED = '(removed)';

/** Keys with a secret, or a value derived from one, at any depth. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'passwords', 'secret', 'secrets', 'token_secret']);

/** Removed in every part of a file, also in comments. */
const VERIFIERS = [/SCRAM-SHA-256\$[^\s"',[\]{}]*/g, /hmac:[A-Za-z0-9_-]+/g, /\bmd5[0-9a-f]{32}\b/g];
/** A password in a comment is still a secret. */
const COMMENTED_OUT = /(^|\s)#.*(?:passw|secret|verifier|scram).*$/gim;

/** A file that is not valid YAML is never in force, and its secrets cannot be located: nothing of it is kept. */
export function withoutVerifiers({ path, text }: PolicyFile): PolicyFile {
  const ranges = secretRanges(text);
  if (!ranges) return { path, text: '# (not kept: this is no YAML, and was not in force)\n' };
  let kept = text;
  for (const [start, end] of ranges.toSorted(([a], [b]) => b - a))
    kept = kept.slice(0, start) + REMOVED + kept.slice(end);
  for (const verifier of VERIFIERS) kept = kept.replace(verifier, REMOVED);
  return { path, text: kept.replace(COMMENTED_OUT, `$1# ${REMOVED}`) };
}

type Range = readonly [start: number, end: number];

/** The positions of values to remove; undefined if the text is not YAML. */
function secretRanges(text: string): Range[] | undefined {
  const ranges: Range[] = [];
  try {
    const document = parseDocument(text, { uniqueKeys: false, merge: false, schema: 'core', version: '1.2' });
    if (document.errors.length > 0) return undefined;
    visit(document, {
      Pair(_, { key, value }) {
        if (!isScalar(key) || !SECRETS.has(String(key.value).toLowerCase())) return undefined;
        addScalars(value as Node | null, text, ranges);
        return visit.SKIP;
      },
    });
  } catch {
    return undefined; // nested deeper than the parser can go
  }
  return ranges;
}

/** Lists and mappings keep their structure, which shows how many values there are. */
function addScalars(value: Node | null, text: string, ranges: Range[]): void {
  if (isSeq(value)) for (const item of value.items) addScalars(item as Node | null, text, ranges);
  else if (isMap(value)) for (const { value: inside } of value.items) addScalars(inside as Node | null, text, ranges);
  else if (value?.range) {
    const [start, end] = value.range;
    ranges.push([start, start + text.slice(start, end).trimEnd().length]);
  }
}
