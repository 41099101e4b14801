/** What `rowgate check` does: the policies of a configuration against a live or saved catalog. Says what it found; prints nothing. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadCatalog, saveCatalog } from '../catalog/file.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import type { Config, ConfigProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { keyFileErrors } from '../identity/key-file-errors.ts';
import { type Diagnostic, formatDiagnostic } from '../policy/diagnostic.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts';
import type { RolePolicy } from '../policy/policy.ts';
import { reachWarnings } from '../policy/reach/warnings.ts';
import type { PolicyEnvironment } from '../policy/sql-source.ts';
import { Catalog, type CatalogData } from '../sql/catalog.ts';
import { PolicyFolderError, readPolicyFolder } from '../store/policy-folder.ts';
import { ask } from './ask-server.ts';
import { readCanaryKey } from './canary-key.ts';
import { environmentFor } from './placeholders.ts';
import { policyWarnings } from './policy-warnings.ts';

export interface CheckOptions {
  /** `rowgate.yaml` */
  readonly config: string;
  /** A saved catalog; without it the database is asked. */
  readonly catalog?: string | undefined;
  /** Where to save the catalog that was read from the database. */
  readonly saveCatalog?: string | undefined;
}

export type SqlCompilers = Pick<PolicyEnvironment, 'compileCondition' | 'compileMask'>;

export interface CheckResult {
  /** 0: no errors; 1: errors; 2: it could not be checked. */
  readonly exitCode: 0 | 1 | 2;
  /** Paths are relative to the working directory. */
  readonly diagnostics: readonly Diagnostic[];
  readonly roles: number;
  readonly principals: number;
  /** Roles from which nothing is withheld. */
  readonly unrestricted: readonly string[];
  /** Roles of which everything is let through, and only recorded. */
  readonly observed: readonly string[];
}

export async function checkPolicies(options: CheckOptions, compilers: SqlCompilers): Promise<CheckResult> {
  const { config, problems } = loadConfig(options.config, environmentFor(options.catalog));
  if (!config) {
    const result = found(problems.map((problem) => ofConfig(problem, options.config)));
    return existsSync(options.config) ? result : { ...result, exitCode: 2 };
  }
  let data: CatalogData;
  try {
    data = await catalogOf(config, options);
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    const what = options.catalog === undefined ? 'could not read the catalog of the database: ' : '';
    return { ...found([problemOf(shown(config.file), `${what}${reason}`)]), exitCode: 2 };
  }
  const { catalog, searchPath, timeZone, requireCertificate } = { ...config, catalog: new Catalog(data) };
  try {
    const files = await readPolicyFolder(config.policies);
    const clientCa = config.tls?.clientCa !== undefined;
    // With a saved catalog, neither the database nor secrets need to be at hand.
    const canaryKey = await (options.catalog === undefined
      ? readCanaryKey(config.keys.canaries)
      : config.keys.canaries && 'elsewhere');
    const env = { catalog, searchPath, timeZone, clientCa, requireCertificate, canaryKey, ...compilers };
    const loaded = loadPolicy(files, env);
    const further = [
      ...reachWarnings(loaded.policy, catalog, searchPath),
      ...policyWarnings(loaded.policy, config, Date.now()),
      ...(await keyFileErrors(loaded.policy, config.policies)),
    ];
    return ofPolicy({ ...loaded, diagnostics: inOrder([...loaded.diagnostics, ...further]) }, config.policies);
  } catch (error) {
    if (!(error instanceof PolicyFolderError)) throw error;
    return found([problemOf(shown(config.policies), error.message)]);
  }
}

/** The result in lines: each diagnostic, then a summary. */
export function formatCheck(result: CheckResult): string {
  const errors = result.diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = result.diagnostics.length - errors;
  const counts = [counted(errors, 'error'), counted(warnings, 'warning')].join(', ');
  const read = `${counted(result.roles, 'role')}, ${counted(result.principals, 'principal')}`;
  const lines = [...result.diagnostics.map(formatDiagnostic), `${read}: ${counts}`];
  if (result.unrestricted.length > 0)
    lines.push(`unrestricted, nothing is withheld: ${result.unrestricted.join(', ')}`);
  if (result.observed.length > 0) lines.push(`only observed, nothing is refused: ${result.observed.join(', ')}`);
  return `${lines.join('\n')}\n`;
}

async function catalogOf(config: Config, options: CheckOptions): Promise<CatalogData> {
  if (options.catalog !== undefined) return loadCatalog(options.catalog);
  const data = await ask(config.upstream, readCatalogWithReaches);
  if (options.saveCatalog !== undefined) await saveCatalog(options.saveCatalog, data);
  return data;
}

function ofPolicy({ policy, diagnostics }: Pick<LoadedPolicy, 'policy' | 'diagnostics'>, folder: string): CheckResult {
  const placed = diagnostics.map((diagnostic) => ({ ...diagnostic, file: shown(join(folder, diagnostic.file)) }));
  const roles = [...policy.roles.values()];
  const named = (which: (role: RolePolicy) => boolean): string[] =>
    roles
      .filter(which)
      .map(({ name }) => name)
      .sort();
  return {
    ...found(placed),
    roles: roles.length,
    principals: policy.principals.size,
    unrestricted: named(({ access }) => access === 'unrestricted'),
    observed: named(({ mode, access }) => mode === 'observe' && access === 'restricted'),
  };
}

/** As an editor shows them. */
function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
  );
}

function found(diagnostics: readonly Diagnostic[]): CheckResult {
  const bad = diagnostics.some(({ severity }) => severity === 'error');
  return { exitCode: bad ? 1 : 0, diagnostics, roles: 0, principals: 0, unrestricted: [], observed: [] };
}

function ofConfig(problem: ConfigProblem, config: string): Diagnostic {
  return { ...problemOf(shown(config), problem.message), line: problem.line, column: problem.column };
}

function problemOf(file: string, message: string): Diagnostic {
  return { file, line: 1, column: 1, severity: 'error', message };
}

function shown(file: string): string {
  return relative(process.cwd(), file) || '.';
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
