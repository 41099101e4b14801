/** Lines and records of one log file, plain or compressed, chunk by chunk. */
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { RecordOpener } from '../encryption/opening.ts';
import type { LogRecord } from '../fields.ts';
import { isEncrypted, NoIdentity, type OpenerOf } from './encrypted.ts';
import { LONGEST_LINE } from './lines.ts';

const CHUNK = 256 * 1024;

/** A compressed file is truncated or corrupt. */
export class Damaged extends Error {}

/**
 * Whole lines without their ends, in chunks; lines longer than any record are left out. Text after the last line end is included: it is a record
 * without its line end, or incomplete.
 */
export async function* linesOf(file: string): AsyncGenerator<string[]> {
  const bytes = createReadStream(file, { highWaterMark: CHUNK });
  const source = file.endsWith('.gz') ? bytes.pipe(createGunzip({ chunkSize: CHUNK })) : bytes;
  if (source !== bytes) bytes.on('error', (error) => source.destroy(error));
  let begun = '';
  try {
    for await (const chunk of source.setEncoding('utf8')) {
      const lines = (begun + String(chunk)).split('\n');
      begun = lines.pop() ?? '';
      if (begun.length > LONGEST_LINE) begun = begun.slice(0, LONGEST_LINE);
      yield lines.filter((line) => line !== '' && line.length < LONGEST_LINE);
    }
    if (begun !== '' && begun.length < LONGEST_LINE) yield [begun];
  } catch (error) {
    throw ofDamage(file, error);
  } finally {
    bytes.destroy();
  }
}

/** Throws Damaged if a compressed file is truncated or corrupt: DuckDB would take what it finds for everything. */
export async function checkWhole(file: string): Promise<void> {
  try {
    const source = createReadStream(file, { highWaterMark: CHUNK }).pipe(createGunzip({ chunkSize: CHUNK }));
    for await (const _ of source);
  } catch (error) {
    throw ofDamage(file, error);
  }
}

function ofDamage(file: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  return code?.startsWith('Z_') ? new Damaged(`${file} is damaged: ${message}`) : error;
}

/** The record in a line; undefined if it is incomplete or something else. */
function recordIn(line: string): LogRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const record: unknown = JSON.parse(line);
    return typeof record === 'object' && record !== null && typeof (record as LogRecord).time === 'string'
      ? (record as LogRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Reads the lines of one file, from the first on, as decrypted records. */
export class RecordReader {
  /** Lines without a record, or with one that could not be decrypted. */
  strange = 0;
  private open: RecordOpener = (record) => record;

  constructor(
    private readonly file: string,
    private readonly openerOf?: OpenerOf,
  ) {}

  async read(lines: readonly string[]): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for (const line of lines) {
      const written = recordIn(line);
      if (written?.kind === 'segment' && isEncrypted(written)) this.open = await this.opener(written);
      const record = written && this.open(written);
      if (record) records.push(record);
      else this.strange += 1;
    }
    return records;
  }

  private opener(segment: LogRecord): Promise<RecordOpener> {
    if (!this.openerOf) throw new NoIdentity(`${this.file} is encrypted: --identity FILE names the key that opens it`);
    return this.openerOf(segment).catch((error: unknown) => {
      throw new NoIdentity(`${this.file} is encrypted to other keys than the one given`, { cause: error });
    });
  }
}

/** The first record of a file. */
export async function segmentOf(file: string): Promise<LogRecord | undefined> {
  for await (const lines of linesOf(file)) {
    for (const line of lines) {
      const record = recordIn(line);
      if (record) return record;
    }
  }
  return undefined;
}
