/** Runs statements of tests in a database, and gives their rows as text. Nothing of them stays. */
import pg from 'pg';
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Judgement } from '../../guard/decision.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { pinnedSettings } from '../../upstream/pinned-settings.ts';

export interface QueryResult {
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface DatabaseOptions {
  readonly catalog: Catalog;
  readonly searchPath: readonly string[];
  /** False: statements run in a transaction that only reads. */
  readonly writable: boolean;
}

/** A live database must not wait for a test for ever. */
const TIMEOUT_MS = 30_000;

const AS_TEXT = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

export class TestDatabase {
  readonly writable: boolean;

  constructor(
    private readonly client: pg.Client,
    private readonly options: DatabaseOptions,
  ) {
    this.writable = options.writable;
  }

  /** The tests of one file see what `data` makes, and nothing of one another. Throws what the server says of `data`. */
  async file<T>(data: string | undefined, work: () => Promise<T>): Promise<T> {
    const { writable } = this.options;
    await this.client.query(writable ? 'BEGIN' : 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    try {
      if (data !== undefined && writable) await this.client.query(data);
      const settings = [...pinnedSettings(this.options.searchPath)].filter(([name]) => name !== 'role');
      for (const [name, value] of [...settings, ['statement_timeout', String(TIMEOUT_MS)]])
        await this.client.query('SELECT pg_catalog.set_config($1, $2, true)', [name, value]);
      return await work();
    } finally {
      await this.client.query('ROLLBACK');
    }
  }

  /** @param most rows that one statement may return. */
  async run(
    sent: string,
    parameters: readonly (string | null)[],
    judgement: Judgement,
    most: number | undefined,
  ): Promise<QueryResult | { readonly refused: Refusal } | { readonly failed: string }> {
    await this.client.query('SAVEPOINT rowgate_test');
    try {
      const result = await this.execute(sent, parameters, judgement);
      const check = judgement.statements.at(-1)?.check;
      // The last column is the guard's own: it judges new rows, or names people.
      const hidden = check?.added === undefined ? 0 : 1;
      const all = result.rows as (string | null)[][];
      const rows = check?.added === 'only' ? [] : hidden ? all.map((row) => row.slice(0, -hidden)) : all;
      const reads = judgement.statements.at(-1)?.kind.kind === 'read';
      if (reads && most !== undefined && rows.length > most)
        return { refused: refusal('limit-rows', '53400', `statement returns more than ${most} rows`) };
      return { rows };
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      const violation = violationIn(error, judgement);
      return violation ? { refused: violation } : { failed: error.message };
    } finally {
      await this.client.query('ROLLBACK TO rowgate_test');
      await this.client.query('DEALLOCATE ALL');
    }
  }

  private async execute(
    sent: string,
    parameters: readonly (string | null)[],
    judgement: Judgement,
  ): Promise<{ rows: unknown[] }> {
    const ask = async (text: string): Promise<{ rows: unknown[] }> => {
      const result: unknown = await this.client.query({ text, rowMode: 'array', types: AS_TEXT });
      return (Array.isArray(result) ? result.at(-1) : result) as { rows: unknown[] };
    };
    if (judgement.parameters === 0) return ask(sent);
    // The server takes each parameter for what it was judged as.
    const types = Array.from({ length: judgement.parameters }, (_, at) =>
      this.typeName(judgement.parameterTypes?.[at] ?? 0),
    );
    await this.client.query(`PREPARE rowgate_test (${types.join(', ')}) AS ${sent}`);
    const values = types.map((_, at) => (parameters[at] == null ? 'NULL' : pg.escapeLiteral(parameters[at])));
    return ask(`EXECUTE rowgate_test (${values.join(', ')})`);
  }

  private typeName(oid: number): string {
    const type = this.options.catalog.typesByOid.get(oid);
    return type ? `${pg.escapeIdentifier(type.schema)}.${pg.escapeIdentifier(type.name)}` : 'unknown';
  }
}

/** The row that may not be written, as the session tells it of the error of the cast that the rewriting added. */
function violationIn({ code, message }: pg.DatabaseError, judgement: Judgement): Refusal | undefined {
  const number = code === '22P02' ? /\browgate_check (\d{1,5})\W*$/.exec(message)?.[1] : undefined;
  if (number === undefined) return undefined;
  return judgement.statements.flatMap(({ check }) => check?.violations[Number(number)] ?? [])[0];
}
