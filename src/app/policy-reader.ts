/** Reads the policies folder against the live catalog, as often as asked; the catalog itself only when it has changed. */
import { catalogText } from '../catalog/file.ts';
import { readCatalog } from '../catalog/read.ts';
import { catalogFingerprint } from '../catalog/watch.ts';
import type { Config, UpstreamConfig } from '../config/config.ts';
import { keyFileErrors, tokensOf } from '../identity/key-file-errors.ts';
import { compileCondition, compileMask } from '../policy/compile/condition.ts';
import { loadPolicy } from '../policy/compile/load.ts';
import type { CanaryKey } from '../policy/model/canaries.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import { type Policy, type Principal, type RolePolicy, roleOf } from '../policy/model/policy.ts';
import { type Diagnostic, formatDiagnostic } from '../policy/source/diagnostic.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import type { RelationsByKey } from '../policy/source/sql-source.ts';
import { PolicyFolderError, readPolicyFolder } from '../policy-files/folder.ts';
import type { PolicyInForce, PolicyReading } from '../server/guard-runtime.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { ask } from './ask-server.ts';
import { readCanaryKey } from './canary-key.ts';

/** What is read, and the last without an error. */
const MOST_REMEMBERED = 4;

interface Compiled {
  readonly policy: Policy;
  /** What they concern is withheld. */
  readonly withholding: readonly Diagnostic[];
  /** What they concern is closed. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export class PolicyReader {
  /** The files in force, to be compiled with each new catalog: those without an error, or the first. */
  private good: readonly PolicyFile[] | undefined;
  /** By subject: the relations that have held its keys at any time since the guard began. */
  private families: RelationsByKey | undefined;
  private known: { readonly catalog: Catalog; readonly version: string } | undefined;

  /** Files that a policy was made of, by its hash: of the last few readings. */
  private readonly files = new Map<string, readonly PolicyFile[]>();

  constructor(private readonly config: Config) {}

  /** What a policy was made of that was read just now. */
  filesOf(policy: string): readonly PolicyFile[] {
    return this.files.get(policy) ?? [];
  }

  /** Of the last reading, as `rowgate check --save-catalog` writes it. */
  catalogText(): string | undefined {
    return this.known && catalogText(this.known.catalog.data);
  }

  /** Throws where the database cannot be asked. The parser must be loaded. */
  async read(): Promise<PolicyReading> {
    const { catalog, version } = await this.catalog();
    const base = { catalog, catalogVersion: version };
    const canaryKey = await readCanaryKey(this.config.keys.canaries);
    let files: readonly PolicyFile[];
    try {
      files = await readPolicyFolder(this.config.policies);
    } catch (error) {
      if (!(error instanceof PolicyFolderError)) throw error;
      const lastGood = this.good && inForce(this.compile(this.good, catalog, canaryKey));
      return { ...base, ...(lastGood && { lastGood }), errors: [error.message], withheld: [], warnings: [] };
    }
    const compiled = this.compile(files, catalog, canaryKey);
    const keys = (await keyFileErrors(tokensOf(compiled.policy), this.config.policies)).map(formatDiagnostic);
    // As at start, where the first files are put into force with what is wrong in them.
    const good = this.good && this.compile(this.good, catalog, canaryKey);
    const unknown = good ? newlyWithheld(compiled, good) : [];
    const errors = [...compiled.errors, ...keys, ...unknown.map(formatDiagnostic)];
    if (errors.length === 0) this.good = files;
    this.good ??= files;
    return {
      ...base,
      ...inForce(compiled),
      errors,
      warnings: compiled.warnings,
      ...(errors.length > 0 && { lastGood: inForce(good ?? compiled) }),
    };
  }

