/** Two databases with the same visible objects, of the same numbers, and other hidden ones: few and plain, or many of every kind. A guard in front of each. */
import { join } from 'node:path';
import { grantRows } from '../../src/demo/database.ts';
import { freshDatabase, superuserUrl } from '../support/postgres.ts';
import type { Numbers } from './catalog-statements.ts';
import { type Lane, openLane } from './lane.ts';
import { cloneOf, guardOn, read, runOnce } from './worlds.ts';

const POLICIES = join(import.meta.dirname, 'catalog-policies');

export interface CatalogWorlds {
  readonly names: readonly [string, string];
  /** OIDs of the hidden objects of both databases. */
  readonly numbers: Numbers;
  /** Guards in front of both; a lane through each. Ended by `stop`. */
  guarded(): Promise<{ readonly lanes: readonly [Lane, Lane]; stop(): Promise<void> }>;
  drop(): Promise<void>;
}

export async function makeCatalogWorlds(): Promise<CatalogWorlds> {
  const plain = await freshDatabase();
  // One account for both guards: privileges are no difference between the databases.
  const account = await plain.createLogin();
  await runOnce(plain.url, [read('catalog-visible.sql')]);
  await grantRows(plain.url, account.user);
  const [visible] = await plain.query<{ most: number }>(
    'SELECT max(greatest(objid, refobjid))::bigint::integer AS most FROM pg_depend',
  );
  const many = await cloneOf(plain);
  await runOnce(plain.url, [read('catalog-plain.sql')]);
  await runOnce(many.url, [read('catalog-many.sql')]);
  await runOnce(superuserUrl(), [
    ...[plain, many].map(({ name }) => `ALTER DATABASE ${name} SET jit = off`),
    `ALTER DATABASE ${many.name} SET log_min_duration_statement = '7s'`,
    `ALTER DATABASE ${many.name} SET dynamic_library_path = 'hidden'`,
    `ALTER DATABASE ${many.name} SET default_text_search_config = 'pg_catalog.german'`,
    `ALTER DATABASE ${many.name} SET hidden.setting = 'hidden'`,
  ]);
  for (const { url } of [plain, many]) await runOnce(url, ['VACUUM ANALYZE']);
  const [hidden] = await many.query<{ most: number }>(
    'SELECT max(greatest(objid, refobjid))::bigint::integer AS most FROM pg_depend',
  );
  return {
    names: [plain.name, many.name],
    numbers: { from: visible!.most + 1, to: hidden!.most },
    async guarded() {
      const guards = [await guardOn(plain, account, POLICIES), await guardOn(many, account, POLICIES)];
      const open = async (i: 0 | 1): Promise<Lane> =>
        openLane({
          port: guards[i]!.port,
          user: 'reader',
          password: 'demo-teacher',
          database: [plain, many][i]!.name,
        });
      const lanes = [await open(0), await open(1)] as const;
      return {
        lanes,
        async stop() {
          for (const lane of lanes) lane.end();
          for (const guard of guards) await guard.stop();
        },
      };
    },
    async drop() {
      await many.drop();
      await plain.drop();
    },
  };
}
