/** Ways to change the lines of a log. Contents are bytes, as latin1. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
} from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ORIGIN } from '../../src/decision-log/chain/chain.ts';
import { type SealFields, sealText } from '../../src/decision-log/chain/seal.ts';
import type { Contents } from './logs.ts';

export interface Place {
  readonly file: string;
  /** From 0. */
  readonly index: number;
}

/** The lines of a text that ends in a line end. */
export function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1);
}

export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** All records, in the order of the files. */
export function placesOf(contents: Contents): Place[] {
  return [...contents].flatMap(([file, text]) => linesOf(text).map((_, index) => ({ file, index })));
}

export function lineAt(contents: Contents, { file, index }: Place): string {
  return linesOf(contents.get(file) ?? '')[index] ?? '';
}

export function seqOf(line: string): number {
  return Number(/"seq":(\d+)/.exec(line)?.[1]);
}

/** Changes the lines of one file. */
export function withLines(contents: Contents, file: string, change: (lines: string[]) => void): Contents {
  const lines = linesOf(contents.get(file) ?? '');
  change(lines);
  return new Map([...contents, [file, textOf(lines)]]);
}

/** The files of each writer, in their order: the open one last. */
export function writersIn(contents: Contents): string[][] {
  const writers = new Map<string, string[]>();
  for (const file of contents.keys()) {
    const name = /^decisions(\.\d{1,3}(?=\.))?/.exec(file)?.[0] ?? '';
    writers.set(name, [...(writers.get(name) ?? []), file]);
  }
  return [...writers.values()];
}

export function sameWriter(contents: Contents, a: string, b: string): boolean {
  return writersIn(contents).some((files) => files.includes(a) && files.includes(b));
}

export function withoutGz(name: string): string {
  return name.replace(/\.gz$/, '');
}

/** The line changed, with a hash that fits behind the line before. */
export function refitted(line: string, before: string): string {
  const body = line.slice(0, -TAIL);
  return `${body},"hash":"${hashOf(before.slice(-45, -2), body)}"}`;
}

/** `,"hash":"…"}` */
const TAIL = 54;

function hashOf(head: string, body: string): string {
  return hash('sha256', Buffer.from(head + body, 'latin1'), 'base64url');
}

/** A key to seal with: the log's own, or another. */
function sealWith(key: KeyObject): { readonly id: string; sign(guard: string, fields: SealFields): SealFields } {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const id = createHash('sha256').update(Buffer.from(x, 'base64url')).digest('base64url').slice(0, 16);
  return {
    id,
    sign: (guard, { signature: _, ...fields }) => {
      const named = { ...fields, key: id };
      return { ...named, signature: sign(null, Buffer.from(sealText(guard, named)), key).toString('base64url') };
    },
  };
}

export function ownKey(folder: string): KeyObject {
  return createPrivateKey(readFileSync(`${folder}/seal.key`));
}

export function otherKey(): KeyObject {
  return generateKeyPairSync('ed25519').privateKey;
}

export type Forgery =
  /** Seals stay as they were, and their `of` with them. */
  | { readonly seals: 'kept' }
  | { readonly seals: 'dropped' }
  /** Their `of` is corrected, their signature is not. */
  | { readonly seals: 'corrected' }
  | { readonly seals: 'signed'; readonly key: KeyObject };

/** Removes the records that `drop` names, and numbers and chains the rest again, as a forger would to hide it. Segments name the new hashes, and files get the names of their new numbers. */
export function rechained(
  contents: Contents,
  drop: (record: Record<string, unknown>) => boolean,
  forgery: Forgery,
): Contents {
  const forged: Contents = new Map();
  for (const files of writersIn(contents)) {
    let [head, seq, seals] = [ORIGIN, 0, 0];
    let before = '';
    for (const file of files) {
      const lines: string[] = [];
      let name = file;
      for (const line of linesOf(contents.get(file) ?? '')) {
        const { hash: _, ...record } = JSON.parse(Buffer.from(line, 'latin1').toString()) as Record<string, unknown>;
        if (drop(record) || (record.kind === 'seal' && forgery.seals === 'dropped')) continue;
        if (record.kind === 'seal' && forgery.seals !== 'kept') {
          seals++;
          Object.assign(record, { of: { seq, hash: head }, seal: seals });
          if (forgery.seals === 'signed') {
            Object.assign(record, sealWith(forgery.key).sign(String(record.guard), record as unknown as SealFields));
          }
        }
        if (record.kind === 'segment') {
          if (record.previous) record.previous = { file: before, seq, hash: head };
          name = file.replace(/\d{12}/, String(seq + 1).padStart(12, '0'));
          if (forgery.seals === 'signed') record.sealed_by = createPublicKey(forgery.key).export({ format: 'jwk' }).x;
        }
        seq++;
        record.seq = seq;
        const body = Buffer.from(JSON.stringify(record).slice(0, -1)).toString('latin1');
        head = hashOf(head, body);
        lines.push(`${body},"hash":"${head}"}`);
      }
      forged.set(name, textOf(lines));
      before = name.replace(/\.gz$/, '');
    }
  }
  return forged;
}
