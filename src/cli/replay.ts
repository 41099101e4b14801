/** `rowgate replay`: what other policies would have made of what the decision log has seen. Judges, and executes nothing. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { oneLine, printError, printOut } from '../app/print.ts';
import { compilePolicies } from '../app/read-policies.ts';
import type { Config } from '../config/config.ts';
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import { readStatements } from '../decision-log/statements/read.ts';
import { withStandIns } from '../desk/diff/stand-ins.ts';
import { PastCatalogs } from '../desk/past-catalogs.ts';
import { type ReplayedStatement, type ReplaySessions, replayed } from '../desk/replay/judge.ts';
import { type Exceeded, LimitRun } from '../desk/replay/limits.ts';
import { LoggedUse, type UsedStatement } from '../desk/replay/use.ts';
import { Bench } from '../desk/test/bench.ts';
import type { Policy } from '../policy/model/policy.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { failed } from './ask-guard.ts';
import { groundOf, savedBeside } from './ground.ts';
import {
  fromLog,
  type LogCommandOptions,
  type LogSource,
  logSource,
  readThrough,
  reportUnreadable,
  timeOption,
} from './log-source.ts';
import { Progress } from './progress.ts';

const HELP = `
Examples:
  rowgate replay --policies ../proposed/policies
  rowgate replay --policies policies --role teacher --since 30d --allow-unknown 5%

Each distinct statement of each principal is judged by these policies, and by those of then, which are kept beside the log, as the
statements are. Of a log that has none, a verdict hangs on the shape alone: it is shown, and counts as one that cannot be told.
Exit code: 0 where all could be told and none that ran would be refused, 1 otherwise, 2 for a wrong call or where there is nothing to replay.`;

interface Options extends LogCommandOptions {
  readonly policies: string;
  readonly principal?: string;
  readonly role?: string;
  readonly allowUnknown: string;
  readonly since?: string;
  readonly until?: string;
  readonly catalog?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  fromLog(program.command('replay'))
    .description('say what other policies would have made of what the decision log has seen; nothing runs')
    .requiredOption('--policies <folder>', 'the other policies')
    .option('--principal <name>', 'what this principal has sent')
    .option('--role <name>', 'what principals of this role have sent')
    .option('--allow-unknown <percent>', 'how many of the statements need not be told', '0%')
    .option('--since <time>', 'from then on, as 2026-11-25, 7d (ago) or yesterday')
    .option('--until <time>', 'until then')
    .option('--catalog <file>', 'a saved catalog in place of the database')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(replay);
}

/** A statement of the log, and what becomes of it. */
interface Line extends ReplayedStatement {
  readonly used: UsedStatement;
}

async function replay(options: Options, command: Command): Promise<void> {
  const allowed = /^([0-9]{1,3})%?$/.exec(options.allowUnknown)?.[1];
  if (allowed === undefined || Number(allowed) > 100)
    command.error(`error: --allow-unknown: expected a percentage, found "${options.allowUnknown}"`, { exitCode: 2 });
  const log = logSource(options);
  if (!log) return;
  const { timeZone } = log;
  const since = options.since === undefined ? 0 : timeOption(command, '--since', options.since, timeZone);
  const until =
    options.until === undefined
      ? Number.POSITIVE_INFINITY
      : timeOption(command, '--until', options.until, timeZone, true);
  const catalogFile = options.catalog ?? savedBeside(options.policies);
  const ground = await groundOf({ ...options, catalog: catalogFile, policies: resolve(options.policies) });
  if (!ground) return;
  const { config, catalog, policy, errors } = ground;
  const after = new Bench(benchOf(policy, catalog, config));
  const limits = new LimitRun((name) => after.account(name), config.timeZone);
  let use: LoggedUse;
  let strange: number;
  let catalogs: PastCatalogs;
  try {
    const kept = await readStatements(log.statementsKept, log.openerOf);
    catalogs = new PastCatalogs(kept.catalogs, catalog);
    use = new LoggedUse(
      (principal, role) => (options.principal ?? principal) === principal && (options.role ?? role) === role,
      kept.statements,
    );
    strange = await readLog(log, { since, until }, use, limits, options);
  } catch (error) {
    return reportUnreadable(error);
  }
  if (use.used.length === 0) return nothing(options, policy);
  const before = new PastPolicies(use, log, catalogs, config);
  const progress = new Progress('judging statements');
  const lines = use.used.map((used, at, all): Line => {
    progress.step(() => at / all.length);
    const sessions: ReplaySessions = { before: before.session(used), after: after.ofPrincipal(used.principal) };
    return { used, ...replayed(used, sessions) };
  });
  progress.end();
  printError(errors.map((error) => `rowgate: ${options.policies}: ${oneLine(error)}\n`).join(''));
  const counts = countsOf(lines);
  const otherCatalog = use.used.filter(({ kept }) => catalogs.hasChanged(kept)).length;
  const shown: Shown = { lines, counts, exceeded: limits.exceeded, use, strange, timeZone, errors, otherCatalog };
  printOut(options.json ? `${JSON.stringify(asJson(shown))}\n` : inWords(shown));
  const untold = ((counts.unknown + counts.byShape) * 100) / counts.all;
  process.exitCode =
    counts.refused > 0 || untold > Number(allowed) || errors.length > 0 || limits.exceeded.length > 0 ? 1 : 0;
}

