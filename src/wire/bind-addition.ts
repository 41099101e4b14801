/** Puts more values behind those of a Bind, while the message passes: it may be large, and is never held. */
import { type BindHead, bindHead, type decodeBindHead } from './bind.ts';
import { int32At } from './integers.ts';

/** Longer than any message: the server reads no value of this length. */
const NO_LENGTH = Buffer.from([0x7f, 0xff, 0xff, 0xff]);

const PREFIX_BYTES = 4;

export class BindAddition {
  /** Of the message as it goes on, header included. */
  readonly length: number;
  private readonly head: Buffer;
  private readonly valuesAt: number;
  /** Values whose length was not read yet. */
  private valuesLeft: number;
  /** Bytes of a value at which we are. */
  private inValue = 0;
  /** The start of a length whose end has not come yet. */
  private prefix: Buffer = Buffer.alloc(0);
  /** Bytes that are to come from the client. */
  private remaining: number;
  private state: 'values' | 'result formats' | 'broken' = 'values';
  /** Of a message that is broken: the bytes that the server still waits for. */
  private owed = 0;

  /**
   * @param read what `decodeBindHead` made of the message.
   * @param length of the client's message, header included.
   * @param formats of all parameters, added ones included.
   * @param added at least one encoded value.
   */
  constructor(
    read: ReturnType<typeof decodeBindHead>,
    length: number,
    formats: BindHead['formats'],
    private readonly added: readonly Uint8Array[],
  ) {
    const { portal, statement, valueCount, valuesAt } = read;
    this.head = bindHead({ portal, statement, formats, valueCount: valueCount + added.length });
    this.valuesAt = valuesAt;
    this.valuesLeft = valueCount;
    this.remaining = length - valuesAt;
    this.length = this.head.length + this.remaining + this.addedBytes;
    this.head.writeUInt32BE(this.length - 1, 1);
  }

  /** What goes on of the first piece, which holds the head at least. */
  begin(piece: Uint8Array): Uint8Array[] {
    return [this.head, ...this.push(piece.subarray(this.valuesAt))];
  }

  /** What goes on of the next piece. */
  push(piece: Uint8Array): Uint8Array[] {
    const out: Uint8Array[] = [];
    let at = 0;
    while (this.state === 'values') {
      if (this.inValue > 0) {
        const passed = Math.min(this.inValue, piece.length - at);
        out.push(piece.subarray(at, at + passed));
        at += passed;
        this.inValue -= passed;
        this.remaining -= passed;
        if (this.inValue > 0) return out;
      } else if (this.valuesLeft > 0) {
        const taken = this.takeLength(piece.subarray(at), out);
        if (taken === undefined) return out;
        at += taken;
      } else {
        out.push(...this.added);
        this.state = 'result formats';
      }
    }
    return [...out, ...this.pass(piece.subarray(at))];
  }

  /** Reads the length of the next value. @returns how many bytes it took; undefined where there are not enough yet. */
  private takeLength(bytes: Uint8Array, out: Uint8Array[]): number | undefined {
    if (this.prefix.length + this.remaining < PREFIX_BYTES) return this.breakOff(out);
    const taken = Math.min(PREFIX_BYTES - this.prefix.length, bytes.length);
    this.prefix = Buffer.concat([this.prefix, bytes.subarray(0, taken)]);
    this.remaining -= taken;
    if (this.prefix.length < PREFIX_BYTES) return undefined;
    const length = int32At(this.prefix, 0);
    if (length < -1 || length > this.remaining) {
      this.prefix = Buffer.alloc(0);
      this.breakOff(out);
      this.owed += PREFIX_BYTES;
      return taken;
    }
    out.push(this.prefix);
    this.prefix = Buffer.alloc(0);
    this.valuesLeft -= 1;
    this.inValue = Math.max(length, 0);
    return taken;
  }

  /**
   * The values do not end before the message does. INVARIANT: the server must not read on into what we add, which would become the
   * client's to choose: it gets a length that it refuses, and so says itself what is wrong.
   */
  private breakOff(out: Uint8Array[]): 0 {
    this.state = 'broken';
    out.push(NO_LENGTH);
    this.owed = this.remaining + this.addedBytes - PREFIX_BYTES;
    return 0;
  }

  private pass(bytes: Uint8Array): Uint8Array[] {
    this.remaining -= bytes.length;
    if (this.state !== 'broken') return [bytes];
    const passed = bytes.subarray(0, this.owed);
    this.owed -= passed.length;
    if (this.remaining > 0) return [passed];
    const padding = Buffer.alloc(this.owed);
    this.owed = 0;
    return [passed, padding];
  }

  private get addedBytes(): number {
    return this.added.reduce((sum, { length }) => sum + length, 0);
  }
}
