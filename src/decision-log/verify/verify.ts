/** Verifies a whole log: all files of all its writers, their seals, and anchors that were kept elsewhere. */
import { basename, parse } from 'node:path';
import { keyId } from '../seals/seal-key.ts';
import { readAnchors } from './anchors.ts';
import { checkSignedHeads } from './check-signed-heads.ts';
import { LONGEST_UNSEALED_MS } from './counter.ts';
import { type WriterFiles, writersOf } from './files.ts';
import type { Finding, Note } from './finding.ts';
import { firstSegment } from './heads.ts';
import { KeyRing } from './keys.ts';
import { SignedHeads } from './signed-heads.ts';
import { readWriter, type Writer } from './writer.ts';

export interface VerifyOptions {
  /** The open file, as in `log.file`. */
  readonly log: string;
  /** 32 bytes in base64url each. Empty: the first key that the log names is trusted. */
  readonly keys: readonly string[];
  /** Files of anchors. */
  readonly anchors: readonly string[];
  /** How long the end of a log may be unsealed, in milliseconds. */
  readonly longestUnsealedMs?: number;
}

export interface ChainSummary {
  readonly file: string;
  readonly guard: string | undefined;
  readonly chain: string | undefined;
  readonly files: number;
  readonly records: number;
  readonly seals: number;
  readonly bytes: number;
  /** Times of the first and of the last record. */
  readonly from: string | undefined;
  readonly until: string | undefined;
  /** Up to the last valid seal. */
  readonly sealed:
    | { readonly seal: number; readonly seq: number; readonly hash: string; readonly at: string }
    | undefined;
  /** Number of the last record. */
  readonly last: number | undefined;
}

export interface Verification {
  readonly findings: readonly Finding[];
  readonly notes: readonly Note[];
  readonly chains: readonly ChainSummary[];
  /** By id. `given`: by the caller; otherwise by the log itself. */
  readonly keys: readonly { readonly id: string; readonly key: string; readonly given: boolean }[];
  readonly anchors: { readonly used: number; readonly passedOver: number };
}

/** There is no file of a log with that name. */
export class NoLog extends Error {}

/** A running guard may close, compress or delete a file while it is read. */
const TRIES = 6;

/** Throws NoLog, and if an anchor file or the folder cannot be read. */
export async function verifyLog(options: VerifyOptions): Promise<Verification> {
  for (let tries = 1; ; tries++) {
    const before = namesOf(options.log);
    if (before === '') throw new NoLog(options.log);
    try {
      const verification = await verifyOnce(options);
      if (verification.findings.length === 0 || tries === TRIES || namesOf(options.log) === before) return verification;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tries === TRIES || namesOf(options.log) === before)
        throw error;
    }
  }
}

function namesOf(log: string): string {
  return writersOf(log)
    .flatMap(({ files }) => files.map(({ name }) => name))
    .join('\n');
}

async function verifyOnce({
  log,
  keys,
  anchors,
  longestUnsealedMs = LONGEST_UNSEALED_MS,
}: VerifyOptions): Promise<Verification> {
  const ring = new KeyRing(keys);
  const writers: Writer[] = [];
  const pins = new SignedHeads();
  const found = writersOf(log);
  if (ring.trustsFirst) await meetFirstKey(found, ring);
  for (const { name } of found) {
    const list = () => writersOf(log).find((writer) => writer.name === name)?.files ?? [];
    writers.push(await readWriter(name, list, ring, pins, longestUnsealedMs));
  }
  const kept = await readAnchors(anchors, ring, {
    guards: writers.flatMap(({ guards }) => guards),
    chains: writers.flatMap(({ chain }) => chain ?? []),
  });
  const fileOf = (guard: string) => fileOfGuard(log, guard);
  const findings = [
    ...writers.flatMap(({ findings }) => findings),
    ...(await checkSignedHeads(pins.all, writers, 'rewritten', fileOf)),
    ...(await checkSignedHeads(kept.pins, writers, 'anchor-not-met', fileOf)),
    ...kept.findings,
    ...unanchored(anchors, kept.used),
    ...neverSealed(writers, keys.length > 0, longestUnsealedMs),
  ];
  return {
    findings,
    notes: writers.flatMap(({ notes }) => notes),
    chains: writers.map(summary),
    keys: [...ring.trustedKeys].map(([id, key]) => ({ id, key, given: keys.some((given) => keyId(given) === id) })),
    anchors: { used: kept.used, passedOver: kept.passedOver },
  };
}

/** Before the first seal is read: the segment before it may be missing. */
async function meetFirstKey(writers: readonly WriterFiles[], keys: KeyRing): Promise<void> {
  for (const file of writers.flatMap(({ files }) => files)) {
    const key = (await firstSegment(file))?.sealed_by;
    if (key === undefined) continue;
    keys.meet(key);
    return;
  }
}

/** A log that was replaced by another guard's, with another key, must not pass because no anchor concerns it. */
function unanchored(anchors: readonly string[], used: number): Finding[] {
  const [file] = anchors;
  if (file === undefined || used > 0) return [];
  return [{ kind: 'anchor-not-met', file: basename(file), message: 'no anchor is of a guard of this log' }];
}

/** Files that anyone can have written beside those of the guard, or in their place: no seal vouches for any of them. */
function neverSealed(writers: readonly Writer[], isKeyGiven: boolean, longestMs: number): Finding[] {
  const latest = Math.max(...writers.map(({ seal }) => (seal ? Date.parse(seal.at) : Number.NEGATIVE_INFINITY)));
  return writers.flatMap(({ name, files, seal }) => {
    const until = files.findLast(({ scan }) => scan.until !== undefined)?.scan.until;
    if (seal || until === undefined) return [];
    // INVARIANT 264: a worker that has just begun is sealed soon; one that never was, while others went on, is not believed.
    const isLate = latest === Number.NEGATIVE_INFINITY ? isKeyGiven : latest - Date.parse(until) > longestMs;
    return isLate ? [{ kind: 'seal-missing', file: name, message: 'there is no good seal of any of it' }] : [];
  });
}

function summary({ name, chain, guards, files, seal, last }: Writer): ChainSummary {
  const scans = files.map(({ scan }) => scan);
  const sum = (of: (scan: (typeof scans)[number]) => number) => scans.reduce((total, scan) => total + of(scan), 0);
  return {
    file: name,
    guard: guards.at(-1),
    chain,
    files: files.length,
    records: sum(({ records }) => records),
    seals: sum(({ seals }) => seals.ranges.reduce((total, { from, to }) => total + to - from + 1, 0)),
    bytes: sum(({ bytes }) => bytes),
    from: scans.find(({ from }) => from !== undefined)?.from,
    until: scans.findLast(({ until }) => until !== undefined)?.until,
    sealed: seal && { seal: seal.seal, seq: seal.of.seq, hash: seal.of.hash, at: seal.at },
    last: Number.isFinite(last) ? last : undefined,
  };
}

/** For `g1/2` and `decisions.jsonl`: `decisions.2.jsonl`. */
function fileOfGuard(log: string, guard: string): string {
  const [, number] = /\/([0-9]+)$/.exec(guard) ?? [];
  const { name, ext, base } = parse(log);
  return number === undefined ? base : `${name}.${number}${ext}`;
}
