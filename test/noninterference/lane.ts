/** One connection on which statements are sent one after the other without waiting; each gets the frames that answer it. */
import { rawLogin } from '../proxy/raw-client.ts';

export interface Frame {
  readonly type: string;
  readonly body: Buffer;
}

export interface Lane {
  /** `readies`: how many ReadyForQuery the bytes will be answered with. */
  send(bytes: Buffer, readies: number): Promise<readonly Frame[]>;
  end(): void;
}

interface Waiting {
  left: number;
  readonly frames: Frame[];
  readonly done: (frames: readonly Frame[]) => void;
  readonly failed: (error: Error) => void;
}

export interface Login {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const HEADER = 5;

export async function openLane({ port, user, password, database }: Login): Promise<Lane> {
  const { socket } = await rawLogin(port, user, password, database);
  const waiting: Waiting[] = [];
  let ended: Error | undefined;
  let rest = Buffer.alloc(0);
  const end = (why: string): void => {
    ended ??= new Error(why);
    for (const { failed } of waiting.splice(0)) failed(ended);
  };
  const take = (frame: Frame): void => {
    const first = waiting[0];
    // Nothing may come that was not asked for.
    if (!first) {
      end(`a message ${frame.type} that answers nothing`);
      return;
    }
    first.frames.push(frame);
    if (frame.type === 'Z') first.left -= 1;
    if (first.left === 0) waiting.shift()?.done(first.frames);
  };
  socket.removeAllListeners('readable');
  socket.on('data', (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (at + HEADER <= bytes.length) {
      const length = 1 + bytes.readUInt32BE(at + 1);
      if (at + length > bytes.length) break;
      take({
        type: String.fromCharCode(bytes.readUInt8(at)),
        body: Buffer.from(bytes.subarray(at + HEADER, at + length)),
      });
      at += length;
    }
    rest = Buffer.from(bytes.subarray(at));
  });
  socket.on('close', () => end(`the connection was closed, ${waiting.length} messages unanswered`));
  return {
    send: (bytes, readies) =>
      new Promise((done, failed) => {
        if (ended) return failed(ended);
        waiting.push({ left: readies, frames: [], done, failed });
        socket.write(bytes);
      }),
    end: () => socket.destroy(),
  };
}