function benchOf(policy: Policy, catalog: Catalog, { searchPath, timeZone, upstream }: Config) {
  return { policy, catalog, searchPath, timeZone, pooling: upstream.pooling, now: Date.now() } as const;
}

/** Lines that held no record. */
function readLog(
  log: LogSource,
  { since, until }: { readonly since: number; readonly until: number },
  use: LoggedUse,
  limits: LimitRun,
  { principal, role }: Options,
): Promise<number> {
  const [from, to] = [new Date(since).toISOString(), Number.isFinite(until) ? new Date(until).toISOString() : '~'];
  return readThrough(log, (record) => {
    const time = String(record.time);
    // Records of policies before the period are needed, too: they tell which policy was in force.
    if (record.kind !== 'policy' && (time < from || time >= to)) return;
    use.add(record);
    if ((principal ?? record.principal) === record.principal && role === undefined) limits.add(record);
  });
}

/** The policies by which the log's statements were judged, as they were kept, on the catalogs of then. */
class PastPolicies {
  private readonly benches = new Map<Catalog, Map<string, Bench | undefined>>();

  constructor(
    private readonly use: LoggedUse,
    private readonly log: LogSource,
    private readonly catalogs: PastCatalogs,
    private readonly config: Config,
  ) {}

  session({ policy, principal, kept }: UsedStatement): ReplaySessions['before'] {
    const catalog = this.catalogs.of(kept);
    if (policy === undefined || !catalog) return undefined;
    const byCatalog = this.benches.get(catalog) ?? new Map<string, Bench | undefined>();
    this.benches.set(catalog, byCatalog);
    if (!byCatalog.has(policy)) byCatalog.set(policy, this.benchOf(policy, catalog));
    const session = byCatalog.get(policy)?.ofPrincipal(principal);
    return session && 'policy' in session ? session : undefined;
  }

  private benchOf(policy: string, catalog: Catalog): Bench | undefined {
    const kept = this.use.kept.get(policy);
    const files = kept === undefined ? undefined : keptPolicy(this.log.policiesKept, kept);
    if (!files || 'problem' in files) return undefined;
    return new Bench(
      benchOf(compilePolicies(files.map(withStandIns), this.config, catalog).policy, catalog, this.config),
    );
  }
}

function nothing({ principal, role }: Options, { principals, roles }: Policy): undefined {
  if (principal !== undefined) {
    const near = suggestion(principal, principals.keys());
    return failed(2, `the log has no statement of principal "${principal}"${near}`);
  }
  if (role !== undefined)
    return failed(2, `the log has no statement of role "${role}"${suggestion(role, roles.keys())}`);
  return failed(2, 'the log has no statement of that time');
}

interface Counts {
  /** Distinct statements of principals; `sent`: how often they came. */
  readonly all: number;
  readonly sent: number;
  readonly same: number;
  readonly refused: number;
  readonly narrower: number;
  readonly wider: number;
  readonly unknown: number;
  /** Those that are known, but whose literals are not in the log. */
  readonly byShape: number;
}

