/** The drivers of Node.js themselves: they run in this process. */
import type { Driver } from './driver.ts';
import { takeNodePostgres } from './node/node-postgres.ts';
import { takePostgresJs } from './node/postgres-js.ts';

export const NODE_POSTGRES: Driver = {
  name: 'node-postgres',
  language: 'TypeScript',
  found: true,
  run: takeNodePostgres,
};

export const NODE_DRIVERS: readonly Driver[] = [
  NODE_POSTGRES,
  { name: 'postgres.js', language: 'TypeScript', found: true, run: takePostgresJs },
];