  private compile(files: readonly PolicyFile[], catalog: Catalog, canaryKey: CanaryKey | undefined): Compiled {
    const { searchPath, timeZone, requireCertificate } = this.config;
    const { policy, diagnostics, families } = loadPolicy(files, {
      catalog,
      searchPath,
      timeZone,
      clientCa: this.config.tls?.clientCa !== undefined,
      requireCertificate,
      canaryKey,
      families: this.families,
      compileCondition,
      compileMask,
    });
    this.families = new Map([...(this.families ?? []), ...families]);
    this.remember(policy.hash, files);
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    const closing = errors.filter(({ withholds }) => !withholds);
    const apart = separatePooledAccounts(policy, this.config.upstream);
    return {
      policy: apart.policy,
      withholding: errors.filter(({ withholds }) => withholds),
      errors: [...closing.map(formatDiagnostic), ...apart.errors],
      warnings: diagnostics.filter(({ severity }) => severity === 'warning').map(formatDiagnostic),
    };
  }

  private remember(policy: string, files: readonly PolicyFile[]): void {
    this.files.delete(policy);
    this.files.set(policy, files);
    const [oldest] = this.files.keys();
    if (this.files.size > MOST_REMEMBERED && oldest !== undefined) this.files.delete(oldest);
  }

  private catalog(): Promise<{ catalog: Catalog; version: string }> {
    return ask(this.config.upstream, async (query) => {
      // Before the catalog: a change in between shows in the next version, and is not missed.
      const version = await catalogFingerprint(query);
      if (this.known?.version !== version) this.known = { version, catalog: new Catalog(await readCatalog(query)) };
      return this.known;
    });
  }
}

function inForce({ policy, withholding }: Compiled): PolicyInForce {
  return { policy, withheld: withholding.map(formatDiagnostic) };
}

/**
 * What an edit would newly withhold: most likely a wrong name. What the database lacks under the files in force as well does not block an edit:
 * otherwise no principal could be removed while a table is being reloaded.
 */
function newlyWithheld(edited: Compiled, good: Compiled): readonly Diagnostic[] {
  if (edited.policy.hash === good.policy.hash) return [];
  const what = ({ file, message }: Diagnostic): string => `${file} ${message}`;
  const known = new Set(good.withholding.map(what));
  return edited.withholding.filter((diagnostic) => !known.has(what(diagnostic)));
}

/**
 * A pooler keeps the connections of each account apart, and passes them from session to session unchanged. A role whose statements are not all judged
 * (unrestricted, or observed) must not share an account with one that relies on pinned settings: a DO block or a function could change them for the
 * next session. A role has one account, so a principal with another mode is closed.
 */
export function separatePooledAccounts(
  policy: Policy,
  upstream: UpstreamConfig,
): { policy: Policy; errors: readonly string[] } {
  if (upstream.pooling !== 'transaction') return { policy, errors: [] };
  const accountOf = (role: RolePolicy) => (upstream.logins.get(role.name) ?? upstream.login).user;
  const roles = [...policy.roles.values()];
  const guarded = new Map(roles.filter(isGuarded).map((role) => [accountOf(role), role.name]));
  const errors: string[] = [];
  const kept = roles.map((role): RolePolicy => {
    const other = guarded.get(accountOf(role));
    if (isGuarded(role) || other === undefined) return role;
    const disabled = `it shares the upstream account "${accountOf(role)}" with role "${other}"; with upstream.pooling: transaction it needs its own, in upstream.logins`;
    errors.push(`role "${role.name}": ${disabled}`);
    return { ...role, disabled: role.disabled ?? disabled };
  });
  const keptRoles = new Map(kept.map((role) => [role.name, role]));
  const principals = [...policy.principals.values()].map((principal): Principal => {
    const [role, own] = [policy.roles.get(principal.role), roleOf(policy, principal)];
    if (!role || !own || isGuarded(role) === isGuarded(own)) return principal;
    const disabled = `its mode is not that of role "${role.name}", with which it shares an upstream account; with upstream.pooling: transaction they are the same`;
    errors.push(`principal "${principal.name}": ${disabled}`);
    return { ...principal, disabled: principal.disabled ?? disabled };
  });
  return {
    policy: { ...policy, roles: keptRoles, principals: new Map(principals.map((one) => [one.name, one])) },
    errors,
  };
}
