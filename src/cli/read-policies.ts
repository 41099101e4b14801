/** Compiles the policies folder against a catalog that is at hand: for commands that look at the policy once. */
import type { Config } from '../config/config.ts';
import { compileCondition, compileMask } from '../policy/condition.ts';
import { formatDiagnostic } from '../policy/diagnostic.ts';
import { loadPolicy } from '../policy/load.ts';
import type { Policy } from '../policy/policy.ts';
import type { Catalog } from '../sql/catalog.ts';
import { readPolicyFolder } from '../store/policy-folder.ts';

export interface ReadPolicies {
  readonly policy: Policy;
  /** Errors, a line each: what they concern is closed. */
  readonly errors: readonly string[];
}

/** Throws where there is no folder that can be read. The parser must be loaded. */
export async function readPolicies(config: Config, catalog: Catalog): Promise<ReadPolicies> {
  const { searchPath, timeZone, tls, requireCertificate, keys } = config;
  const { policy, diagnostics } = loadPolicy(await readPolicyFolder(config.policies), {
    catalog,
    searchPath,
    timeZone,
    clientCa: tls?.clientCa !== undefined,
    requireCertificate,
    canaryKey: keys.canaries && 'elsewhere',
    compileCondition,
    compileMask,
  });
  return { policy, errors: diagnostics.filter(({ severity }) => severity === 'error').map(formatDiagnostic) };
}
