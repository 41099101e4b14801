/** The files of one writer, read and judged. */
import { missingSeals, unsealedEnd } from './counter.ts';
import type { FileScan } from './file-scan.ts';
import type { VerifiedFile } from './files.ts';
import type { Finding, Note } from './finding.ts';
import { judge } from './judge.ts';
import type { KeyRing } from './keys.ts';
import { scanFile } from './scan.ts';
import type { SealReader } from './seals.ts';
import type { SignedHeads } from './signed-heads.ts';

const MOST_TRIES = 20;

export interface ScannedFile {
  readonly file: VerifiedFile;
  readonly scan: FileScan;
  /** Lowest and highest number in it; absent if it holds no record. */
  readonly range?: { readonly first: number; readonly last: number };
}

export interface Writer {
  /** Of its open file. */
  readonly name: string;
  /** Undefined if nothing tells it. */
  readonly chain: string | undefined;
  /** All names of its guard, the newest last. */
  readonly guards: readonly string[];
  /** Files of the chain. */
  readonly files: readonly ScannedFile[];
  /** The present names. */
  readonly list: () => readonly VerifiedFile[];
  readonly first: number;
  readonly last: number;
  /** The last record before the first file, according to that file. */
  readonly previous: { readonly seq: number; readonly hash: string } | undefined;
  readonly seal: SealReader['last'];
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
}

/** Throws ENOENT if a closed file was removed since it was listed. @param list the present names. */
export async function readWriter(
  name: string,
  list: () => readonly VerifiedFile[],
  keys: KeyRing,
  pins: SignedHeads,
  longestUnsealedMs: number,
): Promise<Writer> {
  const findings: Finding[] = [];
  const notes: Note[] = [];
  const scanned = await scanAll(list, keys, pins);
  const chain = mostFrequent(scanned.flatMap(({ scan }) => scan.segments[0]?.chain ?? []));
  const own = scanned.filter(({ file, scan }) => {
    const [segment] = scan.segments;
    if (!segment || segment.chain === chain) return true;
    findings.push({ kind: 'foreign-file', file: file.name, message: `it is of another chain, ${segment.chain}` });
    return false;
  });
  // INVARIANT 263: what has nothing to verify is not found to be whole.
  if (scanned.every(({ scan }) => scan.items.length === 0))
    findings.push({ kind: 'cut', file: name, message: 'it holds no record' });
  const scans = own.map(({ scan }) => scan);
  for (const { file, rest } of scans) {
    const message = 'the last line is not whole: it is being written, or was torn off by a crash';
    if (rest > 0) notes.push({ kind: 'unfinished', file, message });
  }
  if (scanned.at(-1)?.file.first !== undefined) {
    const message = 'there is no such file: the guard ended while it closed the one before, or it was deleted';
    notes.push({ kind: 'no-open-file', file: name, message });
  }
  const judgement = judge(scans);
  const ranges = own.flatMap(({ range }) => range ?? []);
  return {
    name,
    chain,
    guards: scans.flatMap(({ guard }) => guard ?? []),
    files: own,
    list,
    first: Math.min(...ranges.map(({ first }) => first)),
    last: Math.max(...ranges.map(({ last }) => last)),
    previous: scans.flatMap(({ segments }) => segments)[0]?.previous,
    seal: scans.findLast(({ seals }) => seals.last !== undefined)?.seals.last,
    findings: [
      ...findings,
      ...scans.flatMap((scan) => [...scan.findings, ...scan.seals.findings]),
      ...judgement.findings,
      ...missingSeals(scans),
      ...unsealedEnd(scans, longestUnsealedMs),
    ],
    notes: [...notes, ...judgement.notes],
  };
}

/** Repeats if the guard closed its file and began another while the last one was read. */
async function scanAll(list: () => readonly VerifiedFile[], keys: KeyRing, pins: SignedHeads): Promise<ScannedFile[]> {
  const closed = new Map<number, ScannedFile>();
  for (let tries = 1; ; tries++) {
    const files = list();
    for (const file of files) {
      if (file.first !== undefined && !closed.has(file.first)) closed.set(file.first, await scanned(file, keys, pins));
    }
    const open = files.find(({ first }) => first === undefined);
    const last = open && (await scanned(open, keys, pins).catch(unlessGone));
    const isAll = list().every(({ first }) => (first === undefined ? last !== undefined : closed.has(first)));
    if (!isAll && tries < MOST_TRIES) continue;
    return [...[...closed].toSorted(([a], [b]) => a - b).map(([, file]) => file), ...(last ? [last] : [])];
  }
}

function unlessGone(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}

async function scanned(file: VerifiedFile, keys: KeyRing, pins: SignedHeads): Promise<ScannedFile> {
  const scan = await scanFile(file, keys, pins);
  const numbers = scan.items.flatMap((item) => (item.kind === 'run' ? [item.first, item.last] : []));
  if (numbers.length === 0) return { file, scan };
  return { file, scan, range: { first: Math.min(...numbers), last: Math.max(...numbers) } };
}

/** Of equally frequent ones, the last. */
function mostFrequent(texts: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => a - b).at(-1)?.[0];
}
