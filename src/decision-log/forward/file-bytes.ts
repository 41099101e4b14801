/** The bytes of one file of the log, in pieces: unpacked where it is compressed, and more of them later where it still grows. */
import { Buffer } from 'node:buffer';
import type { FileHandle } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';

const PIECE = 64 * 1024;

export interface FileBytes {
  /** Undefined where there is no more now. The piece is the caller's until the next call. */
  next(): Promise<Buffer | undefined>;
  close(): Promise<void>;
}

export function fileBytes(path: string, handle: FileHandle): FileBytes {
  return path.endsWith('.gz') ? unpacked(handle) : plain(handle);
}

function plain(handle: FileHandle): FileBytes {
  const buffer = Buffer.alloc(PIECE);
  let position = 0;
  return {
    async next() {
      const { bytesRead } = await handle.read(buffer, 0, PIECE, position);
      position += bytesRead;
      return bytesRead > 0 ? buffer.subarray(0, bytesRead) : undefined;
    },
    close: () => handle.close(),
  };
}

function unpacked(handle: FileHandle): FileBytes {
  const packed = handle.createReadStream({ autoClose: false, highWaterMark: PIECE });
  const stream = createGunzip({ chunkSize: PIECE });
  packed.on('error', (error) => stream.destroy(error));
  packed.pipe(stream);
  const pieces = stream[Symbol.asyncIterator]();
  return {
    async next() {
      const { done, value } = await pieces.next();
      return done ? undefined : (value as Buffer);
    },
    async close() {
      packed.destroy();
      stream.destroy();
      await handle.close();
    },
  };
}
