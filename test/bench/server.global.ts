/** Starts the PostgreSQL that is measured, with room for a thousand idle sessions and for its data in memory, and takes it away again. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startServer } from '../../src/demo/server.ts';
import { NEWEST } from '../support/versions.ts';

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({
    folder: await mkdtemp(join(tmpdir(), 'rowgate-bench-server-')),
    settings: { max_connections: '2500', shared_buffers: '512MB', timezone: 'UTC' },
    temporary: true,
  });
  project.provide('postgresUrl', server.url);
  project.provide('postgresVersion', NEWEST);
  return () => server.stop();
}
