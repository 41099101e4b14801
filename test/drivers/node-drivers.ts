/** The drivers of Node.js themselves: they run in this process. */

import { NOTHING } from '../support/tools.ts';
import type { Driver } from './driver.ts';
import { takeNodePostgres } from './node/node-postgres.ts';
import { takePostgresJs } from './node/postgres-js.ts';

export const NODE_POSTGRES: Driver = {
  name: 'node-postgres',
  language: 'TypeScript',
  needs: NOTHING,
  run: takeNodePostgres,
};

export const NODE_DRIVERS: readonly Driver[] = [
  NODE_POSTGRES,
  { name: 'postgres.js', language: 'TypeScript', needs: NOTHING, run: takePostgresJs },
];
