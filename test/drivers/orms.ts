/** What applications of Node.js put on top of a driver: they run in this process. */
import type { Driver } from './driver.ts';
import { takeDrizzle } from './node/drizzle.ts';
import { takeKysely } from './node/kysely.ts';

const also = { 'joins and aggregates': 'joins and aggregates' };

export const NODE_ORMS: readonly Driver[] = [
  { name: 'Drizzle', language: 'TypeScript', found: true, run: takeDrizzle, also },
  { name: 'Kysely', language: 'TypeScript', found: true, run: takeKysely, also },
];
