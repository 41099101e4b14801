/** `rowgate log report usage`: how much each role's principals really take, from the decision log, and limits that leave them alone. */
import { createReadStream, existsSync, readdirSync } from 'node:fs';
import { join, parse } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command } from 'commander';
import { logPlace } from '../config/log-place.ts';
import { amountName } from '../policy/limits-in-force.ts';
import { readDate } from '../policy/quantity.ts';
import { failed, table } from './ask-guard.ts';
import { logCommand } from './log-command.ts';
import type { Percentiles } from './log-report-percentiles.ts';
import { UsageTally } from './log-report-tally.ts';
import { type RoleReport, type UsageReport, usageReport } from './log-report-usage.ts';

const HELP = `
Examples:
  rowgate log report usage
  rowgate log report usage --from 2026-10-01 --until 2026-11-30 --without importer
  rowgate log report usage --log october.jsonl --log november.jsonl --time-zone Europe/Paris --json

What is proposed is the 99.9th percentile and a margin. Look at it: a week without report cards knows nothing of them, and
a principal that has been stealing looks like one that works much. docs/limits.md says how to choose.
Exit code: 0, 1 where the log holds nothing that was used, 2 for a wrong call.`;

interface Options {
  readonly config: string;
  readonly log?: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly without: readonly string[];
  readonly margin: string;
  readonly timeZone?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const report = logCommand(program).command('report');
  report
    .description('what it tells of a time')
    .command('usage')
    .description('how much each role really takes, and limits that follow from it')
    .option('--config <file>', 'the configuration of the guard, which says where its log is', 'rowgate.yaml')
    .option('--log <file>', 'a decision log; may be given several times', append)
    .option('--from <date>', 'first day, as 2026-10-01')
    .option('--until <date>', 'last day')
    .option('--without <principal>', 'leave a principal out; may be given several times', append, [])
    .option('--margin <percent>', 'added to what was taken', '30')
    .option('--time-zone <zone>', 'of the days; without it, the guard’s')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(usage);
}

async function usage(options: Options, command: Command): Promise<void> {
  const wrong = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 });
  for (const date of [options.from, options.until]) {
    if (date !== undefined && !('value' in readDate(date)))
      wrong(`expected a date such as 2026-10-01, found "${date}"`);
  }
  const margin = Number(options.margin) / 100;
  if (!(margin >= 0 && margin <= 100)) wrong(`--margin: expected a number of percent, found "${options.margin}"`);
  const place = options.log ? undefined : logPlace(options.config, process.env);
  if (place && 'problem' in place) return failed(2, place.problem);
  const files = options.log ?? ofWorkers(place?.file ?? '');
  const timeZone = options.timeZone ?? place?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const { from, until, without } = options;
  const tally = new UsageTally({ without, ...(from !== undefined && { from }), ...(until !== undefined && { until }) });
  for (const file of files) {
    if (!existsSync(file)) return failed(2, `${file}: no such file`);
    for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: 0 })) tally.add(line);
  }
  const report = usageReport(tally, timeZone, margin);
  if (tally.strange > 0) process.stderr.write(`rowgate: ${tally.strange} lines hold no record, and were passed over\n`);
  if (!report) return failed(1, 'nothing was used in that time');
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : words(report));
}

/** The file itself, and those of workers: `decisions.1.jsonl` beside `decisions.jsonl`. */
function ofWorkers(file: string): string[] {
  const { dir, name: stem, ext } = parse(file);
  const workers = (existsSync(dir) ? readdirSync(dir) : []).filter((name) => {
    const number = name.slice(stem.length + 1, name.length - ext.length);
    return /^\d+$/.test(number) && name === `${stem}.${number}${ext}`;
  });
  const own = existsSync(file) || workers.length === 0 ? [file] : [];
  return [...own, ...workers.map((name) => join(dir, name))];
}

/** Of fewer, the 99.9th percentile is the largest. */
const ENOUGH = 1_000;
const FEW = 'Where there are fewer than 1000 of them, the 99.9th percentile is the most that was seen.\n';

function words({ from, until, margin, locked, roles }: UsageReport): string {
  const time = `From ${from.slice(0, 10)} to ${until.slice(0, 10)}. Proposed: the 99.9th percentile and ${Math.round(margin * 100)} %.\n`;
  const few = roles.some(({ usage }) => usage.some(({ samples }) => samples < ENOUGH)) ? FEW : '';
  const warning =
    locked.length > 0
      ? `Locked out in that time: ${locked.join(', ')}. Leave out who was no honest user by --without.\n`
      : '';
  return `${time}${few}${warning}${roles.map(ofRole).join('')}`;
}

function ofRole({ role, principals, usage, proposed }: RoleReport): string {
  const rows = usage.map((each) => [
    `  ${nameOf(each)}`,
    ...[each.median, each.p99, each.p999, each.most].map((amount) => amountText(each, amount)),
    String(each.samples),
  ]);
  const head = ['  ', 'median', '99 %', '99.9 %', 'most', 'of'];
  return `\nRole ${role}, ${principals} ${principals === 1 ? 'principal' : 'principals'}:\n${table([head, ...rows])}\n${proposed}`;
}

function nameOf({ measure, window, atMost }: Percentiles): string {
  return `${measure}${window === undefined ? '' : ` ${window}`}${atMost ? ' (at most)' : ''}`;
}

function amountText({ measure }: Percentiles, amount: number): string {
  if (!measure.startsWith('bytes')) return String(amount);
  return amountName('bytes', amount < 10_240 ? amount : Math.round(amount / 1024) * 1024);
}

function append(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
