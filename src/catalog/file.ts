/** A catalog kept in a file, so that policies can be checked where the database is out of reach. */
import { readFile, writeFile } from 'node:fs/promises';
import { prettifyError } from 'zod';
import type { CatalogData } from '../sql/catalog/catalog.ts';
import { catalogSchema } from './schema.ts';

/** Raised with the next change that an older reader would misread. */
const FORMAT = 1;

/** Writes the catalog as JSON, readable by `loadCatalog`. */
export async function saveCatalog(path: string, catalog: CatalogData): Promise<void> {
  await writeFile(path, catalogText(catalog));
}

/** What such a file holds. */
export function catalogText(catalog: CatalogData): string {
  return `${JSON.stringify({ format: FORMAT, catalog })}\n`;
}

/** Reads a file that `saveCatalog` wrote. Throws an Error that says what is wrong with the file. */
export async function loadCatalog(path: string): Promise<CatalogData> {
  return catalogIn(await readFile(path, 'utf8'), `catalog file "${path}"`);
}

/** What such a text holds. Throws an Error that says what is wrong with `what`. */
export function catalogIn(text: string, what: string): CatalogData {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new Error(`${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const file = parsed !== null && typeof parsed === 'object' ? (parsed as Record<string, unknown>) : {};
  if (file.format !== FORMAT) throw new Error(`${what} is not of format ${FORMAT}`);
  const checked = catalogSchema.safeParse(file.catalog);
  if (!checked.success) throw new Error(`${what} is not valid: ${prettifyError(checked.error)}`);
  return checked.data;
}
