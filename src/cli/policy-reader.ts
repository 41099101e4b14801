/** Reads the policies folder against the live catalog, as often as asked; the catalog itself only when it has changed. */
import { readCatalog } from '../catalog/read.ts';
import { catalogFingerprint } from '../catalog/watch.ts';
import type { Config } from '../config/config.ts';
import { keyFileErrors } from '../identity/key-file-errors.ts';
import type { CanaryKey } from '../policy/canaries.ts';
import { compileCondition, compileMask } from '../policy/condition.ts';
import { type Diagnostic, formatDiagnostic } from '../policy/diagnostic.ts';
import type { PolicyFile } from '../policy/document.ts';
import { loadPolicy } from '../policy/load.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyReading } from '../proxy/guard-runtime.ts';
import { Catalog } from '../sql/catalog.ts';
import { PolicyFolderError, readPolicyFolder } from '../store/policy-folder.ts';
import { ask } from './ask-server.ts';
import { readCanaryKey } from './canary-key.ts';
import { keepApart } from './pooled-accounts.ts';

/** What is read, and the last without an error. */
const MOST_REMEMBERED = 4;

export class PolicyReader {
  /** What is in force but for the catalog: files without an error, or the first. */
  private good: readonly PolicyFile[] | undefined;
  private known: { readonly catalog: Catalog; readonly version: string } | undefined;

  /** Files that a policy was made of, by its hash: of the last few readings. */
  private readonly files = new Map<string, readonly PolicyFile[]>();

  constructor(private readonly config: Config) {}

  /** What a policy was made of that was read just now. */
  filesOf(policy: string): readonly PolicyFile[] {
    return this.files.get(policy) ?? [];
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
      return { ...base, ...this.lastGood(catalog, canaryKey), errors: [error.message], warnings: [] };
    }
    const sql = this.compile(files, catalog, canaryKey);
    const keys = (await keyFileErrors(sql.policy, this.config.policies)).map(formatDiagnostic);
    const compiled = { ...sql, errors: [...sql.errors, ...keys] };
    // As at start, where the first files are put into force with what is wrong in them.
    if (compiled.errors.length === 0) this.good = files;
    this.good ??= files;
    return { ...base, ...compiled, ...(compiled.errors.length > 0 && this.lastGood(catalog, canaryKey)) };
  }

  private lastGood(catalog: Catalog, canaryKey: CanaryKey | undefined): { lastGood?: Policy } {
    return this.good ? { lastGood: this.compile(this.good, catalog, canaryKey).policy } : {};
  }

  private compile(
    files: readonly PolicyFile[],
    catalog: Catalog,
    canaryKey: CanaryKey | undefined,
  ): { policy: Policy; errors: string[]; warnings: string[] } {
    const { searchPath, timeZone, requireCertificate } = this.config;
    const { policy, diagnostics } = loadPolicy(files, {
      catalog,
      searchPath,
      timeZone,
      clientCa: this.config.tls?.clientCa !== undefined,
      requireCertificate,
      canaryKey,
      compileCondition,
      compileMask,
    });
    this.remember(policy.hash, files);
    const of = (severity: Diagnostic['severity']) =>
      diagnostics.filter((diagnostic) => diagnostic.severity === severity).map(formatDiagnostic);
    const apart = keepApart(policy, this.config.upstream);
    return { policy: apart.policy, errors: [...of('error'), ...apart.errors], warnings: of('warning') };
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
