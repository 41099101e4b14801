/** A thief with a stolen account, who takes whatever comes and goes on after every refusal. */
import pg from 'pg';
import { type RawClient, rawLogin } from '../proxy/raw-client.ts';
import { pupilsIn } from './pupils.ts';
import type { Tap } from './tap.ts';

/** The error of a refused statement: SQLSTATE and message. */
export interface Refused {
  readonly code: string;
  readonly message: string;
}

export class Thief {
  /** In order. */
  readonly refusals: Refused[] = [];
  private readonly clients: pg.Client[] = [];
  private readonly raws: RawClient[] = [];

  constructor(
    readonly tap: Tap,
    readonly name: string,
    readonly password: string,
    readonly database: string,
    /** The token of the end user, which each of the connections sets first. */
    readonly token?: string,
  ) {}

  get url(): string {
    const options = this.token === undefined ? '' : `?options=-c%20rowgate.token%3D${this.token}`;
    return `postgres://${this.name}:${this.password}@127.0.0.1:${this.tap.port}/${this.database}${options}`;
  }

  async client(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.url });
    client.on('error', () => {});
    await client.connect();
    this.clients.push(client);
    return client;
  }

  async raw(): Promise<RawClient> {
    const settings: Record<string, string> = this.token === undefined ? {} : { 'rowgate.token': this.token };
    const raw = await rawLogin(this.tap.port, this.name, this.password, this.database, 0, settings);
    this.raws.push(raw);
    return raw;
  }

  /** Rows, or how it was refused; a connection that is gone counts as that. */
  async ask(client: pg.Client, query: string | pg.QueryConfig, values?: unknown[]): Promise<unknown[] | Refused> {
    try {
      const result = await client.query(query, values);
      return (Array.isArray(result) ? result.flatMap(({ rows }) => rows ?? []) : result.rows) ?? [];
    } catch (error) {
      const { code = 'gone', message } = error as Partial<pg.DatabaseError> & Error;
      const refused = { code, message };
      this.refusals.push(refused);
      return refused;
    }
  }

  /** All of them one after the other over one connection. */
  async askAll(queries: Iterable<string>, client?: pg.Client): Promise<void> {
    const over = client ?? (await this.client());
    for (const query of queries) await this.ask(over, query);
  }

  /** Distinct pupils in all that has come to this account. */
  who(): Set<number> {
    return pupilsIn(this.tap.arrived());
  }

  left(): number {
    return this.who().size;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.raws) socket.destroy();
    await Promise.all(this.clients.map((client) => client.end().catch(() => {})));
    await this.tap.stop();
  }
}

/** Sends messages of the wire, and reads until that number of ReadyForQuery, or the end. @returns the types of the messages. */
export async function exchange(
  { socket, reader }: RawClient,
  messages: readonly Buffer[],
  readies = 1,
): Promise<string> {
  socket.write(Buffer.concat(messages));
  let types = '';
  for (let ready = 0; ready < readies; ) {
    const message = await reader.readMessage().catch(() => undefined);
    if (!message) return `${types}!`;
    const type = String.fromCharCode(message.type);
    types += type;
    if (type === 'Z') ready += 1;
  }
  return types;
}
