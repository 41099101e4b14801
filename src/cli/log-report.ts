/** `rowgate log report usage`: how much each role's principals really take, from the decision log, and limits that leave them alone. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { type Language, Speech } from '../decision-log/language/speech.ts';
import { linesOf, RecordReader } from '../decision-log/read/file-lines.ts';
import { readDate } from '../policy/source/quantity.ts';
import { failed, table } from './ask-guard.ts';
import { languageOption, registerAudits } from './log-report-audit.ts';
import { registerObserved } from './log-report-observed.ts';
import { registerPerson } from './log-report-person.ts';
import { UsageTally } from './log-report-tally.ts';
import { type Percentiles, type RoleReport, type UsageReport, usageReport } from './log-report-usage.ts';
import {
  fromLog,
  type LogCommandOptions,
  type LogSource,
  logCommand,
  logSource,
  reportUnreadable,
  several,
} from './log-source.ts';

const HELP = `
Examples:
  rowgate log report usage
  rowgate log report usage --from 2026-10-01 --until 2026-11-30 --without importer
  rowgate log report usage --log october.jsonl --log november.jsonl --time-zone Europe/Paris --json

What is proposed is the 99.9th percentile and a margin. Look at it: a week without report cards knows nothing of them, and
a principal that has been stealing looks like one that works much. docs/limits.md says how to choose.
Exit code: 0, 1 where the log holds nothing that was used, 2 for a wrong call.`;

interface Options extends LogCommandOptions {
  readonly from?: string;
  readonly until?: string;
  readonly without: readonly string[];
  readonly margin: string;
  readonly language: Language;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const report = logCommand(program).command('report');
  report.description('what it tells of a time');
  fromLog(report.command('usage'))
    .description('how much each role really takes, and limits that follow from it')
    .option('--from <date>', 'first day, as 2026-10-01')
    .option('--until <date>', 'last day')
    .option('--without <principal>', 'leave a principal out; may be given several times', several, [])
    .option('--margin <percent>', 'added to what was taken', '30')
    .addOption(languageOption())
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(usage);
  registerAudits(report);
  registerObserved(report);
  registerPerson(report);
}

async function usage(options: Options, command: Command): Promise<void> {
  const wrong = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 });
  for (const date of [options.from, options.until]) {
    if (date !== undefined && !('value' in readDate(date)))
      wrong(`expected a date such as 2026-10-01, found "${date}"`);
  }
  const margin = Number(options.margin) / 100;
  if (!(margin >= 0 && margin <= 100)) wrong(`--margin: expected a number of percent, found "${options.margin}"`);
  const missing = options.log?.find((file) => !existsSync(file));
  if (missing !== undefined) return failed(2, `${missing}: no such file`);
  const log = logSource(options);
  if (!log) return;
  const { from, until, without } = options;
  const tally = new UsageTally({ without, ...(from !== undefined && { from }), ...(until !== undefined && { until }) });
  let strange: number;
  try {
    strange = await tallyAll(tally, log);
  } catch (error) {
    return reportUnreadable(error);
  }
  const report = usageReport(tally, log.timeZone, margin);
  if (strange > 0) printError(`rowgate: ${strange} lines hold no record, and were passed over\n`);
  if (!report) return failed(1, 'nothing was used in that time');
  printOut(options.json ? `${JSON.stringify(report)}\n` : words(report, new Speech(options.language)));
}

/** How many lines held no record. */
async function tallyAll(tally: UsageTally, { chains, openerOf }: LogSource): Promise<number> {
  let strange = 0;
  for (const file of chains.flat()) {
    const reader = new RecordReader(file, openerOf);
    for await (const lines of linesOf(file)) {
      for (const record of await reader.read(lines)) tally.add(record);
    }
    strange += reader.strange;
  }
  return strange;
}

/** Of fewer, the 99.9th percentile is the largest. */
const ENOUGH = 1_000;

function words({ from, until, margin, locked, roles }: UsageReport, speech: Speech): string {
  const isFew = roles.some(({ usage }) => usage.some(({ samples }) => samples < ENOUGH));
  // ISO days; French ones as the language writes them.
  const day = (iso: string): string => speech.wall(Date.parse(iso.slice(0, 10)), 86_400_000);
  const lines = [
    speech.say('usage: head', { from: day(from), until: day(until), margin: Math.round(margin * 100) }),
    ...(isFew ? [speech.say('usage: few', { n: ENOUGH })] : []),
    ...(locked.length > 0 ? [speech.say('usage: locked', { names: locked.join(', ') })] : []),
  ];
  return `${lines.map((line) => `${line}\n`).join('')}${roles.map((role) => ofRole(role, speech)).join('')}`;
}

function ofRole({ role, principals, usage, proposed }: RoleReport, speech: Speech): string {
  const rows = usage.map((each) => [
    `  ${nameOf(each, speech)}`,
    ...[each.median, each.p99, each.p999, each.most].map((amount) => amountText(each, amount, speech)),
    speech.count(each.samples),
  ]);
  const head = [
    '  ',
    speech.say('column: median'),
    '99 %',
    '99.9 %',
    speech.say('column: most'),
    speech.say('column: of'),
  ];
  return `\n${speech.say('usage: role', { role, n: principals })}\n${table([head, ...rows])}\n${proposed}`;
}

function nameOf({ measure, window, atMost }: Percentiles, speech: Speech): string {
  return `${measure}${window === undefined ? '' : ` ${window}`}${atMost ? ` ${speech.say('usage: at most')}` : ''}`;
}

function amountText({ measure }: Percentiles, amount: number, speech: Speech): string {
  if (!measure.startsWith('bytes')) return speech.count(amount);
  return speech.bytes(amount);
}
