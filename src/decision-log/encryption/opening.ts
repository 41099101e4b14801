/** Decrypts the records of an encrypted log with an auditor's key. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { isIdentity } from '../../core/age-key.ts';
import type { LogRecord } from '../fields.ts';
import { BoxReader, KEY_BYTES } from './boxes.ts';

/** Private keys as written by `age-keygen`, one `AGE-SECRET-KEY-1…` a line, besides comments; or why there are none. */
export function readIdentities(file: string): readonly string[] | { readonly problem: string } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { problem: `"${file}" cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})` };
  }
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== '' && !line.startsWith('#'));
  for (const [index, line] of identities.entries()) {
    if (isIdentity(line)) continue;
    // The text is not quoted: it may be a secret.
    return {
      problem: `"${file}": what stands there as key ${index + 1} is no private key of age ("AGE-SECRET-KEY-…")`,
    };
  }
  return identities.length > 0 ? identities : { problem: `"${file}" holds no private key of age` };
}

/** Opens the boxes of one file. Returns unencrypted records unchanged; undefined if a box was changed or moved. */
export type RecordOpener = (record: LogRecord) => LogRecord | undefined;

/** For a file's `segment`. Throws if none of these identities opens the file. */
export function openerWith(identities: readonly string[]): (segment: LogRecord) => Promise<RecordOpener> {
  return async ({ age }) => {
    if (typeof age !== 'string') return (record) => record;
    const { Decrypter } = await import('age-encryption');
    const decrypter = new Decrypter();
    for (const identity of identities) decrypter.addIdentity(identity);
    const first = await decrypter.decrypt(Buffer.from(age, 'base64'));
    if (first.length !== KEY_BYTES) throw new Error('what is encrypted in the segment is no key of a file');
    const boxes = new BoxReader(first);
    return (record) => (typeof record.box === 'string' ? opened(boxes, record, record.box) : record);
  };
}

/** The encrypted record must repeat the time, guard and number around it, which alone would not be trustworthy. */
function opened(boxes: BoxReader, { time, guard, seq, hash }: LogRecord, box: string): LogRecord | undefined {
  if (typeof guard !== 'string' || typeof seq !== 'number') return undefined;
  const text = boxes.open(box, { guard, seq });
  if (text === undefined) return undefined;
  const record: unknown = JSON.parse(text);
  if (typeof record !== 'object' || record === null) return undefined;
  const inside = record as LogRecord;
  const isOfGuard = inside.guard === undefined || inside.guard === guard;
  if (inside.time !== time || !isOfGuard || inside.seq !== seq) return undefined;
  return { ...inside, ...(hash !== undefined && { hash }) };
}
