/** `rowgate log report refusals | principals | breach | break-glass`: what was refused, who did what, what one account took, what was done in openings. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import { openSource, type RecordTable } from '../decision-log/read/source.ts';
import { breachOf } from '../decision-log/reports/breach.ts';
import { breachReport } from '../decision-log/reports/breach-report.ts';
import { breakGlassOf, breakGlassOverview, breakGlassReport } from '../decision-log/reports/break-glass.ts';
import type { Made } from '../decision-log/reports/made.ts';
import type { Period } from '../decision-log/reports/period.ts';
import { NO_POLICIES, type PolicyFacts, policyFacts, readPolicyFacts } from '../decision-log/reports/policy-texts.ts';
import { principalsOf } from '../decision-log/reports/principals.ts';
import { principalsReport } from '../decision-log/reports/principals-report.ts';
import { refusalsOf } from '../decision-log/reports/refusals.ts';
import { refusalsReport } from '../decision-log/reports/refusals-report.ts';
import type { Report } from '../decision-log/reports/report.ts';
import { findSubject, type Sought } from '../decision-log/reports/subject.ts';
import { reportCsv } from '../decision-log/show/csv.ts';
import { reportHtml } from '../decision-log/show/html.ts';
import { reportText } from '../decision-log/show/text.ts';
import { failed } from './ask-guard.ts';
import { fromLog, type LogOptions, type LogSource, logSource, several, timeOption, unreadable } from './log-source.ts';
import { type SubjectOptions, soughtIn } from './subject-option.ts';

const TIMES = `
Times: 2026-11-25 (that day), 2026-11-25T14:30, 2h (ago), today, yesterday.
Closed files are read by an index, which is made beside them where it is missing (--no-index: without).
Exit code: 0, 1 where there is nothing in that time, 2 for a wrong call or a log that cannot be read.`;

const BREACH_HELP = `
Examples:
  rowgate log report breach --principal homework --since 2026-11-25T14:00 --until 2026-11-25T15:00
  rowgate log report breach --principal homework --since yesterday --html --output homework.html
  rowgate log report breach --principal homework --since yesterday --subject student=4711 --subject-key subjects.key
${TIMES}`;

const BREAK_GLASS_HELP = `
Examples:
  rowgate log report break-glass --since 30d
  rowgate log report break-glass --id 01KB… --html --output opening.html
${TIMES}`;

const HELP = `
Examples:
  rowgate log report refusals --since yesterday
  rowgate log report principals --since 7d --html --output week.html
${TIMES}`;

interface ReportOptions extends LogOptions {
  readonly since?: string;
  readonly until: string;
  readonly indexFolder?: string;
  readonly index: boolean;
  readonly csv?: boolean;
  readonly html?: boolean;
  readonly json?: boolean;
  readonly output?: string;
}

interface BreachOptions extends ReportOptions, SubjectOptions {
  readonly principal: string;
  readonly user?: string;
  readonly policies?: string;
}

/** What a report has found, as data and in words; undefined where there is nothing. */
interface Found {
  readonly data: unknown;
  readonly report: Report;
}

const WIDTH = 120;

/** Adds the reports to `rowgate log report`. */
export function registerAudits(report: Command): void {
  common(report.command('refusals'))
    .description('what was refused: whose, why, on which tables, when')
    .option('--since <time>', 'without it, from the beginning')
    .addHelpText('after', HELP)
    .action((options: ReportOptions, command: Command) => make(options, command, refusals));
  common(report.command('principals'))
    .description('what each principal did, and what of it is unlike its own weeks before')
    .option('--since <time>', 'the weeks before it are compared', '7d')
    .addHelpText('after', HELP)
    .action((options: ReportOptions, command: Command) => make(options, command, principals));
  common(report.command('breach'))
    .description('what one principal took in a time: for whoever must notify a breach')
    .requiredOption('--principal <name>', 'the account')
    .option('--user <user>', 'only what this person behind its tokens did')
    .requiredOption('--since <time>', 'the first moment')
    .option('--policies <folder>', 'where categories and limits are written; without it, the guard’s')
    .option('--subject <subject=key>', 'is this person among those who were shown? As student=4711')
    .option('--subject-key <file>', 'the key of the ids in the log; may be given several times', several)
    .addHelpText('after', BREACH_HELP)
    .action((options: BreachOptions, command: Command) => {
      const sought = soughtIn(options, command);
      if (sought === 'failed') return undefined;
      return make(options, command, (source, period, made, log) => breach(source, period, made, log, options, sought));
    });
  common(report.command('break-glass'))
    .description('what was done in openings of closed principals: statements, tables, rows, people')
    .option('--id <id>', 'one opening in full')
    .option('--since <time>', 'without it, from the beginning')
    .addHelpText('after', BREAK_GLASS_HELP)
    .action((options: ReportOptions & { readonly id?: string }, command: Command) =>
      make(options, command, (source, period, made, log) => breakGlass(source, period, made, log, options.id)),
    );
}