function countsOf(lines: readonly Line[]): Counts {
  const of = (...kinds: ReplayedStatement['verdict']['kind'][]): number =>
    lines.filter(({ verdict }) => kinds.includes(verdict.kind)).length;
  return {
    all: lines.length,
    sent: lines.reduce((sum, { used }) => sum + used.count, 0),
    same: of('same'),
    refused: of('refused'),
    narrower: of('narrower'),
    wider: of('wider', 'allowed'),
    unknown: of('unknown'),
    byShape: lines.filter(({ byShape, verdict }) => byShape && verdict.kind !== 'unknown').length,
  };
}

interface Shown {
  readonly lines: readonly Line[];
  readonly counts: Counts;
  readonly exceeded: readonly Exceeded[];
  readonly use: LoggedUse;
  readonly strange: number;
  readonly timeZone: string;
  readonly errors: readonly string[];
  /** Statements that came when the database had another catalog than today's. */
  readonly otherCatalog: number;
}

const HEADINGS: readonly (readonly [string, readonly ReplayedStatement['verdict']['kind'][]])[] = [
  ['newly refused', ['refused']],
  ['narrower', ['narrower']],
  ['newly allowed or wider', ['allowed', 'wider']],
  ['cannot be told', ['unknown']],
];

function inWords({ lines, counts, exceeded, use, strange, timeZone, otherCatalog }: Shown): string {
  const { from = '', to = '' } = use.span ?? {};
  const out = [`the log from ${shownTime(from, timeZone)} to ${shownTime(to, timeZone)}`];
  for (const [heading, kinds] of HEADINGS) {
    const found = lines
      .filter(({ verdict }) => kinds.includes(verdict.kind))
      .sort((a, b) => b.used.count - a.used.count);
    if (found.length === 0) continue;
    out.push(`${heading}: ${found.length}`);
    for (const { used, verdict, byShape } of found) {
      const shape = byShape ? ' (by its shape)' : '';
      out.push(
        `  ${used.principal}, ${used.count} times, last ${shownTime(used.last, timeZone)}${shape}: ${used.text ?? '(no text)'}`,
      );
      const why = whyOf(verdict);
      if (why !== '') out.push(`      ${why}`);
    }
  }
  for (const { principal, name, effect, rule, count, first } of exceeded)
    out.push(
      `limit: ${principal} takes more than ${name} (${effect}, ${rule}), after ${count} statements or more, first ${shownTime(first, timeZone)}`,
    );
  const { all, sent, same, refused, narrower, wider, unknown, byShape } = counts;
  out.push(
    `${all} statements, sent ${sent} times: ${refused} newly refused, ${narrower} narrower, ${wider} newly allowed or wider, ${same} the same, ${unknown} cannot be told`,
  );
  if (byShape > 0)
    out.push(`${byShape} of them by their shape alone, without literals: they count as such that cannot be told`);
  if (otherCatalog > 0)
    out.push(
      `${otherCatalog} of them came when the catalog was another than today's: what was decided then is held against that one`,
    );
  if (strange > 0) out.push(`${strange} lines of the log hold no record`);
  return `${out.map(oneLine).join('\n')}\n`;
}

function whyOf(verdict: ReplayedStatement['verdict']): string {
  switch (verdict.kind) {
    case 'refused':
      return `${verdict.reason}${verdict.rule === undefined ? '' : ` at ${verdict.rule}`}: ${verdict.message}`;
    case 'allowed':
      return `${verdict.reason} before`;
    case 'unknown':
      return verdict.why;
    case 'same':
    case 'narrower':
    case 'wider':
      return verdict.words ?? '';
  }
}

function asJson({ lines, counts, exceeded, use, strange, errors, otherCatalog }: Shown): object {
  const statements = lines
    .filter(({ verdict }) => verdict.kind !== 'same')
    .map(({ used: { principal, role, text = null, count, last }, verdict, byShape }) => ({
      principal,
      role,
      statement: text,
      count,
      last,
      byShape,
      ...verdict,
    }));
  return { span: use.span ?? null, ...counts, statements, limits: exceeded, strange, errors, otherCatalog };
}
