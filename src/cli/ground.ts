/** What commands about policies begin with: the configuration, a catalog, and the policies on it. What cannot be had is printed, and sets the exit code. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { environmentFor } from '../app/placeholders.ts';
import { printProblems } from '../app/print.ts';
import { compilePolicies, type ReadPolicies } from '../app/read-policies.ts';
import { loadCatalog } from '../catalog/file.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import { readCatalog } from '../catalog/read.ts';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { readPolicyFolder } from '../policy-files/folder.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { failed } from './ask-guard.ts';

export interface Ground extends ReadPolicies {
  readonly config: Config;
  readonly catalog: Catalog;
  readonly files: readonly PolicyFile[];
}

export interface GroundOptions {
  readonly config: string;
  /** A saved catalog in place of the database. */
  readonly catalog?: string | undefined;
  /** A folder in place of the configuration's. */
  readonly policies?: string | undefined;
}

/** The catalog that is kept with a folder of policies, if one is. */
export function savedBeside(folder: string | undefined): string | undefined {
  const file = join(folder ?? '', 'catalog.json');
  return folder !== undefined && existsSync(file) ? file : undefined;
}

/** @param saved a catalog in a file: with one, secrets are not needed. */
export function configOf(file: string, saved?: string, exitCode: 1 | 2 = 2): Config | undefined {
  const { config, problems } = loadConfig(file, environmentFor(saved));
  if (config) return config;
  printProblems(problems.map(formatProblem));
  process.exitCode = exitCode;
  return undefined;
}

/** `whole`: with what views and functions reach, which takes longer. Throws if neither file nor database can be read. */
export async function catalogOf(
  { upstream }: Config,
  saved: string | undefined,
  extent: 'as guards need it' | 'whole' = 'as guards need it',
): Promise<Catalog> {
  if (saved !== undefined) return new Catalog(await loadCatalog(saved));
  // A client of PostgreSQL takes a while to be read: without a database it is not.
  const { ask } = await import('../app/ask-server.ts');
  return new Catalog(await ask(upstream, extent === 'whole' ? readCatalogWithReaches : readCatalog));
}

/** Loads the parser, too. */
export async function groundOf(
  { config: file, catalog: saved, policies }: GroundOptions,
  extent?: Parameters<typeof catalogOf>[2],
): Promise<Ground | undefined> {
  const config = configOf(file, saved);
  if (!config) return undefined;
  await loadParser();
  try {
    const catalog = await catalogOf(config, saved, extent);
    const files = await readPolicyFolder(policies ?? config.policies);
    return { config, catalog, files, ...compilePolicies(files, config, catalog) };
  } catch (error) {
    return failed(2, reasonOf(error));
  }
}
