/** NegotiateProtocolVersion: the newest supported minor version, and the unknown protocol options. */
import type { Buffer } from 'node:buffer';
import { Backend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';

interface NegotiateProtocolVersion {
  readonly major: number;
  readonly minor: number;
  readonly unknownOptions: readonly string[];
}

export function negotiateProtocolVersion({ major, minor, unknownOptions }: NegotiateProtocolVersion): Buffer {
  const writer = new MessageWriter(Backend.NegotiateProtocolVersion).int32((major << 16) | minor);
  writer.int32(unknownOptions.length);
  for (const option of unknownOptions) writer.string(option);
  return writer.finish();
}
