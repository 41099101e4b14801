/** Asks a server how it reads expressions, many at a time: the witness for our own resolution. */
import type pg from 'pg';
import { type DumpNode, targetList } from './parse-tree.ts';

/** How the server reads one expression: the analyzed tree, or the SQLSTATE with which it refuses. */
export type Verdict = { readonly node: DumpNode } | { readonly sqlstate: string };

/** Prepares a connection for `verdicts`. */
export async function prepareWitness(client: pg.Client): Promise<void> {
  await client.query(`
    SET log_min_messages = fatal;
    SET client_min_messages = log;
    SET debug_pretty_print = off;
    CREATE FUNCTION pg_temp.refusals(expressions text[], before text, after text) RETURNS text[] LANGUAGE plpgsql AS $$
    DECLARE expression text; states text[] := '{}';
    BEGIN
      FOREACH expression IN ARRAY expressions LOOP
        BEGIN
          EXECUTE 'PREPARE witness AS ' || before || expression || after;
          DEALLOCATE witness;
          states := states || ''::text;
        EXCEPTION WHEN OTHERS THEN
          states := states || sqlstate;
        END;
      END LOOP;
      RETURN states;
    END $$`);
}

/** The text around an expression in its statement, and whether each expression needs its own statement. */
export interface Within {
  readonly before: string;
  readonly after: string;
  readonly each: boolean;
}

/** The server's verdict on each expression; none of them is run. */
export async function verdicts(
  client: pg.Client,
  expressions: readonly string[],
  within: Within = { before: 'SELECT ', after: '', each: false },
): Promise<Verdict[]> {
  const answers: Verdict[] = [];
  for (let at = 0; at < expressions.length; at += BATCH) {
    const batch = expressions.slice(at, at + BATCH);
    const { rows } = await client.query('SELECT pg_temp.refusals($1, $2, $3) AS states', [
      batch,
      within.before,
      within.after,
    ]);
    const states: string[] = rows[0].states;
    const good = batch.filter((_, i) => states[i] === '');
    const nodes: DumpNode[] = [];
    for (const group of within.each ? good.map((one) => [one]) : good.length > 0 ? [good] : []) {
      nodes.push(...(await analyzed(client, `${within.before}${group.join(', ')}${within.after}`)));
    }
    let next = 0;
    for (const sqlstate of states) answers.push(sqlstate === '' ? { node: nodes[next++]! } : { sqlstate });
  }
  return answers;
}

const BATCH = 300;

async function analyzed(client: pg.Client, statement: string): Promise<DumpNode[]> {
  const dumps: string[] = [];
  const listen = (notice: { detail?: string | undefined }): void => {
    if (notice.detail?.startsWith('{QUERY')) dumps.push(notice.detail);
  };
  client.on('notice', listen);
  await client.query('SET debug_print_parse = on');
  await parse(client, statement);
  await client.query('SET debug_print_parse = off');
  client.off('notice', listen);
  const dump = dumps.find((text) => /:commandType\s+[13]\b/.test(text));
  if (!dump) throw new Error('the server printed no parse tree');
  return targetList(dump);
}

/** Has the server parse it, by the message of that name, and do no more: what PREPARE parses, PostgreSQL 14 does not print. */
export function parse(client: pg.Client, text: string): Promise<void> {
  return new Promise((done, failed) => {
    client.query({
      submit(connection) {
        connection.parse({ name: '', text, types: [] }, false);
        connection.sync();
      },
      handleError: failed,
      handleReadyForQuery: () => done(),
    } as pg.Submittable);
  });
}
