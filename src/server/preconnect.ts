/**
 * Sessions to the server that are opened while their clients still prove their identity: starting a process takes the server about as long as the
 * proof takes the client. Only for clients that have lately logged in with the same name from the same network, so a stranger causes no work at the
 * server.
 */
import { LRUCache } from 'lru-cache';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { OpenedSession, UpstreamSession } from '../upstream/connect.ts';
import { networkOf } from './slots/network-of.ts';

const LATELY_MS = 10 * 60_000;
/** So long a session waits for its client, in milliseconds from the beginning. */
const KEPT_MS = 3_000;
/** Connections of the server that are no client's yet, or are about to be closed. */
const MOST = 16;

/** Who comes, as far as it says. */
export interface ArrivingClient {
  readonly principal: string;
  readonly address: string;
}

export interface Preconnect {
  /** The session, where it was opened for this role and nothing has become of it meanwhile. It is the caller's then. */
  take(role: RolePolicy): Promise<UpstreamSession | undefined>;
  /** Closes the session if it was not taken. */
  letGo(): void;
}

export class Preconnects {
  private readonly lately = new LRUCache<string, true>({ max: 20_000, ttl: LATELY_MS });
  private underway = 0;

  /** The client has proved its password, and its session began. */
  cameIn(who: ArrivingClient): void {
    this.lately.set(keyOf(who), true);
  }

  /** A client that does not get through in time gets none the next time: guesses begin only as many sessions as were begun with the first of them. */
  begin(who: ArrivingClient, role: RolePolicy, open: () => Promise<OpenedSession>): Preconnect | undefined {
    const key = keyOf(who);
    if (this.underway >= MOST || !this.lately.has(key)) return undefined;
    this.underway += 1;
    let over = false;
    const end = (): boolean => {
      if (over) return false;
      over = true;
      clearTimeout(timer);
      return true;
    };
    const opened = open().then(
      (result) => ('session' in result ? idle(result.session) : undefined),
      () => undefined,
    );
    const letGo = (): void => {
      if (!end()) return;
      this.lately.delete(key);
      void opened.then((waiting) => {
        waiting?.spoil();
        this.underway -= 1;
      });
    };
    const timer = setTimeout(letGo, KEPT_MS).unref();
    const take = async (wanted: RolePolicy): Promise<UpstreamSession | undefined> => {
      // What is pinned and what is judged follow from one and the same policy.
      if (wanted !== role) letGo();
      if (!end()) return undefined;
      const session = (await opened)?.taken();
      this.underway -= 1;
      // The problem may have passed, so it counts for no one. But it is not tried twice each time.
      if (!session) this.lately.delete(key);
      return session;
    };
    return { take, letGo };
  }
}

/** If the server sends anything or closes the session before it is taken, no client gets it. */
function idle(session: UpstreamSession) {
  const { socket } = session;
  const spoil = (): void => void socket.destroy();
  socket.on('readable', spoil);
  const taken = (): UpstreamSession | undefined => {
    socket.off('readable', spoil);
    return socket.destroyed ? undefined : session;
  };
  return { spoil, taken };
}

const keyOf = ({ principal, address }: ArrivingClient): string => `${networkOf(address)}\0${principal}`;
