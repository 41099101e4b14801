/** Reads PostgreSQL's own log with `log_statement = all`: what was run for an account, by the application name of each session. */
import type pg from 'pg';
import { CHANNEL } from '../../src/app/catalog-watch.ts';
import { type Query, readCatalog } from '../../src/catalog/read.ts';
import { catalogFingerprint } from '../../src/catalog/watch.ts';
import { pinnedSettings } from '../../src/upstream/pinned-settings.ts';
import { marked, startupPinsQuery } from '../../src/upstream/setup.ts';

/** The settings that the reader below needs. Prefixed: time, process, account, application. */
export const LOGGING = {
  log_statement: 'all',
  log_line_prefix: '%m [%p] %u|%a|',
  log_timezone: 'UTC',
} as const;

/** An entry that says that something is run. */
export interface Logged {
  /** Milliseconds. */
  readonly time: number;
  /** The ID of the server's process. */
  readonly pid: number;
  readonly application: string;
  readonly text: string;
}

const ENTRY = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3}) UTC \[(\d+)\] ([^|]*)\|([^|]*)\|([A-Z]+): {2}(.*)$/s;
const RUNS = /^(?:statement|execute (?:fetch from )?\S+|fastpath function call): (.*)$/s;

/** In their order. Entries end where a line begins that is no continuation, which begins with a tab. */
export function loggedFor(account: string, log: string): Logged[] {
  return log.split(/\n(?!\t)/).flatMap((entry): Logged[] => {
    const [, date, clock, pid, user, application = '', severity, said = ''] = ENTRY.exec(entry) ?? [];
    if (user !== account || severity !== 'LOG') return [];
    const [, text] = RUNS.exec(said) ?? [];
    if (text === undefined) return [];
    return [
      { time: Date.parse(`${date}T${clock}Z`), pid: Number(pid), application, text: text.replaceAll('\n\t', '\n') },
    ];
  });
}

/** In front of each client's session, and around several statements of one message. */
export function ownInSessions(account: string, database: string): ReadonlySet<string> {
  const pins = startupPinsQuery({
    pinned: marked(pinnedSettings(['public'])),
    account,
    database,
    statementTimeout: undefined,
    mayIsolate: () => true,
  });
  return new Set([pins, 'BEGIN', 'COMMIT', 'ROLLBACK']);
}

/** The guard's statements on its own connections, which serve no client: found by asking the same. */
export async function ownOfItself(client: pg.Client): Promise<ReadonlySet<string>> {
  const asked = new Set([`LISTEN ${CHANNEL}`]);
  const ask: Query = async (sql) => {
    asked.add(sql);
    return (await client.query<Record<string, unknown>>(sql)).rows;
  };
  await catalogFingerprint(ask);
  await readCatalog(ask);
  return asked;
}
