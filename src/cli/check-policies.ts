/** What `rowgate check` does: the policies of a configuration against a live or saved catalog. Says what it found; prints nothing. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { loadCatalog, saveCatalog } from '../catalog/file.ts';
import { readCatalog } from '../catalog/read.ts';
import type { Config, ConfigProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { type Diagnostic, formatDiagnostic } from '../policy/diagnostic.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/load.ts';
import type { PolicyEnvironment } from '../policy/sql-source.ts';
import { Catalog, type CatalogData } from '../sql/catalog.ts';
import { PolicyFolderError, readPolicyFolder } from '../store/policy-folder.ts';
import { ask } from './ask-server.ts';

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
}

export async function checkPolicies(options: CheckOptions, compilers: SqlCompilers): Promise<CheckResult> {
  const environment = options.catalog === undefined ? process.env : withPlaceholders(process.env);
  const { config, problems } = loadConfig(options.config, environment);
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
  const { catalog, searchPath, timeZone } = { ...config, catalog: new Catalog(data) };
  try {
    const files = await readPolicyFolder(config.policies);
    return ofPolicy(
      loadPolicy(files, { catalog, searchPath, timeZone, clientCa: config.tls?.clientCa !== undefined, ...compilers }),
      config.policies,
    );
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
  return `${[...result.diagnostics.map(formatDiagnostic), `${read}: ${counts}`].join('\n')}\n`;
}

async function catalogOf(config: Config, options: CheckOptions): Promise<CatalogData> {
  if (options.catalog !== undefined) return loadCatalog(options.catalog);
  const data = await ask(config.upstream, readCatalog);
  if (options.saveCatalog !== undefined) await saveCatalog(options.saveCatalog, data);
  return data;
}

function ofPolicy({ policy, diagnostics }: LoadedPolicy, folder: string): CheckResult {
  const placed = diagnostics.map((diagnostic) => ({ ...diagnostic, file: shown(join(folder, diagnostic.file)) }));
  return { ...found(placed), roles: policy.roles.size, principals: policy.principals.size };
}

function found(diagnostics: readonly Diagnostic[]): CheckResult {
  const bad = diagnostics.some(({ severity }) => severity === 'error');
  return { exitCode: bad ? 1 : 0, diagnostics, roles: 0, principals: 0 };
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

/** With a saved catalog no connection is made: passwords from the environment need not be there. */
function withPlaceholders(environment: NodeJS.ProcessEnv): Record<string, string | undefined> {
  return new Proxy(
    { ...environment },
    { get: (target, name) => (typeof name === 'string' ? (target[name] ?? 'unset') : undefined) },
  );
}
