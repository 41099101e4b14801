/**
 * Starts one PostgreSQL for the whole run of the tests, in a temporary folder and on a port of its own, and takes it away again.
 * `ROWGATE_POSTGRES=14` makes it one of the older versions that `npm ci --prefix test/versions` brings.
 */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServer } from '../../src/demo/server.ts';
import { NEWEST, otherServer } from './versions.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** URL of the superuser `postgres`, on the database `postgres`. */
    postgresUrl: string;
    /** Its major version. */
    postgresVersion: number;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const version = Number(process.env.ROWGATE_POSTGRES ?? NEWEST);
  const other = otherServer(version);
  const server = await startServer({
    ...(other && { other }),
    folder: await mkdtemp(join(tmpdir(), 'rowgate-test-')),
    settings: { max_connections: '300', shared_buffers: '64MB', timezone: 'UTC' },
    temporary: true,
  });
  project.provide('postgresUrl', server.url);
  project.provide('postgresVersion', version);
  return () => server.stop();
}
