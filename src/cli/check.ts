/** `rowgate check`: the policies against the database, or against a saved catalog. */

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { ask, ServerUnavailable } from '../app/ask-server.ts';
import { readCanaryKey } from '../app/canary-key.ts';
import { atKey, fileProblems, type KeyProblem } from '../app/named-files.ts';
import { environmentFor } from '../app/placeholders.ts';
import { printOut, shownPath } from '../app/print.ts';
import { loadCatalog, saveCatalog } from '../catalog/file.ts';
import { readCatalogWithReaches } from '../catalog/reaches.ts';
import type { Config, ConfigProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import { countText } from '../decision-log/reports/report.ts';
import { type LackingRights, lackingRights } from '../desk/account-rights.ts';
import { settingReaders } from '../desk/setting-readers.ts';
import { keyFileErrors, tokensOf } from '../identity/key-file-errors.ts';
import { compileCondition, compileMask } from '../policy/compile/condition.ts';
import { type LoadedPolicy, loadPolicy } from '../policy/compile/load.ts';
import type { Policy, RolePolicy } from '../policy/model/policy.ts';
import { withAccepted } from '../policy/review/accepted.ts';
import { reachWarnings } from '../policy/review/warnings.ts';
import { type Diagnostic, formatDiagnostic } from '../policy/source/diagnostic.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { readableFiles } from '../policy/source/readable.ts';
import type { PolicyEnvironment } from '../policy/source/sql-source.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { PolicyFolderError, readPolicyFolder } from '../policy-files/folder.ts';
import { datedTowardsClients, ExpiryNotices, expiryText } from '../server/certificates.ts';
import { ServerTls } from '../server/login/server-tls.ts';
import { Catalog, type CatalogData } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { NoPassword } from '../upstream/password.ts';
import { policyWarnings } from './policy-warnings.ts';

const EXAMPLES = `
Examples:
  rowgate check
  rowgate check --save-catalog catalog.json     where the database can be reached
  rowgate check --catalog catalog.json --json   where it cannot, as in CI

Exit code: 0 without errors, 1 with errors (or, with --strict, warnings), 2 where it could not be checked.`;

export function register(program: Command): void {
  program
    .command('check')
    .description('check the policies: every mistake with file, line and column')
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--policies <folder>', 'these policies, in the place of the configuration’s')
    .option('--save-catalog <file>', 'save the catalog of the database there')
    .option('--strict', 'warnings fail as well, unless "accept" stands where they are')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(
      async (
        options: {
          config: string;
          catalog?: string;
          policies?: string;
          saveCatalog?: string;
          strict?: boolean;
          json?: boolean;
        },
        command: Command,
      ) => {
        if (options.catalog !== undefined && options.saveCatalog !== undefined) {
          command.error('error: --save-catalog reads the database; it does not go with --catalog', { exitCode: 2 });
        }
        await loadParser();
        const result = await checkPolicies(options, { compileCondition, compileMask });
        const { exitCode, ...shown } = result;
        printOut(options.json ? `${JSON.stringify(shown)}\n` : formatCheck(result));
        process.exitCode = exitCode;
      },
    );
}

/** What `rowgate check` does: the policies of a configuration against a live or saved catalog. Says what it found; prints nothing. */
export interface CheckOptions {
  /** `rowgate.yaml` */
  readonly config: string;
  /** A saved catalog; without it the database is asked. */
  readonly catalog?: string | undefined;
  /** A folder that replaces the configured one. */
  readonly policies?: string | undefined;
  /** Where to save the catalog that was read from the database. */
  readonly saveCatalog?: string | undefined;
  /** Warnings that were not accepted count as errors. */
  readonly strict?: boolean | undefined;
}

type SqlCompilers = Pick<PolicyEnvironment, 'compileCondition' | 'compileMask'>;

export interface CheckResult {
  /** 0: no errors; 1: errors; 2: it could not be checked. */
  readonly exitCode: 0 | 1 | 2;
  /** Paths are relative to the working directory. */
  readonly diagnostics: readonly Diagnostic[];
  readonly roles: number;
  readonly principals: number;
  /** Roles from which nothing is withheld. */
  readonly unrestricted: readonly string[];
  /** Roles in observe mode: everything is let through and only recorded. */
  readonly observed: readonly string[];
  /** What the accounts at the server lack for what the policies allow: GRANTs. */
  readonly grants: readonly string[];
}

/** What can be looked at is, whatever is wrong with the rest: one run names all of it. */
export async function checkPolicies(options: CheckOptions, compilers: SqlCompilers): Promise<CheckResult> {
  const loaded = loadConfig(options.config, environmentFor(options.catalog));
  const ofFile = (loaded.problems ?? []).map((problem) => ofConfig(problem, options.config));
  const usable = loaded.config ? { ...loaded, spoilt: new Set<string>() } : loaded.rest;
  if (!usable) {
    const result = found(ofFile);
    return existsSync(options.config) ? result : { ...result, exitCode: 2 };
  }
  const { placeOf, spoilt } = usable;
  const config = { ...usable.config, ...(options.policies !== undefined && { policies: resolve(options.policies) }) };
  const placed = (problem: KeyProblem): Diagnostic => ofConfig(atKey(problem, placeOf), options.config);
  // With a saved catalog, neither the database nor secrets are needed.
  const isLive = options.catalog === undefined;
  const files = isLive ? (await fileProblems(config)).filter(({ key }) => !spoilt.has(String(key[0]))) : [];
  const read = await catalogOf(config, options, spoilt, files);
  const ofConfiguration = [...ofFile, ...files.map(placed), ...read.problems.map(placed), ...read.diagnostics];
  const { accounts, ...policies } = spoilt.has('policies')
    ? { ...found([]), accounts: [] }
    : await ofFolder(config, spoilt.has('search_path') ? undefined : read.data, spoilt, isLive, compilers);
  const isTlsUsable = isLive && !spoilt.has('tls') && !files.some(({ key }) => key[0] === 'tls');
  const doubts = [...(isTlsUsable ? expiring(config) : []), ...accounts].map((problem) => ({
    ...placed(problem),
    severity: 'warning' as const,
  }));
  const diagnostics = [...inOrder([...ofConfiguration, ...doubts]), ...policies.diagnostics];
  const failing = options.strict === true && diagnostics.some(({ accepted }) => !accepted);
  return { ...policies, diagnostics, exitCode: read.failed ? 2 : failing ? 1 : found(diagnostics).exitCode };
}

async function ofFolder(
  config: Config,
  data: CatalogData | undefined,
  spoilt: ReadonlySet<string>,
  isLive: boolean,
  compilers: SqlCompilers,
): Promise<CheckResult & { readonly accounts: readonly KeyProblem[] }> {
  try {
    const files = await readPolicyFolder(config.policies);
    if (!data) return { ...(await ofFilesAlone(files, config)), accounts: [] };
    const { searchPath, timeZone, requireCertificate } = config;
    const catalog = new Catalog(data);
    const clientCa = spoilt.has('tls') || config.tls?.clientCa !== undefined;
    // A key that cannot be read was already reported at its place in the file.
    const key = isLive && !spoilt.has('keys') ? await readCanaryKey(config.keys.canaries) : undefined;
    const canaryKey =
      key && !(typeof key === 'object' && 'problem' in key)
        ? key
        : (config.keys.canaries ?? spoilt.has('keys'))
          ? 'elsewhere'
          : undefined;
    const env = { catalog, searchPath, timeZone, clientCa, requireCertificate, canaryKey, ...compilers };
    const loaded = loadPolicy(files, env);
    const further = [
      ...reachWarnings(loaded.policy, catalog, searchPath),
      ...policyWarnings(loaded.policy, config, Date.now()),
      ...(await keyFileErrors(tokensOf(loaded.policy), config.policies)),
      ...(isLive ? await ask(config.upstream, (query) => settingReaders(loaded.policy, files, query)) : []),
    ];
    const all = withAccepted([...loaded.diagnostics, ...further], files, Date.now(), timeZone);
    const lacking = isLive ? await lackingFor(loaded.policy, catalog, config) : [];
    return {
      ...ofPolicy({ ...loaded, diagnostics: inOrder(all) }, config.policies),
      grants: [...new Set(lacking.flatMap((of) => of.grants))],
      accounts: [...unusedLogins(loaded.policy, config), ...lacking.map((of) => lackingProblem(of, config))],
    };
  } catch (error) {
    if (!(error instanceof PolicyFolderError)) throw error;
    return { ...found([problemOf(shownPath(config.policies), error.message)]), accounts: [] };
  }
}

/** Certificates and lists that have run out, or will soon; their files can be read. */
function expiring({ tls, timeZone }: Config): KeyProblem[] {
  const dated = tls ? datedTowardsClients(new ServerTls(tls)) : [];
  const due = new ExpiryNotices().due(dated, Date.now());
  return due.map((notice) => ({ key: ['tls'], message: expiryText(notice, timeZone) }));
}

/** Accounts of roles that do not exist: a slip in the name leaves the role with the account of `upstream.url`. */
function unusedLogins({ roles }: Policy, { upstream }: Config): KeyProblem[] {
  return [...upstream.logins.keys()]
    .filter((role) => !roles.has(role))
    .map((role) => {
      const message = `role "${role}" does not exist, so nothing uses this account${suggestion(role, roles.keys())}`;
      return { key: ['upstream', 'logins', role], message };
    });
}

function lackingProblem({ role, account, grants }: LackingRights, { upstream }: Config): KeyProblem {
  const key = upstream.logins.has(role) ? ['upstream', 'logins', role] : ['upstream', 'url'];
  const message = `account "${account}" lacks ${countText(grants.length, 'right')} that role "${role}" needs: the server will refuse what the policy allows`;
  return { key, message };
}

function lackingFor({ roles }: Policy, catalog: Catalog, { upstream }: Config): Promise<LackingRights[]> {
  const accountOf = (role: string): string => (upstream.logins.get(role) ?? upstream.login).user;
  return ask(upstream, (query) => lackingRights(roles.values(), accountOf, catalog, query));
}

/** Without a catalog: what is wrong in the files by themselves. */
async function ofFilesAlone(files: readonly PolicyFile[], { policies }: Config): Promise<CheckResult> {
  const { diagnostics, roles, principals, tokens } = readableFiles(files);
  const all = inOrder([...diagnostics, ...(await keyFileErrors(tokens, policies))]);
  return { ...found(all.map((diagnostic) => inFolder(diagnostic, policies))), roles, principals };
}

/** The result in lines: each diagnostic, then a summary. */
export function formatCheck(result: CheckResult): string {
  const errors = result.diagnostics.filter(({ severity }) => severity === 'error').length;
  const warnings = result.diagnostics.length - errors;
  const accepted = result.diagnostics.filter((diagnostic) => diagnostic.accepted).length;
  const counts = `${countText(errors, 'error')}, ${countText(warnings, 'warning')}${accepted > 0 ? ` (${accepted} accepted)` : ''}`;
  const read = `${countText(result.roles, 'role')}, ${countText(result.principals, 'principal')}`;
  const lines = [...result.diagnostics.map(formatDiagnostic), `${read}: ${counts}`];
  if (result.unrestricted.length > 0)
    lines.push(`unrestricted, nothing is withheld: ${result.unrestricted.join(', ')}`);
  if (result.observed.length > 0) lines.push(`only observed, nothing is refused: ${result.observed.join(', ')}`);
  if (result.grants.length > 0)
    lines.push('what the accounts at the server lack:', ...result.grants.map((grant) => `  ${grant};`));
  return `${lines.join('\n')}\n`;
}

interface CatalogRead {
  readonly data?: CatalogData;
  readonly problems: readonly KeyProblem[];
  /** Of a file that no key names. */
  readonly diagnostics: readonly Diagnostic[];
  /** Reading it failed, although the configuration asks for it. */
  readonly failed: boolean;
}

const NOT_ASKED = { problems: [], diagnostics: [], failed: false };

/** Of the file, or of the server; each account of `upstream.logins` is let in there as well. */
async function catalogOf(
  config: Config,
  { catalog, saveCatalog: file }: CheckOptions,
  spoilt: ReadonlySet<string>,
  files: readonly KeyProblem[],
): Promise<CatalogRead> {
  if (catalog !== undefined) {
    try {
      return { ...NOT_ASKED, data: await loadCatalog(catalog) };
    } catch (error) {
      return { ...NOT_ASKED, diagnostics: [problemOf(shownPath(catalog), reasonOf(error))], failed: true };
    }
  }
  if (spoilt.has('upstream')) return NOT_ASKED;
  if (files.some(({ key }) => key[0] === 'upstream')) return { ...NOT_ASKED, failed: true };
  const { upstream } = config;
  const problems: KeyProblem[] = [];
  let data: CatalogData | undefined;
  try {
    data = await ask(upstream, readCatalogWithReaches);
    if (file !== undefined) await saveCatalog(file, data);
  } catch (error) {
    problems.push(loginProblem(['upstream'], 'url', error, 'could not read the catalog of the database'));
    // It would be down for the others too, each after its own time.
    if (error instanceof ServerUnavailable && !isOfCommand(error)) return { ...NOT_ASKED, problems, failed: true };
  }
  for (const [role, login] of upstream.logins) {
    const key = ['upstream', 'logins', role];
    await ask({ ...upstream, login }, async () => {}).catch((error: unknown) =>
      problems.push(loginProblem(key, 'password', error, `account "${login.user}" cannot log in`)),
    );
  }
  return { ...NOT_ASKED, ...(data && { data }), problems, failed: data === undefined };
}

function loginProblem(key: readonly string[], password: string, error: unknown, what: string): KeyProblem {
  return { key: [...key, isOfCommand(error) ? 'password_command' : password], message: `${what}: ${reasonOf(error)}` };
}

function isOfCommand(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof NoPassword;
}

function ofPolicy({ policy, diagnostics }: Pick<LoadedPolicy, 'policy' | 'diagnostics'>, folder: string): CheckResult {
  const placed = diagnostics.map((diagnostic) => inFolder(diagnostic, folder));
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

function inFolder(diagnostic: Diagnostic, folder: string): Diagnostic {
  return { ...diagnostic, file: shownPath(join(folder, diagnostic.file)) };
}

/** As an editor shows them. */
function inOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column,
  );
}

function found(diagnostics: readonly Diagnostic[]): CheckResult {
  const bad = diagnostics.some(({ severity }) => severity === 'error');
  return { exitCode: bad ? 1 : 0, diagnostics, roles: 0, principals: 0, unrestricted: [], observed: [], grants: [] };
}

function ofConfig(problem: ConfigProblem, config: string): Diagnostic {
  return { ...problemOf(shownPath(config), problem.message), line: problem.line, column: problem.column };
}

function problemOf(file: string, message: string): Diagnostic {
  return { file, line: 1, column: 1, severity: 'error', message };
}
