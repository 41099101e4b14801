/** Tests saved catalogs: what was saved is read again, and a broken file is refused with a message that says what is wrong. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadCatalog, saveCatalog } from '../../src/catalog/file.ts';
import { readCatalog } from '../../src/catalog/read.ts';
import type { CatalogData } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let folder: string;
let data: CatalogData;
beforeAll(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'rowgate-catalog-'));
  data = await readCatalog((sql) => database.query(sql));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

test('a saved catalog comes back as it was', async () => {
  const path = join(folder, 'catalog.json');
  await saveCatalog(path, data);
  expect(await loadCatalog(path)).toEqual(data);
});

test.each([
  ['not JSON', () => '{', /catalog file ".*" is not JSON/],
  ['another format', () => '{"format":2,"catalog":{}}', /is not of format 1/],
  ['null', () => 'null', /is not of format 1/],
  [
    'a part missing',
    () => JSON.stringify({ format: 1, catalog: { ...data, casts: undefined } }),
    /is not valid.*\n.*casts/,
  ],
  [
    'a wrong value',
    () => JSON.stringify({ format: 1, catalog: { ...data, casts: [{ source: -1 }] } }),
    /casts\[0\]\.source/,
  ],
  ['an unknown key', () => JSON.stringify({ format: 1, catalog: { ...data, more: 1 } }), /"more"/],
])('%s is refused, and the message says what is wrong', async (_, content, message) => {
  const path = join(folder, 'broken.json');
  await writeFile(path, content());
  await expect(loadCatalog(path)).rejects.toThrow(message);
  await readFile(path); // still there
});

test('a file that is not there is an error of the file system', async () => {
  await expect(loadCatalog(join(folder, 'nosuch.json'))).rejects.toThrow('ENOENT');
});
