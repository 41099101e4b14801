/**
 * `npm run carry -- DIR`: runs the regression scripts in `DIR/sql`, with the data in `DIR/data`, on two servers kept in step, one of them behind
 * Rowgate as a role to which all is granted there, and prints how many queries and writes give the same, and why the others do not.
 */
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { it } from 'vitest';
import { type Server, startServer } from '../../src/demo/server.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { Pair } from './pair.ts';
import { RECONNECT, type ScriptStep, statementsOf } from './script.ts';
import { Tally } from './tally.ts';

const [folder = '', ...words] = JSON.parse(process.env.ROWGATE_CARRY ?? '[]') as string[];
/** All that was not the same, for who wants to see more than the counts. */
const DETAILS = resolve(import.meta.dirname, '../../.cache/carry.json');
/** They make the tables of all others. */
const PREPARING = ['test_setup.sql', 'create_misc.sql', 'create_aggregate.sql'];

it('carries what regression scripts ask', { timeout: 7_200_000 }, async () => {
  if (folder === '') throw new Error('npm run carry -- DIR [name …]: DIR has sql/*.sql, and data/ perhaps');
  await loadParser();
  const servers: Server[] = [];
  const tally = new Tally();
  try {
    for (const name of ['direct', 'guarded'])
      servers.push(
        await startServer({
          folder: await mkdtemp(join(tmpdir(), `rowgate-carry-${name}-`)),
          settings: SETTINGS,
          temporary: true,
        }),
      );
    const files = (await readdir(join(folder, 'sql'))).filter((name) => name.endsWith('.sql')).sort();
    const [direct, guarded] = servers as [Server, Server];
    await mkdir(resolve(DETAILS, '..'), { recursive: true });
    const pair = new Pair(direct.url, guarded.url);
    for (const file of PREPARING.filter((name) => files.includes(name)))
      for (const step of await stepsOf(file)) if (step !== RECONNECT) await pair.prepare(step);
    await pair.prepared();
    for (const file of files) {
      if (PREPARING.includes(file) || (words.length > 0 && !words.includes(file.slice(0, -4)))) continue;
      const steps = await stepsOf(file);
      tally.begin(file);
      const broken = await pair.run(steps, tally).catch((error: Error) => error);
      process.stdout.write(`${tally.ofFile()}${broken ? `, not run to its end: ${broken.message}` : ''}\n`);
      await writeFile(DETAILS, JSON.stringify(tally.different, null, 1));
    }
    process.stdout.write(tally.summary());
  } finally {
    for (const server of servers) await server.stop();
  }
});

const SETTINGS = {
  max_connections: '60',
  timezone: 'America/Los_Angeles',
  datestyle: 'Postgres, MDY',
  statement_timeout: '20s',
  lock_timeout: '5s',
  max_prepared_transactions: '2',
};

async function stepsOf(file: string): Promise<ScriptStep[]> {
  const script = await readFile(join(folder, 'sql', file), 'utf8');
  return statementsOf(script, { PG_ABS_SRCDIR: resolve(folder) });
}
