/** One statement by the simple protocol, as psql sends it, or with parameters by the extended, and all that comes back: texts of values, names, types, tags, the SQLSTATE. */
import pg from 'pg';
import type { Statement } from './step.ts';

export interface Answer {
  readonly names: readonly string[];
  /** Of the database's own types no more than that they are such: OIDs are each server's. */
  readonly types: readonly string[];
  readonly rows: readonly string[];
  readonly tag: string;
  readonly error?: { readonly code: string; readonly message: string; readonly detail: string };
}

const FIRST_OWN_OID = 16384;

/** node-postgres's own, to the extent that it is used here. */
interface Connection {
  query(sql: string): void;
  parse(message: object): void;
  bind(message: object): void;
  describe(message: object): void;
  execute(message: object): void;
  sync(): void;
}

/** What ended a session: its FATAL error, where there was one. */
const ends = new WeakMap<pg.Client, pg.DatabaseError>();

/** A server may end it at any time; why is told by the statement that finds it gone. */
export async function connectedTo(client: pg.Client): Promise<pg.Client> {
  client.on('error', (error) => {
    if (error instanceof pg.DatabaseError) ends.set(client, error);
  });
  await client.connect();
  return client;
}

/** Why it was ended. */
export function endOf(client: pg.Client): string | undefined {
  const why = ends.get(client);
  return why && `${why.code} ${why.message}`;
}

/** Throws where the connection is lost. `data`: for a COPY FROM STDIN. */
export function ask(client: pg.Client, text: string, data?: string, bound?: Statement['bound']): Promise<Answer> {
  return new Promise((done, fail) => {
    const names: string[] = [];
    const types: string[] = [];
    const rows: string[] = [];
    let tag = '';
    const lost = (): void => {
      const why = endOf(client);
      fail(new Error(`the connection was lost${why ? ` (${why})` : ''} at: ${text.trim().slice(0, 200)}`));
    };
    client.once('end', lost);
    const finish = (error?: Answer['error']): void => {
      client.off('end', lost);
      done({ names, types, rows, tag, ...(error && { error }) });
    };
    const query = {
      // What it returns would be taken for an error.
      submit(connection: Connection) {
        if (!bound) return void connection.query(text);
        connection.parse({ name: '', text, types: bound.types });
        connection.bind({ values: bound.values });
        connection.describe({ type: 'P', name: '' });
        connection.execute({ portal: '' });
        connection.sync();
      },
      handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }) {
        for (const field of message.fields) {
          names.push(field.name);
          types.push(field.dataTypeID < FIRST_OWN_OID ? String(field.dataTypeID) : 'own');
        }
      },
      handleDataRow: (message: { fields: (string | null)[] }) => rows.push(JSON.stringify(message.fields)),
      handleCommandComplete(message: { text: string }) {
        tag = message.text;
      },
      handleEmptyQuery() {},
      handlePortalSuspended() {},
      handleCopyInResponse(connection: { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }) {
        connection.sendCopyFromChunk(Buffer.from(data ?? ''));
        connection.endCopyFrom();
      },
      handleCopyData: (message: { chunk: Buffer }) => rows.push(message.chunk.toString()),
      // Behind an error the client does not tell of ReadyForQuery.
      handleError(found: pg.DatabaseError) {
        // The client's own error, of a connection that is gone.
        if (found.code === undefined) return lost();
        if (found.severity === 'FATAL') ends.set(client, found);
        finish({ code: found.code ?? '', message: found.message, detail: found.detail ?? '' });
      },
      handleReadyForQuery: () => finish(),
    };
    client.query(query as unknown as pg.Submittable);
  });
}

/**
 * What of two answers is not the same; undefined where all is. Rows without an order are compared as a multiset, and plans not at all: they name
 * subqueries. OIDs are compared as such alone: each server has given its objects its own.
 */
export function difference(direct: Answer, guarded: Answer): string | undefined {
  if (direct.error || guarded.error) {
    if (direct.error?.code === guarded.error?.code) return undefined;
    return `SQLSTATE ${guarded.error?.code ?? 'none'} for ${direct.error?.code ?? 'none'}`;
  }
  if (direct.tag !== guarded.tag) return 'tag';
  if (!same(direct.names, guarded.names)) return 'names';
  if (!same(direct.types, guarded.types)) return 'types';
  if (direct.tag === 'EXPLAIN') return undefined;
  const rows = (of: Answer): string[] => of.rows.map((row) => withoutOids(row, of.types));
  return same(rows(direct).sort(), rows(guarded).sort()) ? undefined : 'rows';
}

const OID = '26';

function withoutOids(row: string, types: readonly string[]): string {
  if (!types.includes(OID)) return row;
  const cells = JSON.parse(row) as (string | null)[];
  return JSON.stringify(cells.map((cell, at) => (types[at] === OID && Number(cell) >= FIRST_OWN_OID ? 'own' : cell)));
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}
