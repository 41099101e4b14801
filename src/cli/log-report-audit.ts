/** `rowgate log report refusals | principals | breach | break-glass`: what was refused, who did what, what one account took, what was done in openings. */
import type { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, statSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { printOut } from '../app/print.ts';
import { LANGUAGES, type Language, Speech } from '../decision-log/language/speech.ts';
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import { openNameOf } from '../decision-log/read/log-files.ts';
import type { RecordTable } from '../decision-log/read/source.ts';
import { breachOf } from '../decision-log/reports/breach.ts';
import { breachReport } from '../decision-log/reports/breach-report.ts';
import { breakGlassOf, breakGlassOverview, breakGlassReport } from '../decision-log/reports/break-glass.ts';
import type { Evidence } from '../decision-log/reports/evidence.ts';
import type { Period } from '../decision-log/reports/period.ts';
import { NO_POLICIES, type PolicyFacts, policyFacts, readPolicyFacts } from '../decision-log/reports/policy-texts.ts';
import { principalsOf } from '../decision-log/reports/principals.ts';
import { principalsReport } from '../decision-log/reports/principals-report.ts';
import { refusalsOf } from '../decision-log/reports/refusals.ts';
import { refusalsReport } from '../decision-log/reports/refusals-report.ts';
import type { Report } from '../decision-log/reports/report.ts';
import type { ReportOrigin } from '../decision-log/reports/report-origin.ts';
import { findSubject, type PersonSearch } from '../decision-log/reports/subject.ts';
import { reportCsv } from '../decision-log/show/csv.ts';
import { reportHtml } from '../decision-log/show/html.ts';
import { reportText } from '../decision-log/show/text.ts';
import { NoLog, verifyLog } from '../decision-log/verify/verify.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { failed } from './ask-guard.ts';
import {
  fromLog,
  type IndexOptions,
  type LogCommandOptions,
  type LogSource,
  logSource,
  several,
  timeOption,
  WrongCall,
  withRecords,
} from './log-source.ts';
import { sealKeys, unsealed } from './log-verify.ts';
import { type SubjectOptions, soughtIn } from './subject-option.ts';

export const TIMES = `
Times: 2026-11-25 (that day), 2026-11-25T14:30, 13:00 (today), 2h (ago), today, yesterday.
Closed files are read by an index, which is made beside them where it is missing (--no-index: without).
Exit code: 0, 1 where there is nothing in that time, 2 for a wrong call or a log that cannot be read.`;

const BREACH_HELP = `
Examples:
  rowgate log report breach --principal homework --since 2026-11-25T14:00 --until 2026-11-25T15:00
  rowgate log report breach --principal homework --since yesterday --html --output homework.html
  rowgate log report breach --principal homework --since yesterday --subject student=4711 --subject-key subjects.key
  rowgate log report breach --principal homework --since yesterday --verify --anchors anchors.jsonl --author "D. Aune" --case 2026-17 --language fr
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

export interface ReportOptions extends LogCommandOptions, IndexOptions {
  readonly since?: string;
  readonly until: string;
  readonly csv?: boolean;
  readonly html?: boolean;
  readonly json?: boolean;
  readonly output?: string;
  readonly language: Language;
}

interface BreachOptions extends ReportOptions, SubjectOptions {
  readonly principal: string;
  readonly user?: string;
  readonly policies?: string;
  readonly verify?: boolean;
  readonly key: readonly string[];
  readonly anchors: readonly string[];
  readonly author?: string;
  readonly case?: string;
}

/** A report's result, as data and in words; undefined if it is empty. */
export interface FoundReport {
  readonly data: unknown;
  readonly report: Report;
}

const WIDTH = 120;

/** Adds the reports to `rowgate log report`. */
export function registerAudits(report: Command): void {
  reportOptions(report.command('refusals'))
    .description('what was refused: whose, why, on which tables, when')
    .option('--since <time>', 'without it, from the beginning')
    .addHelpText('after', HELP)
    .action((options: ReportOptions, command: Command) => make(options, command, refusals));
  reportOptions(report.command('principals'))
    .description('what each principal did, and what of it is unlike its own weeks before')
    .option('--since <time>', 'the weeks before it are compared', '7d')
    .addHelpText('after', HELP)
    .action((options: ReportOptions, command: Command) => make(options, command, principals));
  reportOptions(report.command('breach'))
    .description('what one principal took in a time: for the notification of a breach')
    .requiredOption('--principal <name>', 'the account')
    .option('--user <user>', 'only what this person behind its tokens did')
    .requiredOption('--since <time>', 'the first moment')
    .option('--policies <folder>', 'where categories and limits are written; without it, the guard’s')
    .option('--subject <subject=key>', 'is this person among those who were shown? As student=4711')
    .option(
      '--subject-key <file>',
      'the key of the ids in the log, may be given several times; without it, that of the configuration',
      several,
    )
    .option(
      '--verify',
      'find out whether the log is whole first, read its files as they are, and write down their hashes',
    )
    .option(
      '--key <key>',
      'with --verify: a public key that seals, as text or as a file; may be given several times',
      several,
      [],
    )
    .option(
      '--anchors <file>',
      'with --verify: anchors that were kept elsewhere; may be given several times',
      several,
      [],
    )
    .option('--author <name>', 'with --verify: who makes the report')
    .option('--case <number>', 'with --verify: the number of the case')
    .addHelpText('after', BREACH_HELP)
    .action((options: BreachOptions, command: Command) => {
      const sought = soughtIn(options, command);
      if (sought === 'failed') return undefined;
      const { verify, author, case: number } = options;
      if (!verify && (author ?? number ?? options.key[0] ?? options.anchors[0]) !== undefined) {
        return command.error('error: --author, --case, --key and --anchors belong to --verify', { exitCode: 2 });
      }
      // A report that serves as evidence reads the log itself: an index is no evidence.
      const read = verify ? { ...options, index: false } : options;
      return make(read, command, (source, period, made, log) => breach(source, period, made, log, options, sought));
    });
  reportOptions(report.command('break-glass'))
    .description('what was done in openings of closed principals: statements, tables, rows, people')
    .option('--id <id>', 'one opening in full')
    .option('--since <time>', 'without it, from the beginning')
    .addHelpText('after', BREAK_GLASS_HELP)
    .action((options: ReportOptions & { readonly id?: string }, command: Command) =>
      make(options, command, (source, period, made, log) => breakGlass(source, period, made, log, options.id)),
    );
}

export function languageOption(): Option {
  return new Option('--language <language>', 'of text, HTML and CSV').choices(LANGUAGES).default('en');
}

export function reportOptions(command: Command): Command {
  return fromLog(command)
    .option('--until <time>', 'up to then', 'now')
    .option('--no-index', 'read all files as they are')
    .option('--index-folder <folder>', 'where indexes are kept; without it, beside the files')
    .option('--csv', 'tables for a spreadsheet')
    .option('--html', 'one page with charts')
    .option('--json', 'one JSON object')
    .option('--output <file>', 'write it to this new file (0600)')
    .addOption(languageOption());
}

export type Maker = (
  source: RecordTable,
  period: Period,
  made: ReportOrigin,
  log: LogSource,
) => Promise<FoundReport | undefined>;

export async function make(options: ReportOptions, command: Command, maker: Maker): Promise<void> {
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
  await withRecords(log, options, async (source) => {
    const { files, strange } = source;
    const found = await maker(
      source,
      period,
      { files, strange, at: Date.now(), speech: new Speech(options.language) },
      log,
    );
    if (found) give(options, found);
    else failed(1, 'there is nothing in that time');
  });
}

function give(options: ReportOptions, { data, report }: FoundReport): void {
  const text = options.json
    ? `${JSON.stringify(data)}\n`
    : options.html
      ? reportHtml(report)
      : options.csv
        ? reportCsv(report)
        : reportText(report, process.stdout.columns ?? WIDTH);
  // The report has the log's file mode: who may read the log may read it.
  if (options.output !== undefined) writeFileSync(options.output, text, { flag: 'wx', mode: 0o600 });
  // Control characters are escaped in printed text: a carriage return would appear as `\u000d`.
  else printOut(text.replaceAll('\r\n', '\n'));
}

async function refusals(source: RecordTable, period: Period, made: ReportOrigin): Promise<FoundReport | undefined> {
  const data = await refusalsOf(source, period);
  if (data.decisions + data.statements + data.logins === 0) return undefined;
  return { data, report: refusalsReport(data, period, made) };
}

async function principals(source: RecordTable, period: Period, made: ReportOrigin): Promise<FoundReport | undefined> {
  const data = await principalsOf(source, period);
  return data.length === 0 ? undefined : { data, report: principalsReport(data, period, made) };
}

async function breach(
  source: RecordTable,
  period: Period,
  made: ReportOrigin,
  log: LogSource,
  options: BreachOptions,
  who: PersonSearch | undefined,
): Promise<FoundReport | undefined> {
  const { place, policiesKept: kept } = log;
  const asked = { ...period, principal: options.principal, user: options.user };
  const found = await breachOf(source, { ...asked, singly: who !== undefined });
  if (found.totals.statements === 0 && found.events.length === 0) {
    // A misspelt name took nothing either: an empty report would be misleading.
    const named = 'SELECT DISTINCT principal FROM records WHERE principal IS NOT NULL';
    const known = (await source.db.rows<{ principal: string }>(named)).map(({ principal }) => principal);
    if (known.includes(options.principal)) return undefined;
    const near = suggestion(options.principal, known);
    throw new WrongCall(`no record of this log names principal "${options.principal}"${near}`);
  }
  const folder = options.policies ?? place?.policies;
  const policies = folder === undefined ? NO_POLICIES : readPolicyFacts(folder);
  const sought = who && { who, answer: await findSubject(source, who, found.coverage) };
  const evidence = options.verify ? await evidenceOf(log, options) : undefined;
  const policiesKept = keptIn(kept);
  const facts = { asked, breach: found, policies, policiesKept, sought, made, evidence };
  const subject = sought && { of: sought.who.subject, key: sought.who.key, ...sought.answer };
  const data = { ...asked, ...found, ...(subject && { subject }), ...(evidence && { evidence }) };
  return { data, report: breachReport(facts) };
}

/** Verifies the log that the files belong to. Hashes are of the bytes that were there before: of an open file more may follow. */
async function evidenceOf({ chains, place }: LogSource, options: BreachOptions): Promise<Evidence> {
  const { author, case: caseNumber, anchors } = options;
  const keys = sealKeys(options.key);
  if (!keys) throw new WrongCall('no key could be read');
  const logs = place ? [place] : [...new Set(chains.map(([file = '']) => openNameOf(file)))].map((file) => ({ file }));
  const [first, ...others] = logs;
  if (!first || others.length > 0)
    throw new WrongCall('--verify reads one log: name its open file by --log, or its --config');
  const hashes = await Promise.all(chains.flat().map(hashOfFile));
  const verification = await verifyLog({ keys, anchors, ...unsealed(first) }).catch((error: unknown) => {
    throw error instanceof NoLog ? new WrongCall(`${first.file}: no such file`) : error;
  });
  return {
    verification,
    hashes: hashes.map(({ path, ...hash }) => ({ ...hash, changed: statSync(path).size !== hash.bytes })),
    ...(author !== undefined && { author }),
    ...(caseNumber !== undefined && { caseNumber }),
  };
}

async function hashOfFile(path: string) {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { path, file: basename(path), bytes, sha256: hash.digest('hex') };
}

async function breakGlass(
  source: RecordTable,
  period: Period,
  made: ReportOrigin,
  { policiesKept: kept }: LogSource,
  id: string | undefined,
): Promise<FoundReport | undefined> {
  const all = await breakGlassOf(source, period, made.at, id);
  const [first] = all;
  if (!first) return undefined;
  if (id === undefined) return { data: all, report: breakGlassOverview(all, period, made) };
  return { data: first, report: breakGlassReport(first, period, keptIn(kept), made) };
}

/** Reads the policies that were kept in that folder, by hash. */
export function keptIn(folder: string): (hash: string) => PolicyFacts | undefined {
  return (hash) => {
    const files = keptPolicy(folder, hash);
    return 'problem' in files ? undefined : policyFacts(files);
  };
}
