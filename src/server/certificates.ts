/** The certificates of the guard, towards clients and towards the server: read again while it runs, and watched for when they run out. */
import type { Logger } from 'pino';
import type { AlarmSink } from '../core/alarm-sink.ts';
import { shownTime } from '../policy/source/calendar.ts';
import type { Upstream } from '../upstream/connect.ts';
import { type Dated, ExpiryNotices, expiryText } from './expiring.ts';
import { ServerTls, type TlsFiles } from './login/server-tls.ts';
import type { Sessions } from './sessions.ts';

/** What came of reading certificates again, in words; nothing where they are the same. */
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
   * For new connections; sessions end whose certificate was taken back, or its authority. Where what is there now does not
   * serve, what is in use stays, and the log says so.
   */
  reload(): TlsReload {
    const told = [this.reloadTowardsClients(), this.reloadTowardsServer()];
    this.look();
    return {
      notes: told.flatMap(({ note }) => note ?? []),
      problems: told.flatMap(({ problem }) => problem ?? []),
    };
  }

  /** When the first of the revocation lists runs out; undefined where there are none. */
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
      return { problem: `certificate not reloaded, the one in use stays: ${messageOf(error)}` };
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
      return { problem: `${what}: ${messageOf(error)}` };
    }
  }

  private dated(): Dated[] {
    const { tls } = this;
    const upstream = this.options.upstream.certificateDates;
    const dated: Dated[] = [];
    if (tls) {
      const [from, until] = [tls.validFrom.getTime(), tls.validUntil.getTime()];
      dated.push({
        what: 'the certificate of the guard',
        from,
        until,
        consequence: 'clients that verify it do not connect',
      });
    }
    for (const { file, issuer, thisUpdate: from, nextUpdate: until } of tls?.authorities.lists ?? []) {
      const what = `revocation list "${file}" of ${issuer}`;
      dated.push({ what, from, until, consequence: 'clients with certificates of this authority are refused' });
    }
    if (upstream) {
      const consequence = 'the database server may refuse the guard';
      dated.push({ what: 'the client certificate of upstream.tls', ...upstream, consequence });
    }
    return dated;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
