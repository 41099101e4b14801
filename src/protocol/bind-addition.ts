/** Appends values to those of a Bind while the message streams through: it may be large, and is never held whole. */
import { Buffer } from 'node:buffer';
import { type BindHead, bindHead, type decodeBindHead, textValue } from './bind.ts';
import { int32At, uint16At } from './integers.ts';

/** Longer than any message: the server reads no value of this length. */
const NO_LENGTH = Buffer.from([0x7f, 0xff, 0xff, 0xff]);

const PREFIX_BYTES = 4;

/**
 * What happens to the client's result formats if the result has a column that the client does not know. `one more`: if each column has its own
 * format, the new one gets text. `none`: the new column is the only one, so the client's formats are dropped.
 */
export type ResultFormats = 'one more' | 'none';

/** The size of a format, and of the number of formats. */
const FORMAT_BYTES = 2;

export class BindAddition {
  /** The length of the forwarded message, header included. */
  readonly length: number;
  private readonly head: Buffer;
  private readonly valuesAt: number;
  /** Values with a length that was not read yet. */
  private valuesLeft: number;
  /** Bytes left of the current value. */
  private inValue = 0;
  /** The beginning of a length or count that is not complete yet. */
  private prefix: Buffer = Buffer.alloc(0);
  /** Bytes still to come from the client. */
  private remaining: number;
  private state: 'values' | 'count' | 'formats' | 'dropped' | 'broken' = 'values';
  /** Each of the client's result columns has a format of its own. */
  private formatOfEach = false;
  /** Bytes that the server still expects. */
  private owed: number;

  /**
   * @param read the result of `decodeBindHead`.
   * @param length of the client's message, header included.
   * @param formats of all parameters, added ones included.
   * @param added at least one encoded value. With `results`, the last one is a filler text that nothing reads: the length of the message is sent
   * before the number of result formats is known, so the filler takes up the difference.
   */
  constructor(
    read: ReturnType<typeof decodeBindHead>,
    length: number,
    formats: BindHead['formats'],
    private readonly added: readonly Uint8Array[],
    private readonly results?: ResultFormats,
  ) {
    const { portal, statement, valueCount, valuesAt } = read;
    this.head = bindHead({ portal, statement, formats, valueCount: valueCount + added.length });
    this.valuesAt = valuesAt;
    this.valuesLeft = valueCount;
    this.remaining = length - valuesAt;
    this.owed = this.remaining + added.reduce((sum, value) => sum + value.length, 0);
    if (results === 'one more') this.owed += FORMAT_BYTES;
    this.length = this.head.length + this.owed;
    this.head.writeUInt32BE(this.length - 1, 1);
  }

  /** The output for the first piece, which must contain the head. */
  begin(piece: Uint8Array): Uint8Array[] {
    return [this.head, ...this.push(piece.subarray(this.valuesAt))];
  }

  /** The output for the next piece. */
  push(piece: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let at = 0;
    while (this.state === 'values' || this.state === 'count') {
      if (this.inValue > 0) {
        const passed = Math.min(this.inValue, piece.length - at);
        this.emit(out, piece.subarray(at, at + passed));
        at += passed;
        this.inValue -= passed;
        this.remaining -= passed;
        if (this.inValue > 0) return out;
      } else {
        const bytes = piece.subarray(at);
        const taken = this.valuesLeft > 0 ? this.takeLength(bytes, out) : this.endValues(bytes, out);
        if (taken === undefined) return out;
        at += taken;
      }
    }
    this.pass(piece.subarray(at), out);
    return out;
  }

  /** Reads the length of the next value. @returns how many bytes it took; undefined if there are too few yet. */
  private takeLength(bytes: Uint8Array, out: Uint8Array[]): number | undefined {
    const taken = this.gather(bytes, PREFIX_BYTES, out);
    if (taken === undefined || this.prefix.length < PREFIX_BYTES) return taken;
    const length = int32At(this.prefix, 0);
    if (length < -1 || length > this.remaining) {
      this.breakOff(out);
      return taken;
    }
    this.emit(out, this.prefix);
    this.prefix = Buffer.alloc(0);
    this.valuesLeft -= 1;
    this.inValue = Math.max(length, 0);
    return taken;
  }

  /** After the client's values: the added ones, and the number of result formats if that changes. */
  private endValues(bytes: Uint8Array, out: Uint8Array[]): number | undefined {
    if (this.state === 'values') {
      for (const value of this.results ? this.added.slice(0, -1) : this.added) this.emit(out, value);
      this.state = this.results ? 'count' : 'formats';
      return 0;
    }
    const taken = this.gather(bytes, FORMAT_BYTES, out);
    if (taken === undefined || this.prefix.length < FORMAT_BYTES) return taken;
    const count = uint16At(this.prefix, 0);
    if (this.remaining === count * FORMAT_BYTES) this.fit(count, out);
    else this.breakOff(out);
    return taken;
  }

  private fit(count: number, out: Uint8Array[]): void {
    const dropped = this.results === 'none';
    this.formatOfEach = !dropped && count > 1;
    const unused = dropped ? count * FORMAT_BYTES : this.formatOfEach ? 0 : FORMAT_BYTES;
    this.emit(out, textValue(' '.repeat(unused)));
    const left = Buffer.alloc(FORMAT_BYTES);
    left.writeUInt16BE(dropped ? 0 : (count + (this.formatOfEach ? 1 : 0)) & 0xffff);
    this.emit(out, left);
    this.state = dropped ? 'dropped' : 'formats';
  }

  /** Collects `wanted` bytes in `prefix`, and breaks off if the message has fewer. @returns as `takeLength`, 0 if it broke off. */
  private gather(bytes: Uint8Array, wanted: number, out: Uint8Array[]): number | undefined {
    if (this.prefix.length + this.remaining < wanted) {
      this.breakOff(out);
      return 0;
    }
    const taken = Math.min(wanted - this.prefix.length, bytes.length);
    this.prefix = Buffer.concat([this.prefix, bytes.subarray(0, taken)]);
    this.remaining -= taken;
    return this.prefix.length < wanted ? undefined : taken;
  }

  /**
   * The client's message ends inside its values. INVARIANT 34: the server must not read the added values as the client's, which would let the client
   * choose them. It gets an impossible length, and reports the error itself.
   */
  private breakOff(out: Uint8Array[]): void {
    this.state = 'broken';
    this.prefix = Buffer.alloc(0);
    this.emit(out, NO_LENGTH);
  }

  private pass(bytes: Uint8Array, out: Uint8Array[]): void {
    this.remaining -= bytes.length;
    if (this.state === 'formats') {
      this.emit(out, bytes);
      if (this.remaining === 0 && this.formatOfEach) this.emit(out, Buffer.alloc(FORMAT_BYTES));
    } else if (this.state === 'broken') {
      this.emit(out, bytes.subarray(0, this.owed));
      if (this.remaining === 0) this.emit(out, Buffer.alloc(this.owed));
    }
  }

  private emit(out: Uint8Array[], bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.owed -= bytes.length;
    out.push(bytes);
  }
}
