/** Compiles the policies folder against a given catalog: for commands that read the policy once. */
import type { Config } from '../config/config.ts';
import { compileCondition, compileMask } from '../policy/compile/condition.ts';
import { loadPolicy } from '../policy/compile/load.ts';
import type { Policy } from '../policy/model/policy.ts';
import { formatDiagnostic } from '../policy/source/diagnostic.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { readPolicyFolder } from '../policy-files/folder.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';

export interface ReadPolicies {
  readonly policy: Policy;
  /** Errors, a line each: what they concern is closed or withheld. */
  readonly errors: readonly string[];
  /** Of these, those for which a relation, column or function is withheld. */
  readonly withheld: readonly string[];
}

/** Throws if the folder cannot be read. The parser must be loaded. */
export async function readPolicies(config: Config, catalog: Catalog): Promise<ReadPolicies> {
  return compilePolicies(await readPolicyFolder(config.policies), config, catalog);
}

/** The same for files that were already read. */
export function compilePolicies(files: readonly PolicyFile[], config: Config, catalog: Catalog): ReadPolicies {
  const { searchPath, timeZone, tls, requireCertificate, keys } = config;
  const { policy, diagnostics } = loadPolicy(files, {
    catalog,
    searchPath,
    timeZone,
    clientCa: tls?.clientCa !== undefined,
    requireCertificate,
    canaryKey: keys.canaries && 'elsewhere',
    compileCondition,
    compileMask,
  });
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  const withheld = errors.filter(({ withholds }) => withholds);
  return { policy, errors: errors.map(formatDiagnostic), withheld: withheld.map(formatDiagnostic) };
}
