/** Starts one PostgreSQL for the whole run of the tests, in a temporary folder and on a port of its own, and takes it away again. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServer } from '../../src/demo/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the superuser `postgres`, on the database `postgres`. */
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({
    folder: await mkdtemp(join(tmpdir(), 'rowgate-test-')),
    settings: { max_connections: '300', shared_buffers: '64MB', timezone: 'UTC' },
    temporary: true,
  });
  project.provide('postgresUrl', server.url);
  return () => server.stop();
}
