/** The certificates of the guard, towards clients and towards the server: read again while it runs, and watched for when they run out. */

import type { Logger } from 'pino';
import type { AlarmSink } from '../core/alarm-sink.ts';
import { reasonOf } from '../core/error-text.ts';
import { shownTime } from '../policy/source/calendar.ts';
import type { Upstream } from '../upstream/connect.ts';
import { ServerTls, type TlsFiles } from './login/server-tls.ts';
import type { Sessions } from './sessions.ts';

/** Says in time what runs out: certificates and revocation lists. Once when it draws near, once when it is there. */
export interface Dated {
  /** As the subject of a sentence: `revocation list "clients.crl"`. */
  readonly what: string;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly until: number;
  /** What follows when it has run out, as a sentence without its full stop. */
  readonly consequence: string;
}

interface Expiring extends Dated {
  readonly over: boolean;
}

/** The last quarter of its time, and no more than this. */
const NOTICE_MS = 14 * 24 * 60 * 60_000;

export class ExpiryNotices {
  /** The certificates that were reported already. */
  private told: ReadonlySet<string> = new Set();

  /** The certificates that were not yet reported in this state. */
  due(all: readonly Dated[], now: number): Expiring[] {
    const near = all
      .map((dated) => ({ ...dated, over: now > dated.until }))
      .filter(({ from, until, over }) => over || until - now <= Math.min(NOTICE_MS, (until - from) / 4));
    const due = near.filter((expiring) => !this.told.has(keyOf(expiring)));
    this.told = new Set(near.map(keyOf));
    return due;
  }
}

function keyOf({ what, until, over }: Expiring): string {
  return `${what} ${until} ${over}`;
}

/** `revocation list "clients.crl" runs out at 2026-12-01 01:00:00 Europe/Paris; then clients …` */
export function expiryText({ what, until, consequence, over }: Expiring, timeZone: string): string {
  const when = shownTime(until, timeZone);
  return over ? `${what} has run out at ${when}: ${consequence}` : `${what} runs out at ${when}; then ${consequence}`;
}

/** The guard's certificate, and the lists that its clients' are held against. */
export function datedTowardsClients({ validFrom, validUntil, authorities }: ServerTls): Dated[] {
  const ofLists = authorities.lists.map(({ file, issuer, thisUpdate: from, nextUpdate: until }) => {
    const what = `revocation list "${file}" of ${issuer}`;
    return { what, from, until, consequence: 'clients with certificates of this authority are refused' };
  });
  const [from, until] = [validFrom.getTime(), validUntil.getTime()];
  const consequence = 'clients that verify it do not connect';
  return [{ what: 'the certificate of the guard', from, until, consequence }, ...ofLists];
}

/** The result of reading certificates again, in words; nothing if they are the same. */
export interface TlsReload {
  readonly notes: readonly string[];
  readonly problems: readonly string[];
}

export interface CertificatesOptions {
  /** Absent: clients get no TLS. */
  readonly files: TlsFiles | undefined;
  readonly upstream: Upstream;
  readonly sessions: Sessions;
  readonly log: Logger;
  readonly timeZone: string;
  /** Absent: of several processes another one tells. */
  readonly alarms?: AlarmSink;
}

export class Certificates {
  /** What new connections of clients are shown, and held to. */
  tls: ServerTls | undefined;
  private readonly notices = new ExpiryNotices();

  /** Throws where a file cannot be read or the parts do not fit together. */
  constructor(private readonly options: CertificatesOptions) {
    this.tls = options.files && new ServerTls(options.files);
    this.look();
  }

  /**
   * For new connections. Sessions end whose certificate was revoked, or whose authority was removed. If the new files are not valid, the old ones
   * stay in use, and the log says so.
   */
  reload(): TlsReload {
    const told = [this.reloadTowardsClients(), this.reloadTowardsServer()];
    this.look();
    return {
      notes: told.flatMap(({ note }) => note ?? []),
      problems: told.flatMap(({ problem }) => problem ?? []),
    };
  }

  /** When the first of the revocation lists expires; undefined if there are none. */
  get listsValidUntil(): Date | undefined {
    const times = this.tls?.authorities.lists.map(({ nextUpdate }) => nextUpdate) ?? [];
    return times.length === 0 ? undefined : new Date(Math.min(...times));
  }

  /** Says of what runs out that it does; to be called now and then. */
  look(): void {
    const { log, alarms, timeZone } = this.options;
    for (const expiring of this.notices.due(this.dated(), Date.now())) {
      const text = expiryText(expiring, timeZone);
      if (expiring.over) log.error(text);
      else log.warn(text);
      alarms?.raise({ kind: 'expiry', text });
    }
  }

  private reloadTowardsClients(): { note?: string; problem?: string } {
    const { files, sessions, log, timeZone } = this.options;
    if (!files) return {};
    try {
      const next = new ServerTls(files);
      if (next.hash === this.tls?.hash) return {};
      this.tls = next;
      const ended = sessions.endWhere(
        ({ peer }) => peer.certificate && next.authorities.noLongerTrusted(peer.certificate),
      );
      const { validUntil } = next;
      log.info({ validUntil, ended }, 'certificate reloaded');
      return { note: `certificate reloaded, valid until ${shownTime(validUntil.getTime(), timeZone)}` };
    } catch (error) {
      log.error({ err: error }, 'certificate not reloaded; the one in use stays');
      return { problem: `certificate not reloaded, the one in use stays: ${reasonOf(error)}` };
    }
  }

  private reloadTowardsServer(): { note?: string; problem?: string } {
    const { upstream, log } = this.options;
    try {
      if (!upstream.reloadTls()) return {};
      const note = 'certificates towards the database server reloaded';
      log.info(note);
      return { note };
    } catch (error) {
      const what = 'certificates towards the database server not reloaded; those in use stay';
      log.error({ err: error }, what);
      return { problem: `${what}: ${reasonOf(error)}` };
    }
  }

  private dated(): Dated[] {
    const { tls } = this;
    const upstream = this.options.upstream.certificateDates;
    const dated = tls ? datedTowardsClients(tls) : [];
    if (upstream) {
      const consequence = 'the database server may refuse the guard';
      dated.push({ what: 'the client certificate of upstream.tls', ...upstream, consequence });
    }
    return dated;
  }
}
