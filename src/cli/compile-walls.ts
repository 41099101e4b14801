/** What `rowgate compile` does: policies and catalog read, walls built, printed or compared. Says what it found; prints nothing. */

import { ask } from '../app/ask-server.ts';
import { reasonOf } from '../app/error-text.ts';
import { readPolicies } from '../app/read-policies.ts';
import { readAccount } from '../catalog/account.ts';
import { canonicalOf } from '../catalog/canonical.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import { readSurroundings } from '../catalog/surroundings.ts';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { compareWall } from '../native/compare-wall.ts';
import type { Difference } from '../native/comparison.ts';
import { printWalls } from '../native/print-wall.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { wallsFor } from './walls.ts';

export interface CompileOptions {
  readonly config: string;
  readonly role?: string;
  readonly principal?: string;
  readonly direct?: boolean;
  readonly revokePublic?: boolean;
  readonly verify?: boolean;
}

export interface Compiled {
  readonly exitCode: 0 | 1 | 2;
  readonly sql?: string;
  readonly differences?: readonly Difference[];
  /** Roles without a wall, and what is withheld from the others, each with why. */
  readonly without: readonly string[];
  readonly problems: readonly string[];
}

export async function compileWalls(options: CompileOptions): Promise<Compiled> {
  const { config, problems } = loadConfig(options.config, process.env);
  if (!config) return failed(problems.map(formatProblem));
  try {
    return await ask(config.upstream, async (query): Promise<Compiled> => {
      const catalog = new Catalog(await readCatalogWithReaches(query));
      const { policy, errors, withheld } = await readPolicies(config, catalog);
      const { walls, closed, problems, ...found } = wallsFor(policy, catalog, config, {
        role: options.role,
        principal: options.principal,
        kind: options.direct === true ? 'direct' : 'guard',
      });
      if (problems.length > 0) return failed([...problems, ...errors]);
      const without = [...found.without, ...withheld];
      const incomplete = closed || withheld.length > 0;
      const surroundings = await readSurroundings(query);
      if (options.verify === true) {
        const differences: Difference[] = [];
        for (const wall of walls) {
          const found = await readAccount(query, wall);
          const canonical = await canonicalOf(query, wall);
          differences.push(...compareWall({ wall, found, canonical, surroundings, catalog }));
        }
        return { exitCode: differences.length > 0 || incomplete ? 1 : 0, differences, without, problems: [] };
      }
      const printing = { catalog, surroundings, policyHash: policy.hash, revokePublic: options.revokePublic === true };
      return { exitCode: incomplete ? 1 : 0, sql: printWalls(walls, printing), without, problems: [] };
    });
  } catch (error) {
    return failed([reasonOf(error)]);
  }
}

function failed(problems: readonly string[]): Compiled {
  return { exitCode: 2, without: [], problems };
}
