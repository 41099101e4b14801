/** FunctionCall: a call by OID, outside SQL. */
import type { Buffer } from 'node:buffer';
import { Frontend } from './message-types.ts';
import { MessageWriter } from './message-writer.ts';

/** A call of function 0, which does not exist: it fails with 42883 in every session state. */
export function functionCallBoundToFail(): Buffer {
  return new MessageWriter(Frontend.FunctionCall).int32(0).int16(0).int16(0).int16(0).finish();
}
