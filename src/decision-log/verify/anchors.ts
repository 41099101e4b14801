/** Reads anchors that were sent elsewhere: lines of JSON, after any prefix that a syslog adds. */
import type { Buffer } from 'node:buffer';
import { basename } from 'node:path';
import { readLines } from '../read/lines.ts';
import type { Finding } from './finding.ts';
import type { KeyRing } from './keys.ts';
import { readSeal, type SealRecord } from './line.ts';
import { type SignedHead, SignedHeads } from './signed-heads.ts';

const OPEN = 0x7b;
const LONGEST = 1024 * 1024;

export interface Anchors {
  readonly pins: readonly SignedHead[];
  readonly findings: readonly Finding[];
  /** Anchors of this log. */
  readonly used: number;
  /** Anchors of other guards. */
  readonly passedOver: number;
}

/**
 * @param log names of its guards, and its chains, as a guard may have been renamed since. Anchors of other logs are skipped; one of this log that no
 * trusted key signed is a finding. Throws if a file cannot be read.
 */
export async function readAnchors(
  paths: readonly string[],
  keys: KeyRing,
  log: { readonly guards: readonly string[]; readonly chains: readonly string[] },
): Promise<Anchors> {
  const families = new Set(log.guards.map(familyOf));
  const chains = new Set(log.chains);
  const pins = new SignedHeads();
  const findings: Finding[] = [];
  let [used, passedOver] = [0, 0];
  const take = (anchor: SealRecord, file: string, line: number): void => {
    if (!families.has(familyOf(anchor.guard)) && !chains.has(anchor.chain)) {
      passedOver++;
      return;
    }
    if (keys.signature(anchor.guard, anchor) !== 'genuine' || !keys.isTrusted(anchor.key)) {
      const message = `an anchor of "${anchor.guard}" is not signed by a trusted key: it names ${anchor.key}`;
      findings.push({ kind: 'anchor-forged', file, line, message });
      return;
    }
    used++;
    const by = `anchor ${file}:${line} (seal ${anchor.seal} of "${anchor.guard}", ${anchor.at})`;
    for (const [guard, head] of [
      [anchor.guard, { chain: anchor.chain, ...anchor.of }] as const,
      ...Object.entries(anchor.beside ?? {}),
    ]) {
      pins.add({ guard, ...head, by });
    }
  };
  for (const path of paths) {
    let line = 0;
    const read = (bytes: Buffer, start: number, end: number): undefined => {
      line++;
      const at = bytes.indexOf(OPEN, start);
      if (at < 0 || at >= end || end - at > LONGEST) return;
      const anchor = readSeal(bytes.toString('utf8', at, end));
      if (anchor) take(anchor, basename(path), line);
    };
    const overlong = (): undefined => {
      line++;
    };
    const { rest } = await readLines(path, { line: read, overlong }, true);
    read(rest, 0, rest.length);
  }
  return { pins: pins.all, findings, used, passedOver };
}

/** `g1/2` and `g1` are one guard. */
function familyOf(guard: string): string {
  return guard.replace(/\/[0-9]+$/, '');
}
