/**
 * `rowgate explain`: what would be decided about a principal's statement, and why; or what was decided about one in the log. The statement does not
 * run.
 */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { PolicyReader } from '../app/policy-reader.ts';
import { printError, printOut, printProblems } from '../app/print.ts';
import { compilePolicies } from '../app/read-policies.ts';
import { catalogIn } from '../catalog/file.ts';
import type { Config } from '../config/config.ts';
import { reasonOf } from '../core/error-text.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import { ChainReader } from '../decision-log/read/chain-reader.ts';
import { merged } from '../decision-log/read/merged.ts';
import { readStatements, unpackedCatalog } from '../decision-log/statements/read.ts';
import { withStandIns } from '../desk/diff/stand-ins.ts';
import { Guard } from '../guard/guard.ts';
import { endUserOfToken } from '../identity/end-user.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { readPolicyFolder } from '../policy-files/folder.ts';
import { GuardRuntime, type PolicyReading } from '../server/guard-runtime.ts';
import type { SessionPolicy } from '../session/session-policy.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import type { Template } from '../sql/text/template.ts';
import { failed } from './ask-guard.ts';
import { type Explanation, explanationOf, formatExplanation } from './explanation.ts';
import { catalogOf, configOf, savedBeside } from './ground.ts';
import { fromLog, type LogCommandOptions, type LogSource, logSource, reportUnreadable, several } from './log-source.ts';

const EXAMPLES = `
Examples:
  rowgate explain --as college_12_app "SELECT ine FROM students"
  rowgate explain --as college_12_app --json - < statement.sql
  rowgate explain --as portal --claim guardian_id=7731 "SELECT first_name FROM students"
  rowgate explain --as college_12_app --catalog catalog.json --policies new/ "SELECT ine FROM students"     without the database
  rowgate explain --id 01M89FNBMTS8TB3NGCMF0ZGRF4          the statement of a decision, by the policy of then

Exit code: 0 where it would run, 1 where it would be refused, 2 where that could not be found out.`;

interface ExplainOptions extends LogCommandOptions {
  /** The principal. */
  readonly as?: string;
  /** `NAME=VALUE`, a claim of the end user. */
  readonly claim: readonly string[];
  readonly catalog?: string;
  readonly policies?: string;
  /** Of a decision in the log. */
  readonly id?: string;
}

/** What is judged: a text of a principal. `attributes`: those that the log has of then. */
interface Asked {
  readonly sql: string;
  readonly as: string;
  readonly attributes?: ReadonlyMap<string, string>;
  /** The files of the policy of that time, if they were kept. */
  readonly files?: readonly PolicyFile[] | undefined;
  /** The catalog of that time, if it was kept. */
  readonly catalog?: Catalog | undefined;
}

/** Undefined if it could not be found out: the problems were printed, and the exit code is set. */
async function explain(
  { sql, as, attributes, files, catalog: ofThen }: Asked,
  options: ExplainOptions,
): Promise<Explanation | undefined> {
  const saved = options.catalog ?? savedBeside(options.policies);
  const config = configOf(options.config, saved ?? (ofThen && 'none'));
  if (!config) return undefined;
  await loadParser();
  let reading: PolicyReading;
  try {
    reading =
      saved === undefined && options.policies === undefined && !files && !ofThen
        ? await new PolicyReader(config).read()
        : await readAside(
            config,
            saved ?? ofThen,
            files ?? (await readPolicyFolder(options.policies ?? config.policies)),
          );
  } catch (error) {
    const why = reasonOf(error);
    return failed(2, saved === undefined ? `could not read the catalog of the database: ${why}` : why);
  }
  const { policy, catalog, errors } = reading;
  if (!policy) return unexplained(errors);
  const principal = policy.principals.get(as);
  if (!principal)
    return unexplained([`principal "${as}" does not exist${suggestion(as, policy.principals.keys())}`, ...errors]);
  const { searchPath } = config;
  const runtime = new GuardRuntime(
    ({ role }) => new Guard({ catalog, role, searchPath, pooling: config.upstream.pooling }),
    { now: Date.now, timeZone: config.timeZone },
    policy,
    reading,
  );
  const session = runtime.sessionPolicy(as);
  if (!session) {
    const closed = principal.disabled ?? policy.roles.get(principal.role)?.disabled ?? 'its role does not exist';
    return failed(2, `principal "${as}" cannot log in: ${closed}`);
  }
  const by = attributes ? { attributes } : attributesBy(options.claim, session);
  if ('problem' in by) return failed(2, by.problem);
  const { effect, template } = session.judge(sql);
  const missing = effect === 'refuse' ? [] : missingIn(template, by.attributes);
  if (missing.length > 0) {
    const claims = missing.map((name) => `--claim ${session.principal.token?.claims.get(name) ?? name}=…`).join(' ');
    return failed(2, `it is about the person behind the account: say who with ${claims}`);
  }
  return explanationOf(sql, session, catalog, by.attributes);
}

