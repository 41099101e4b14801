/** The beginning of a record, in a fixed order: time, kind (absent if it is encrypted), guard, number. */
import { Buffer } from 'node:buffer';

const PREFIX =
  /^\{"time":"(.{24})",(?:"kind":"((?:[^"\\]|\\.){0,31})",)?"guard":"((?:[^"\\]|\\.){0,1023})","seq":([1-9][0-9]{0,14})(?:,"torn":([1-9][0-9]{0,14}))?(?!,"torn":)[,}]/s;
/** As many bytes as that can be. */
const LONGEST = 2_304;

export interface RecordPrefix {
  readonly time: string;
  /** Empty if the record is encrypted. */
  readonly kind: string;
  /** As JSON. */
  readonly guard: string;
  readonly seq: number;
  /** Bytes of incomplete text before the record; 0 if there is none. */
  readonly torn: number;
}

/** Undefined if the line does not begin like a record. */
export function recordPrefix(bytes: Buffer, start: number, end: number): RecordPrefix | undefined {
  const [found, time = '', kind = '', guard = '', seq, torn = 0] =
    PREFIX.exec(bytes.toString('latin1', start, Math.min(end, start + LONGEST))) ?? [];
  if (found === undefined) return undefined;
  return { time, kind, guard: Buffer.from(guard, 'latin1').toString(), seq: Number(seq), torn: Number(torn) };
}
