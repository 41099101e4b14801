/** postgres.js: everything prepared, types asked of the server, cursors as portals, COPY as streams. */
import { readFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import postgres from 'postgres';
import type { Environment } from '../driver.ts';
import { PARAMETERS } from '../steps.ts';
import { form, takeAll } from './steps.ts';
import { VALUES } from './values.ts';

const CANCEL_AFTER_MS = 300;

/** Takes all steps on one connection. */
export async function takePostgresJs(env: Environment): Promise<string> {
  const { PGSSLROOTCERT: ca } = env;
  const sql = postgres({
    host: env.PGHOST!,
    port: Number(env.PGPORT),
    user: env.PGUSER!,
    password: env.PGPASSWORD!,
    database: env.PGDATABASE!,
    ssl: ca === undefined ? false : { ca: readFileSync(ca, 'utf8') },
    max: 1,
    onnotice: () => {},
  });
  const driver = env.ROWGATE_DRIVER!;
  const after = async () => (await sql`SELECT 42 AS n`)[0]?.n;
  const mine = () => sql`DELETE FROM notes WHERE driver = ${driver}`;
  const printed = await takeAll({
    async connect() {
      return (await sql`SHOW server_version_num`)[0]?.server_version_num;
    },
    async 'typed parameters'() {
      // As text: the driver would make a Date of it, and that ends at milliseconds.
      const cast = (column: string) => (column === 'at' ? '::text::timestamptz' : '');
      const conditions = PARAMETERS.map((column, index) => `${column} = $${index + 1}${cast(column)}`);
      const text = `SELECT ${PARAMETERS.join(', ')} FROM things WHERE ${conditions.join(' AND ')}`;
      const [row] = await sql.unsafe(text, VALUES as never[], { prepare: true });
      return Object.fromEntries(Object.entries(row ?? {}).map(([column, value]) => [column, form(value)]));
    },
    async 'prepared statements'() {
      const labels: unknown[] = [];
      for (let id = 2; id <= 20; id += 2)
        labels.push((await sql`SELECT label FROM measures WHERE id = ${id}`)[0]?.label);
      return labels;
    },
    async transactions() {
      const insert = (tx: postgres.TransactionSql, body: string) =>
        tx`INSERT INTO notes (driver, body) VALUES (${driver}, ${body})`;
      const undo = new Error('undo');
      const unlessUndone = (error: unknown) => {
        if (error !== undo) throw error;
      };
      await mine();
      await sql
        .begin(async (tx) => {
          await insert(tx, 'a');
          throw undo;
        })
        .catch(unlessUndone);
      await sql.begin(async (tx) => {
        await insert(tx, 'b');
        await tx
          .savepoint(async (inner) => {
            await insert(inner, 'c');
            throw undo;
          })
          .catch(unlessUndone);
        await insert(tx, 'd');
      });
      return (await sql`SELECT body FROM notes WHERE driver = ${driver} ORDER BY body`).map(({ body }) => body);
    },
    async errors() {
      const connection = await sql.reserve();
      await connection`BEGIN`;
      const { sqlstate, message } = await failure(connection`SELECT 1/0`);
      const second = await failure(connection`SELECT 1`);
      await connection`ROLLBACK`;
      connection.release();
      return { sqlstate, message, failed: second.sqlstate, after: await after() };
    },
    async refusal() {
      const asked = sql`SELECT ine FROM students WHERE id = ${1}`.values();
      const result = await asked.then((found) => ({ rows: [...found] }), told);
      return { ...result, after: await after() };
    },
    async cancel() {
      const running = sql`SELECT count(*) FROM measures AS a, measures AS b, measures AS c`;
      setTimeout(() => running.cancel(), CANCEL_AFTER_MS);
      const { sqlstate } = await failure(running);
      return { sqlstate, after: await after() };
    },
    async cursor() {
      let count = 0;
      let sum = 0;
      for await (const page of sql`SELECT id, label FROM measures ORDER BY id`.cursor(1000)) {
        count += page.length;
        for (const { id } of page) sum += id;
      }
      return { rows: count, sum };
    },
    async copy() {
      await mine();
      let out = '';
      const from = await sql`COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT`.readable();
      for await (const chunk of from) out += chunk;
      const into = await sql`COPY notes (driver, body) FROM STDIN`.writable();
      await pipeline(
        Array.from({ length: 1000 }, (_, n) => `${driver}\tline ${n}\n`),
        into,
      );
      const [{ n } = {}] = await sql`SELECT count(*)::int AS n FROM notes WHERE driver = ${driver}`;
      await mine();
      return { out: out.split('\n').length - 1, in: n };
    },
  });
  await sql.end();
  return printed;
}

function told(error: unknown): { sqlstate: string; message: string } {
  if (!(error instanceof postgres.PostgresError)) throw error;
  return { sqlstate: error.code, message: error.message };
}

async function failure(statement: PromiseLike<unknown>): Promise<ReturnType<typeof told>> {
  try {
    await statement;
  } catch (error) {
    return told(error);
  }
  throw new Error('the statement did not fail');
}
