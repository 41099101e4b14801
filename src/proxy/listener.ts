/** The listener: takes connections, bounds those that have not logged in, and ends everything in order. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { plainAddress } from './admission.ts';
import { serveClient } from './client-connection.ts';
import { endWith } from './farewell.ts';
import { type LoginRefusal, stopping, tooManyLogins } from './login-refusal.ts';
import type { Services } from './services.ts';

const terminated: LoginRefusal = {
  reason: 'stopping',
  sqlstate: '57P01',
  message: 'terminating connection due to administrator command',
};

export class Listener {
  private readonly server: Server;
  /** Sockets before login, with the address they come from. */
  private readonly loggingIn = new Map<Socket, string>();
  private readonly byAddress = new Map<string, number>();
  private turnedAway = 0;
  private isStopping = false;

  constructor(private readonly services: Services) {
    // Half open: a client may close its side and still wait for answers.
    this.server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => this.accept(socket));
  }

  /** Resolves with where it listens; throws with EADDRINUSE and kin. */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((done, failed) => {
      this.server.once('error', failed);
      // Without a host: every address, of both families where there are both.
      this.server.listen(host === '*' ? { port } : { host, port }, () => {
        this.server.off('error', failed);
        this.server.on('error', (error) => this.services.log.error({ err: error }, 'listener failed'));
        done(this.server.address() as AddressInfo);
      });
    });
  }

  /** No new connections; sessions are told and ended. Resolves when all are closed, or after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    const closed = new Promise<void>((done) => this.server.close(() => done()));
    for (const socket of this.loggingIn.keys()) socket.destroy();
    this.services.sessions.terminateAll(terminated);
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((done) => {
      timer = setTimeout(done, graceMs);
    });
    await Promise.race([closed, grace]);
    clearTimeout(timer);
  }

  private accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '');
    const { maxLogins } = this.services.options;
    const fromThere = this.byAddress.get(address) ?? 0;
    socket.on('error', () => {});
    // INVARIANT: strangers cannot take more than this of our memory and descriptors, nor one address all of it.
    const isFull = this.loggingIn.size >= maxLogins || fromThere >= Math.ceil(maxLogins / 2);
    if (this.isStopping || isFull) {
      this.turnAway(socket);
      return;
    }
    this.loggingIn.set(socket, address);
    this.byAddress.set(address, fromThere + 1);
    void serveClient(socket, this.services).finally(() => this.loginIsOver(socket));
  }

  /** With a word where there is room for it: in a flood the word is what costs. */
  private turnAway(socket: Socket): void {
    if (this.turnedAway >= this.services.options.maxLogins) {
      socket.destroy();
      return;
    }
    this.turnedAway += 1;
    socket.once('close', () => {
      this.turnedAway -= 1;
    });
    endWith(socket, this.isStopping ? stopping() : tooManyLogins());
  }

  private loginIsOver(socket: Socket): void {
    const address = this.loggingIn.get(socket);
    if (address === undefined) return;
    this.loggingIn.delete(socket);
    const left = (this.byAddress.get(address) ?? 1) - 1;
    if (left > 0) this.byAddress.set(address, left);
    else this.byAddress.delete(address);
  }
}
