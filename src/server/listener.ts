/** The listener: takes connections, bounds those that have not logged in, and ends everything in order. */
import cluster from 'node:cluster';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { ListenAddress } from '../config/listen-address.ts';
import { type LoginRefusal, stopping, tooManyLogins } from '../core/login-refusal.ts';
import { isInBlocks, type PeerAddress, socketPeer } from '../identity/peer-address.ts';
import { ignoreError } from '../net/ignore-error.ts';
import { claimSocketFile, setSocketMode } from '../net/unix-socket.ts';
import { serveClient } from './client-connection.ts';
import { shownListening } from './listen-address.ts';
import type { Services } from './services.ts';
import { takeLogin, takeLoginFrom } from './slots/connection-limits.ts';

const terminated: LoginRefusal = {
  reason: 'stopping',
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
};

/** Where something listens now; a unix socket by its path. */
export type Listening = AddressInfo | { readonly path: string };

/** An address that cannot be listened on; `cause` is the system's error. */
export class ListenFailure extends Error {}

export class Listener {
  private readonly servers: Server[] = [];
  /** Sockets before login. */
  private readonly loggingIn = new Set<Socket>();
  /** Resolves when all connections are closed; set when no new ones are taken any more. */
  private closed: Promise<unknown> | undefined;

  constructor(private readonly services: Services) {}

  /** Resolves with the addresses; throws with EADDRINUSE and similar codes if one is not available, and then listens on none. */
  async listen(addresses: readonly ListenAddress[]): Promise<Listening[]> {
    try {
      const listening: Listening[] = [];
      for (const address of addresses) listening.push(await this.listenOn(address));
      return listening;
    } catch (error) {
      for (const server of this.servers) server.close();
      throw error;
    }
  }

  private async listenOn(address: ListenAddress): Promise<Listening> {
    const { path } = address;
    // Of several workers the primary makes the socket, and has made room for it.
    if (path !== undefined && !cluster.isWorker) await orNamed(address, () => claimSocketFile(path));
    // Half open: a client may close its side and still wait for answers.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) =>
      this.accept(socket, path !== undefined),
    );
    await orNamed(
      address,
      () =>
        new Promise<void>((done, failed) => {
          server.once('error', failed);
          // Without a host: every address, of both families where there are both.
          server.listen(path !== undefined ? { path } : address.host === '*' ? { port: address.port } : address, () => {
            server.off('error', failed);
            done();
          });
        }),
    );
    this.servers.push(server);
    server.on('error', (error) => this.services.log.error({ err: error }, 'listener failed'));
    if (path === undefined) return server.address() as AddressInfo;
    await orNamed(address, async () => setSocketMode(path, this.services.options.unixSocketMode));
    return { path };
  }

  /** No new connections from now on. */
  close(): void {
    this.closed ??= Promise.all(this.servers.map((server) => new Promise<void>((done) => server.close(() => done()))));
  }

  /** Each session is told and ended when it is idle. Resolves when all have ended, or after `withinMs`. */
  async drain(withinMs: number): Promise<void> {
    this.close();
    this.services.sessions.terminateWhenIdle(terminated);
    await this.services.sessions.empty(withinMs);
  }

  /**
   * Refuses new connections; sessions are told and ended, whatever they run. Resolves when all are closed, including those to the server (their
   * statements are then cancelled), or after `graceMs`.
   */
  async stop(graceMs: number): Promise<void> {
    this.close();
    for (const socket of this.loggingIn) socket.destroy();
    this.services.refused.answerAll();
    this.services.sessions.terminateAll(terminated);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((done) => {
      timer = setTimeout(done, graceMs);
    });
    await Promise.race([Promise.all([this.closed, this.services.sessions.empty(graceMs)]), grace]);
    clearTimeout(timer);
  }

  private accept(socket: Socket, isUnix: boolean): void {
    socket.on('error', ignoreError);
    // Strangers cannot take more than this of our memory and descriptors, whatever the other workers answer.
    const isFull = this.loggingIn.size >= this.services.options.limits.logins;
    if (this.closed || isFull) {
      this.turnAway(socket, socketPeer(socket, isUnix), this.closed ? stopping() : tooManyLogins());
      return;
    }
    this.loggingIn.add(socket);
    void this.serve(socket, isUnix).finally(() => this.loggingIn.delete(socket));
  }

  private async serve(socket: Socket, isUnix: boolean): Promise<void> {
    const { shared, options } = this.services;
    const peer = socketPeer(socket, isUnix);
    await this.services.loginTurns.next();
    // A proxy first sends the client's address: until then the connection counts in the total, but for no address.
    const behindProxy = isInBlocks(options.proxies, peer.address);
    const taken = await takeLogin(shared, options.limits, behindProxy ? undefined : peer.address);
    if ('refusal' in taken) {
      this.turnAway(socket, peer, taken.refusal);
      return;
    }
    const held = [taken.held];
    const countFrom = async (address: string): Promise<boolean> => {
      const more = await takeLoginFrom(shared, options.limits, address);
      if ('held' in more) held.push(more.held);
      return 'held' in more;
    };
    try {
      await serveClient({ socket, peer, behindProxy, countFrom }, this.services);
    } finally {
      for (const slot of held) slot.release();
    }
  }

  private turnAway(socket: Socket, { address }: PeerAddress, refusal: LoginRefusal): void {
    this.services.options.turnedAway?.(refusal.reason);
    this.services.refused.end(socket, address, refusal);
  }
}

async function orNamed<T>(address: ListenAddress, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new ListenFailure(`could not begin to listen on ${shownListening(address)}`, { cause });
  }
}
