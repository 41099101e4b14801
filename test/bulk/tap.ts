/** Sits between clients and a guard, and keeps what the guard has sent: what has really left. */
import { connect, createServer, type Socket } from 'node:net';

export interface Tap {
  readonly port: number;
  /** All bytes that have come so far, connection by connection, each whole. */
  arrived(): Buffer;
  stop(): Promise<void>;
}

/** `to`: the guard's port, asked for at each connection. */
export async function startTap(to: () => number): Promise<Tap> {
  const streams: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const chunks: Buffer[] = [];
    streams.push(chunks);
    const guard = connect(to(), '127.0.0.1');
    for (const [one, other] of [
      [client, guard],
      [guard, client],
    ] as const) {
      sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      one.on('end', () => other.end());
    }
    guard.on('data', (chunk) => {
      chunks.push(chunk);
      if (!client.destroyed) client.write(chunk);
    });
    client.on('data', (chunk) => void guard.write(chunk));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    // A newline between two connections: no name is put together of both.
    arrived: () => Buffer.concat(streams.flatMap((chunks) => [...chunks, Buffer.from('\n')])),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
