/** A thief with a vendor's password: what he tries, and what he receives. */
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** The app sends only this query. It includes the key, so that a pupil who signs in twice counts once. */
const GREETING = 'SELECT id, first_name, class_id FROM students WHERE id = $1';
const PAGE = 'SELECT id, first_name, class_id FROM students WHERE id > $1 ORDER BY id LIMIT 20';
const PAGES_AT_MOST = 10_000;
const INSISTS_AT_MOST = 50;
const INSISTS_EVERY_MS = 150;

/** How a statement ended; `rows` arrived before that, even if it failed. */
interface Answer {
  readonly rows: readonly pg.QueryResultRow[];
  readonly error?: { readonly message: string; readonly code: string | undefined };
}

export class Thief {
  /** Pupils whose names he has. */
  readonly has = new Set<string>();
  private readonly clients: pg.Client[] = [];
  /** The error that ended the session. */
  private readonly fatals = new WeakMap<pg.Client, Error>();
  private slowedAt: number | undefined;

  constructor(
    private readonly url: string,
    private readonly say: (line: string) => void,
  ) {}

  /** The account's legitimate use: pupils who sign in, one by one. Their ids are 1, 2, … */
  async workAsTheApp(pupils: number): Promise<void> {
    const client = await this.connect();
    for (let id = 1; id <= pupils; id += 1) {
      const { rows, error } = await this.ask(client, GREETING, [id]);
      if (error) throw new Error(`the app was refused: ${error.message}`);
      this.keep(rows);
    }
    this.say(`  app    ${GREETING.replace('$1', '…')}`);
    this.say(`         ${pupils} pupils greeted, one by one`);
  }

  async tries(sql: string): Promise<void> {
    this.say(`  thief  ${sql}`);
    const { rows, error } = await this.ask(await this.first(), sql);
    this.keep(rows);
    const came = rows.length > 0 ? `${rows.length} rows, then ` : '';
    this.say(`         ${came}${error ? `ERROR: ${error.message}` : `${rows.length} rows`}`);
  }

  /** On several connections at once, until each is refused. Returns the rows a second before throttling, and after. */
  async pages(connections: number, pupils: number): Promise<{ readonly before: number; readonly slowed: number }> {
    this.say(`  thief  ${PAGE.replace('$1', '…')}   (on ${connections} connections)`);
    const before = this.has.size;
    const begun = performance.now();
    let atSlow = before;
    const share = Math.floor(pupils / connections);
    const said = new Set<string>();
    const page = async (client: pg.Client, from: number): Promise<void> => {
      let last = from;
      for (let at = 0; at < PAGES_AT_MOST; at += 1) {
        const { rows, error } = await this.ask(client, PAGE, [last]);
        this.keep(rows);
        if (this.slowedAt === undefined) atSlow = this.has.size;
        if (rows.length === 0 && !error) return;
        last = Number(rows.at(-1)?.id ?? last);
        if (!error) continue;
        if (!said.has(error.message)) this.say(`         ERROR: ${error.message}`);
        said.add(error.message);
        return;
      }
    };
    const clients = await Promise.all(Array.from({ length: connections }, () => this.connect()));
    await Promise.all(clients.map((client, i) => page(client, 20 + i * share)));
    const ended = performance.now();
    const slowedAt = this.slowedAt ?? ended;
    return {
      before: perSecond(atSlow - before, slowedAt - begun),
      slowed: perSecond(this.has.size - atSlow, ended - slowedAt),
    };
  }

  /** Keeps asking for other pupils until his session ends, then logs in again. True if he is locked out. */
  async insists(pupils: number): Promise<boolean> {
    const client = this.clients.at(-1);
    if (!client) return false;
    let asked = 0;
    for (; asked < INSISTS_AT_MOST; asked += 1) {
      const { rows, error } = await this.ask(client, PAGE, [pupils - 20 * (asked + 1)]);
      this.keep(rows);
      if (error && error.code !== '53400') {
        this.say(`         after ${asked + 1} more tries: FATAL: ${error.message}`);
        break;
      }
      await pause(INSISTS_EVERY_MS);
    }
    try {
      await this.connect();
    } catch (error) {
      this.say('  thief  psql, with the same password');
      this.say(`         FATAL: ${error instanceof Error ? error.message : String(error)}`);
      return (error as { code?: string }).code === '28000';
    }
    return false;
  }

  async leave(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end().catch(() => {})));
  }

  private async first(): Promise<pg.Client> {
    return this.clients[0] ?? this.connect();
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', (error) => {
      if (!this.fatals.has(client)) this.fatals.set(client, error);
    });
    client.on('notice', ({ severity, message, detail }) => {
      if (this.slowedAt === undefined && /slowly/.test(detail ?? '')) {
        this.slowedAt = performance.now();
        this.say(`         ${severity}: ${message}: ${detail}`);
      }
    });
    await client.connect();
    this.clients.push(client);
    return client;
  }

  /** Never throws: he keeps the rows that came before an error. */
  private ask(client: pg.Client, text: string, values: unknown[] = []): Promise<Answer> {
    const rows: pg.QueryResultRow[] = [];
    return new Promise((done) => {
      const query = new pg.Query({ text, values });
      query.on('row', (row: pg.QueryResultRow) => rows.push(row));
      query.on('end', () => done({ rows }));
      query.on('error', (error: Error & { code?: string }) => {
        const said = (this.fatals.get(client) ?? error) as Error & { code?: string };
        done({ rows, error: { message: said.message, code: said.code } });
      });
      client.query(query);
    });
  }

  private keep(rows: readonly pg.QueryResultRow[]): void {
    for (const { id } of rows) if (id !== undefined) this.has.add(String(id));
  }
}

function perSecond(rows: number, ms: number): number {
  return ms > 0 ? rows / (ms / 1000) : 0;
}