function unexplained(problems: readonly string[]): undefined {
  printProblems(problems);
  process.exitCode = 2;
}

/** Policies that are not those of the folder that the guard watches, on a saved catalog, one of then, or the live one. */
async function readAside(
  config: Config,
  saved: string | Catalog | undefined,
  files: readonly PolicyFile[],
): Promise<PolicyReading> {
  const catalog = saved instanceof Catalog ? saved : await catalogOf(config, saved);
  const { policy, errors, withheld } = compilePolicies(files, config, catalog);
  return { catalog, catalogVersion: 'aside', policy, errors, withheld, warnings: [] };
}

export function register(program: Command): void {
  fromLog(program.command('explain'))
    .description('say what would be decided about a statement, by which rule, and what would be sent; nothing runs')
    .argument('[sql]', 'the statement; - reads standard input')
    .option('--as <principal>', 'whose statement it is')
    .option('--id <id>', 'the statement of this decision in the log, by the policy of that time')
    .option('--claim <name=value>', 'what a token of the person behind the account says; may be repeated', several, [])
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--policies <folder>', 'these policies; a catalog.json in the folder serves as --catalog')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

type RunOptions = ExplainOptions & { readonly json?: boolean };

async function run(sql: string | undefined, options: RunOptions, command: Command): Promise<void> {
  const { id, as } = options;
  if ((sql === undefined) === (id === undefined))
    command.error('error: name a statement, or a decision by --id', { exitCode: 2 });
  if (sql !== undefined && as === undefined) {
    const code = 'commander.missingMandatoryOptionValue';
    command.error("error: required option '--as <principal>' not specified", { exitCode: 2, code });
  }
  const decision = id === undefined ? undefined : await decisionOf(id, options);
  if (id !== undefined && !decision) return;
  const text = sql === '-' ? readFileSync(0, 'utf8') : (sql ?? decision?.statement ?? '');
  const asked = { sql: text, as: as ?? decision?.principal ?? '', ...(decision && ofThen(decision, options)) };
  const explanation = await explain(asked, options);
  if (!explanation) return;
  const recorded = decision && { id: decision.id, time: decision.time, ...decision.recorded };
  if (options.json) printOut(`${JSON.stringify({ ...explanation, ...(recorded && { recorded }) })}\n`);
  else printOut(`${decision ? `${recordedLines(decision, explanation)}\n` : ''}${formatExplanation(explanation)}\n`);
  process.exitCode = explanation.effect === 'refuse' ? 1 : 0;
}

/** Undefined if it is not in the log: the problem was printed, and the exit code is set. */
async function decisionOf(id: string, options: ExplainOptions): Promise<LoggedDecision | undefined> {
  const log = logSource(options);
  if (!log) return undefined;
  try {
    const found = await findDecision(log, id);
    return typeof found === 'string' ? failed(2, found) : found;
  } catch (error) {
    return reportUnreadable(error);
  }
}

/** The attributes and the catalog are those of then; so is the policy, where it was kept and no other is asked for. */
function ofThen(
  { attributes, kept, keptFolder, catalog }: LoggedDecision,
  { policies }: ExplainOptions,
): Partial<Asked> {
  const files = policies !== undefined || kept === undefined ? undefined : keptPolicy(keptFolder, kept);
  if (!files || 'problem' in files) {
    if (policies === undefined)
      printError('rowgate: the policy of that time is not kept beside the log: judged by that of now\n');
    return { attributes, catalog };
  }
  return { attributes, catalog, files: files.map(withStandIns) };
}

/** What the log says of it, and whether it is judged so again: values that it leaves out, limits and tokens may have decided. */
function recordedLines({ id, time, principal, recorded }: LoggedDecision, now: Explanation): string {
  const { effect, reason, rule } = recorded;
  const same = effect === (now.would ?? now.effect) && (reason ?? null) === now.reason;
  const why = [effect, ...(reason === undefined ? [] : [reason]), ...(rule === undefined ? [] : [rule])].join(', ');
  const differs = same
    ? ''
    : '\n          not judged so again: values that the log leaves out, a limit or a token decided, or the policy is another';
  return `decision: ${id}, ${time}, ${principal}\nrecorded: ${why}${differs}`;
}

/** `--claim NAME=VALUE`: claims of an end user's token, for commands that judge as that end user. */
type Attributes = ReadonlyMap<string, string>;

/** The principal's attributes; those `from token` are taken from the claims. Or the reason why they are missing. */
function attributesBy(
  claims: readonly string[],
  policy: SessionPolicy,
): { readonly attributes: Attributes } | { readonly problem: string } {
  if (claims.length === 0) return { attributes: policy.principal.attributes };
  if (!policy.principal.token) return { problem: `principal "${policy.principal.name}" takes no tokens` };
  const said: [string, unknown][] = [];
  for (const claim of claims) {
    const at = claim.indexOf('=');
    if (at < 1) return { problem: `expected --claim NAME=VALUE, found "${claim}"` };
    said.push([claim.slice(0, at), jsonOr(claim.slice(at + 1))]);
  }
  const person = endUserOfToken(policy, { user: '', claims: Object.fromEntries(said) });
  return 'refused' in person ? { problem: person.refused.message } : person;
}

/** Attributes that the text needs and that were not given. */
function missingIn(template: Template, attributes: Attributes): readonly string[] {
  const needed = template.flatMap((part) => (typeof part !== 'string' && part.kind === 'attribute' ? [part.name] : []));
  return [...new Set(needed)].filter((name) => !attributes.has(name));
}

/** `7731`, `true` and `[1,2]` are what JSON makes of them; anything else is a text. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A decision in the log, found by the id that its client received: the statement, the principal and the verdict. */
interface LoggedDecision {
  readonly id: string;
  /** ISO time. */
  readonly time: string;
  readonly principal: string;
  readonly statement: string;
  /** As text, those of an end user's token among them. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly recorded: { readonly effect: string; readonly reason?: string; readonly rule?: string };
  /** Under which its policy was kept, if it was. */
  readonly kept?: string;
  readonly keptFolder: string;
  /** The catalog by which it was judged, if it was kept. */
  readonly catalog?: Catalog;
}

/** Or why it cannot be judged again. */
async function findDecision(log: LogSource, id: string): Promise<LoggedDecision | string> {
  const kept = new Map<unknown, string>();
  let found: LogRecord | undefined;
  for await (const record of merged(log.chains.map((chain) => new ChainReader(chain, log.openerOf)))) {
    if (record.kind === 'policy' && typeof record.kept === 'string') kept.set(record.to, record.kept);
    if (record.kind === 'decision' && record.id === id) found = record;
  }
  if (!found) return `no decision of this log has the id "${id}"`;
  const { statement, principal, policy, time, effect, reason, rule } = found;
  if (typeof statement !== 'string' || statement === '') return `decision ${id} has no text`;
  if (statement.endsWith('…')) return `the text of decision ${id} was cut: it cannot be judged again`;
  const known = kept.get(policy);
  const catalog = await catalogOfThen(log, found.kept);
  return {
    ...{ id, time: String(time), principal: String(principal), statement, keptFolder: log.policiesKept },
    attributes: attributesOf(found.attributes),
    recorded: {
      effect: String(found.would ?? effect),
      ...(typeof reason === 'string' && { reason }),
      ...(typeof rule === 'string' && { rule }),
    },
    ...(known !== undefined && { kept: known }),
    ...(catalog && { catalog }),
  };
}

/** By which a statement was judged that was kept under this name. */
async function catalogOfThen({ statementsKept, openerOf }: LogSource, kept: unknown): Promise<Catalog | undefined> {
  const { statements, catalogs } = await readStatements(statementsKept, openerOf);
  const packed = catalogs.get(statements.get(String(kept))?.catalog ?? '');
  return packed === undefined ? undefined : new Catalog(catalogIn(unpackedCatalog(packed), 'the catalog of that time'));
}

/** JSON values as the text that PostgreSQL takes: lists as `{…}`. */
function attributesOf(value: unknown): Map<string, string> {
  const text = (each: unknown): string =>
    Array.isArray(each) ? `{${each.map((one) => JSON.stringify(String(one))).join(',')}}` : String(each);
  return new Map(Object.entries((value ?? {}) as Record<string, unknown>).map(([name, each]) => [name, text(each)]));
}
