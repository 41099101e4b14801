/** `npm run bench -- --profile`: where the guard spends its time under the headline, as flame graphs in `.bench/profile`. */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IS_TRIAL } from './figures/knobs.ts';
import { SCRATCH } from './figures/page.ts';
import { type CpuProfile, flameGraph } from './profile/flame-graph.ts';
import { serve } from './world/guard.ts';
import { MODES, pgbench, warmUp } from './world/pgbench.ts';
import { type Database, makeDatabase } from './world/world.ts';

const FOLDER = join(SCRATCH, 'profile');
const SECONDS = IS_TRIAL ? 1 : 10;

let database: Database;

beforeAll(async () => {
  database = await makeDatabase();
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
});

afterAll(() => database?.drop());

test.each(MODES)('profile: %s', async (mode) => {
  const folder = join(FOLDER, mode);
  const guard = await serve(database, { node: ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=250'] });
  try {
    await warmUp(guard.url('headline'));
    await pgbench(guard.url('headline'), { clients: 8, mode }, SECONDS);
  } finally {
    await guard.stop();
  }
  // One of each thread.
  const profiles = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  expect(profiles.length).toBeGreaterThan(0);
  for (const name of profiles) {
    const profile: CpuProfile = JSON.parse(await readFile(join(folder, name), 'utf8'));
    const graph = join(folder, name.replace(/\.cpuprofile$/, '.svg'));
    await writeFile(graph, flameGraph(profile, `the guard under the headline, ${mode} protocol: ${name}`));
    process.stdout.write(`${graph}\n`);
  }
});
