/** Libraries of Node.js on top of a driver: they run in this process. */

import { NOTHING } from '../support/tools.ts';
import type { Driver } from './driver.ts';
import { takeDrizzle } from './node/drizzle.ts';
import { takeKysely } from './node/kysely.ts';

const also = { 'joins and aggregates': 'joins and aggregates' };

export const NODE_ORMS: readonly Driver[] = [
  { name: 'Drizzle', language: 'TypeScript', needs: NOTHING, run: takeDrizzle, also },
  { name: 'Kysely', language: 'TypeScript', needs: NOTHING, run: takeKysely, also },
];
