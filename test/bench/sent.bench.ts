/** What the statement that Rowgate sends costs the server itself, beside the one that the client wrote: both sent directly, with no guard between. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { interleave, ratios } from './figures/interleave.ts';
import { Section } from './figures/section.ts';
import { table } from './figures/table.ts';
import { scratchFolder } from './world/folder.ts';
import { MODES, pgbench } from './world/pgbench.ts';
import { sentFor } from './world/sent.ts';
import { type Database, makeDatabase } from './world/world.ts';

const WRITTEN = 'SELECT abalance FROM pgbench_accounts WHERE aid = 4711';
const CLIENTS = 8;

const folder = scratchFolder();
let database: Database;
let sent: string;

beforeAll(async () => {
  database = await makeDatabase();
  sent = await sentFor(database, 'headline', WRITTEN, 2_000_001n);
});

afterAll(() => database?.drop());

test('the statement as it is sent', async () => {
  const section = new Section('sent');
  const places: { name: string; file: string }[] = [];
  for (const [name, text] of Object.entries({ written: WRITTEN, sent })) {
    const file = join(folder(), `${name}.sql`);
    await writeFile(file, `\\set aid random(1, 1000000)\n${text.replace('4711', ':aid')};\n`);
    await pgbench(database.account.url, {
      clients: CLIENTS,
      mode: 'simple',
      transactions: 500,
      script: { files: [file] },
    });
    places.push({ name, file });
  }
  const rows: string[][] = [];
  for (const mode of MODES) {
    const figures = await interleave(places, async ({ file }) => {
      const { tps } = await pgbench(database.account.url, { clients: CLIENTS, mode, script: { files: [file] } });
      return tps;
    });
    const [written, rewritten] = [figures.get('written'), figures.get('sent')];
    rows.push([
      mode,
      section.figure(`as written, ${mode}`, 'tps', written),
      section.figure(`as sent, ${mode}`, 'tps', rewritten),
      section.figure(`as sent to as written, ${mode}`, 'ratio', ratios(rewritten, written)),
    ]);
  }
  await section.write(`Without a guard: pgbench's SELECT as a client writes it, and as Rowgate sends it for the headline role (row filter, mask, LIMIT), both directly to the server, ${CLIENTS} clients. Transactions a second. No guard can
be faster to the direct connection than the ratio, whatever it costs itself: the server reads and plans the longer statement, anew each time in the first two protocols.

\`\`\`sql
${sent}
\`\`\`

${table(['protocol', 'as written', 'as sent', 'as sent to as written'], rows)}`);
  expect(sent).toContain('WHERE');
});
