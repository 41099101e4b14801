/** A folder with a configuration, the sample policies without their tests, and the catalog of the demo's tables. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { saveCatalog } from '../../src/catalog/file.ts';
import { CONSTRAINTS, TABLES } from '../../src/demo/schema.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { catalogOf } from '../policy/environment.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';

export const SAMPLES = resolve(import.meta.dirname, '../../policies');

export interface Desk {
  readonly folder: string;
  /** The path of `rowgate.yaml`. */
  readonly config: string;
  readonly catalog: string;
  /** SQL that makes the demo's tables. */
  readonly schema: string;
  /** Writes a file, below the policies. */
  write(path: string, text: string): void;
  remove(): void;
}

/** @param url of a database with the demo's tables. */
export async function desk(url: string): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-desk-'));
  const policies = join(folder, 'policies');
  cpSync(SAMPLES, policies, { recursive: true });
  for (const name of readdirSync(policies)) if (name.includes('.test.')) rmSync(join(policies, name));
  const config = join(folder, 'rowgate.yaml');
  writeFileSync(
    config,
    'listen: 127.0.0.1:0\nupstream: { url: "postgres://nobody:x@127.0.0.1:1/ent" }\ntime_zone: Europe/Paris\nlog: { file: ./d.jsonl }\n',
  );
  const catalog = join(policies, 'catalog.json');
  await saveCatalog(catalog, (await catalogOf(url)).data);
  const schema = join(folder, 'schema.sql');
  writeFileSync(schema, `${TABLES}${CONSTRAINTS}`);
  return {
    folder,
    config,
    catalog,
    schema,
    write(path, text) {
      mkdirSync(dirname(join(policies, path)), { recursive: true });
      writeFileSync(join(policies, path), text);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The same, of a database with the demo's rows. */
export async function schoolDesk(): Promise<{ database: FreshDatabase; catalog: Catalog; at: Desk }> {
  const database = await freshDatabase();
  await seedSmall(database.url);
  return { database, catalog: await catalogOf(database.url), at: await desk(database.url) };
}
