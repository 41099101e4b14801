/** Watches the database's catalog over one lasting connection: asks at short intervals whether it has changed, and at once when the database says so. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import { catalogFingerprint } from '../catalog/watch.ts';
import type { UpstreamConfig } from '../config/config.ts';
import { connected, leave } from './ask-server.ts';

/** The shortest time between two questions. */
const SHORTEST_MS = 1_000;
/** A question that took long is asked less often: it takes no more than a twentieth of the time … */
const SHARE = 20;
/** … but at least this often, also while the database cannot be reached. */
const LONGEST_MS = 10_000;
/** How long the end waits for a question that is under way. */
const GRACE_MS = 1_000;

export interface CatalogWatch {
  /** The database could not be asked the last time. */
  readonly unreachable: boolean;
  stop(): Promise<void>;
}

export interface CatalogWatchOptions {
  readonly upstream: UpstreamConfig;
  readonly log: Logger;
  /** The version in force. */
  version(): string;
  /** Everything is to be read again once the database answers, whatever its catalog: a reading has failed. */
  owes?(): boolean;
  /** Reads everything again. */
  changed(): Promise<void>;
}

/** Begins to watch. Never throws; what goes wrong is asked again. */
export function watchCatalog(options: CatalogWatchOptions): CatalogWatch {
  const watch = new Watch(options);
  watch.later(SHORTEST_MS);
  return watch;
}

class Watch implements CatalogWatch {
  unreachable = false;
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private asking: Promise<void> | undefined;
  private told = false;
  private stopped = false;

  constructor(private readonly options: CatalogWatchOptions) {}

  later(ms: number): void {
    if (this.stopped) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.now(), ms);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    this.leave();
    // It may be connecting.
    await Promise.race([this.asking, sleep(GRACE_MS, undefined, { ref: false })]);
  }

  private leave(): void {
    if (this.client) leave(this.client);
    this.client = undefined;
  }

  /** Asks, or asks once more where a question is under way: it may have been answered before the change. */
  private now(): void {
    if (this.asking) {
      this.told = true;
      return;
    }
    this.asking = this.ask().then((ms) => {
      this.asking = undefined;
      if (this.stopped) this.leave();
      const again = this.told ? 0 : Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms * SHARE));
      this.told = false;
      this.later(this.unreachable && !this.options.owes?.() ? LONGEST_MS : again);
    });
  }

  /** How long the database took to answer, in milliseconds. */
  private async ask(): Promise<number> {
    const { log, version, owes, changed } = this.options;
    let ms = 0;
    try {
      const client = await this.connection();
      const began = performance.now();
      const found = await catalogFingerprint(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
      ms = performance.now() - began;
      if (this.unreachable && version() !== '') log.info('the database answers again');
      this.unreachable = false;
      if ((found !== version() || owes?.()) && !this.stopped) await changed();
    } catch (error) {
      if (this.stopped) return ms;
      const detail = error instanceof Error ? error.message : String(error);
      // Without a policy there was a word about it already.
      if (!this.unreachable && version() !== '')
        log.warn({ detail }, 'could not ask the database whether its catalog has changed');
      this.unreachable = true;
      this.leave();
    }
    return ms;
  }

  private async connection(): Promise<pg.Client> {
    if (this.client) return this.client;
    const client = await connected(this.options.upstream);
    this.client = client;
    client.on('end', () => {
      if (this.client === client) this.client = undefined;
    });
    client.on('notification', () => this.now());
    await client.query(`LISTEN ${CHANNEL}`);
    return client;
  }
}

/** How a database announces changes of its catalog, if its owner installs it: an event trigger that sends a notification. */
export const CHANNEL = 'rowgate_catalog';

/** To be run by a superuser, once in the database. A notification comes when the transaction that changed something has committed. */
export const NOTICE_SQL = `CREATE FUNCTION public.rowgate_catalog_changed() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_catalog.pg_notify('${CHANNEL}', ''); END $$;
CREATE EVENT TRIGGER rowgate_catalog_changed ON ddl_command_end EXECUTE FUNCTION public.rowgate_catalog_changed();
CREATE EVENT TRIGGER rowgate_catalog_dropped ON sql_drop EXECUTE FUNCTION public.rowgate_catalog_changed();
`;