function common(command: Command): Command {
  return fromLog(command)
    .option('--until <time>', 'up to then', 'now')
    .option('--no-index', 'read all files as they are')
    .option('--index-folder <folder>', 'where indexes are kept; without it, beside the files')
    .option('--csv', 'tables for a spreadsheet')
    .option('--html', 'one page with charts')
    .option('--json', 'one JSON object')
    .option('--output <file>', 'write it to this new file (0600)');
}

type Maker = (source: RecordTable, period: Period, made: Made, log: LogSource) => Promise<Found | undefined>;

async function make(options: ReportOptions, command: Command, maker: Maker): Promise<void> {
  if ([options.csv, options.html, options.json].filter(Boolean).length > 1) {
    command.error('error: --csv, --html and --json are one or the other', { exitCode: 2 });
  }
  const log = logSource(options);
  if (!log) return;
  const { timeZone } = log;
  const period: Period = {
    since: options.since === undefined ? 0 : timeOption(command, '--since', options.since, timeZone),
    until: timeOption(command, '--until', options.until, timeZone, true),
    timeZone,
  };
  if (period.since >= period.until) command.error('error: --since: expected a time before --until', { exitCode: 2 });
  if (options.output !== undefined && existsSync(options.output)) return failed(2, `${options.output} exists already`);
  try {
    const source = await openSource({
      chains: log.chains,
      indexes: options.indexFolder,
      indexed: options.index,
      openerOf: log.openerOf,
      notice: (message) => printError(`rowgate: ${message}\n`),
    });
    try {
      const made = { files: source.files, strange: source.strange, at: Date.now() };
      const found = await maker(source, period, made, log);
      if (!found) return failed(1, 'there is nothing in that time');
      give(options, found);
    } finally {
      source.close();
    }
  } catch (error) {
    unreadable(error);
  }
}

function give(options: ReportOptions, { data, report }: Found): void {
  const text = options.json
    ? `${JSON.stringify(data)}\n`
    : options.html
      ? reportHtml(report)
      : options.csv
        ? reportCsv(report)
        : reportText(report, process.stdout.columns ?? WIDTH);
  // What is in the log may be read by whoever may read the log, and the report as well.
  if (options.output !== undefined) writeFileSync(options.output, text, { flag: 'wx', mode: 0o600 });
  else printOut(text);
}

async function refusals(source: RecordTable, period: Period, made: Made): Promise<Found | undefined> {
  const data = await refusalsOf(source, period);
  if (data.decisions + data.statements + data.logins === 0) return undefined;
  return { data, report: refusalsReport(data, period, made) };
}

async function principals(source: RecordTable, period: Period, made: Made): Promise<Found | undefined> {
  const data = await principalsOf(source, period);
  return data.length === 0 ? undefined : { data, report: principalsReport(data, period, made) };
}

async function breach(
  source: RecordTable,
  period: Period,
  made: Made,
  { place, policiesKept: kept }: LogSource,
  options: BreachOptions,
  who: Sought | undefined,
): Promise<Found | undefined> {
  const asked = { ...period, principal: options.principal, user: options.user };
  const found = await breachOf(source, asked);
  if (found.totals.statements === 0 && found.events.length === 0) return undefined;
  const folder = options.policies ?? place?.policies;
  const policies = folder === undefined ? NO_POLICIES : readPolicyFacts(folder);
  const sought = who && { who, answer: await findSubject(source, who, found.coverage) };
  const data = { ...asked, ...found, ...(sought && { subject: { of: who.subject, key: who.key, ...sought.answer } }) };
  const policiesKept = keptIn(kept);
  return { data, report: breachReport({ asked, breach: found, policies, policiesKept, sought, made }) };
}

async function breakGlass(
  source: RecordTable,
  period: Period,
  made: Made,
  { policiesKept: kept }: LogSource,
  id: string | undefined,
): Promise<Found | undefined> {
  const all = await breakGlassOf(source, period, made.at, id);
  const [first] = all;
  if (!first) return undefined;
  if (id === undefined) return { data: all, report: breakGlassOverview(all, period, made) };
  return { data: first, report: breakGlassReport(first, period, keptIn(kept), made) };
}

/** What was kept of a policy there, by its hash. */
function keptIn(folder: string): (hash: string) => PolicyFacts | undefined {
  return (hash) => {
    const files = keptPolicy(folder, hash);
    return 'problem' in files ? undefined : policyFacts(files);
  };
}
