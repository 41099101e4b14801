/** A connection to a server on this host that can be made slow, or cut as a network is, without a word to either end. */
import { connect, createServer, type Socket } from 'node:net';

export interface Link {
  readonly port: number;
  /** Milliseconds by which each answer is delayed. */
  delay(ms: number): void;
  /** Bytes under way are lost, and nothing more comes through: neither end is told. */
  cut(): void;
  /** New connections get through; those that were cut stay silent for ever. */
  mend(): void;
  stop(): Promise<void>;
}

/** One connection, and its other end. */
interface Pair {
  readonly ends: readonly [Socket, Socket];
  isCut: boolean;
}

export async function startLink(to: number): Promise<Link> {
  let delayMs = 0;
  let isCut = false;
  const pairs = new Set<Pair>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const pair: Pair = { ends: [near, far], isCut };
    pairs.add(pair);
    const late: Buffer[] = [];
    near.on('data', (chunk) => void (!pair.isCut && far.write(chunk)));
    far.on('data', (chunk) => {
      late.push(chunk);
      // Whichever timer fires, the oldest goes first.
      setTimeout(() => {
        const oldest = late.shift();
        if (oldest && !pair.isCut && !near.destroyed) near.write(oldest);
      }, delayMs);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true);
      one.on('error', () => {});
      one.on('close', () => void (!pair.isCut && other.destroy()));
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    delay: (ms) => {
      delayMs = ms;
    },
    cut: () => {
      isCut = true;
      for (const pair of pairs) pair.isCut = true;
    },
    mend: () => {
      isCut = false;
    },
    async stop() {
      for (const { ends } of pairs) for (const end of ends) end.destroy();
      await new Promise<void>((done) => server.close(() => done()));
    },
  };
}
