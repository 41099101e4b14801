/** `rowgate log query`: prints complete records that match; also follows the log as it is written. */
import { once } from 'node:events';
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { type LogRecord, RECORD_KINDS } from '../decision-log/fields.ts';
import { printable } from '../decision-log/printable.ts';
import { ChainReader } from '../decision-log/read/chain-reader.ts';
import { Filter, UnseenNames, type Wanted } from '../decision-log/read/filter.ts';
import { type Chain, chainsOf, openNameOf } from '../decision-log/read/log-files.ts';
import { merged } from '../decision-log/read/merged.ts';
import { RecordLines } from '../decision-log/show/record-lines.ts';
import { subjectId } from '../decision-log/subject-ids.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { failed } from './ask-guard.ts';
import {
  fromLog,
  type LogCommandOptions,
  type LogSource,
  logCommand,
  logSource,
  reportUnreadable,
  several,
  timeOption,
} from './log-source.ts';
import { soughtIn } from './subject-option.ts';

const HELP = `
Examples:
  rowgate log query --principal homework --since 2h
  rowgate log query --table students --effect refuse --since yesterday --json
  rowgate log query --subject student=4711 --subject-key subjects.key
  rowgate log query --follow
  rowgate log query old/decisions.*.jsonl.gz --reason column-withheld

Times: 2026-11-25 (that day), 2026-11-25T14:30, 13:00 (today), 2h (ago), today, yesterday.
An outcome is found with the decision that it belongs to. Records of several workers stand in the order of time.
Exit code: 0, 1 where nothing was found, 2 for a wrong call, a name that stands nowhere in the log, or a log that cannot be read.`;

const EFFECTS = ['allow', 'rewrite', 'refuse', 'throttle', 'lock'];

interface Options extends LogCommandOptions, Omit<Wanted, 'since' | 'until' | 'person'> {
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
  readonly subject?: string;
  readonly subjectKey?: readonly string[];
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  fromLog(logCommand(program).command('query'))
    .description('records that match, each whole')
    .argument('[files...]', 'files of a log, in the place of the guard’s')
    .option('--principal <name>', 'whose')
    .option('--user <user>', 'the person behind its tokens')
    .option('--role <role>', 'its role')
    .option('--table <table>', 'statements on it, as students or public.students')
    .option('--column <column>', 'statements on it, as ine or students.ine')
    .option('--effect <effect>', 'allow, rewrite, refuse, throttle, lock; in observe mode, what it would have been')
    .option('--reason <reason>', 'as column-withheld')
    .option('--kind <kind>', 'decision, outcome, login, lock, …')
    .option('--text <text>', 'in the statement, or in a message')
    .option('--id <id>', 'the one that the client was told')
    .option('--session <id>', 'of one session')
    .option('--subject <subject=key>', 'results that showed this person, as student=4711')
    .option(
      '--subject-key <file>',
      'the key of the ids in the log, may be given several times; without it, that of the configuration',
      several,
    )
    .option('--since <time>', 'the first moment')
    .option('--until <time>', 'up to then')
    .option('--limit <count>', 'no more than this many of the last ones; a statement with its outcome is one')
    .option('--follow', 'go on with what is written')
    .option('--json', 'one record a line, whole, as JSON')
    .addHelpText('after', HELP)
    .action(query);
}

async function query(files: readonly string[], options: Options, command: Command): Promise<void> {
  const log = logSource(files.length > 0 ? { ...options, log: [...files, ...(options.log ?? [])] } : options);
  if (!log) return;
  const wanted = wantedIn(options, command, log.timeZone);
  if (wanted === 'failed') return;
  const most = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
  if (!(most >= 1))
    command.error(`error: --limit: expected a number from 1, found "${options.limit}"`, { exitCode: 2 });
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  // The reader closed the pipe.
  process.stdout.on('error', end);
  try {
    const unseen = new UnseenNames(wanted);
    const found = await show(log, new Filter(wanted), unseen, options, most, stop.signal);
    if (found > 0 || options.follow) return;
    process.exitCode = 1;
    for (const name of unseen.names) failed(2, `no record of this log names ${name}`);
  } catch (error) {
    reportUnreadable(error);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end);
    process.stdout.off('error', end);
  }
}

/** How many it found. */
async function show(
  log: LogSource,
  filter: Filter,
  unseen: UnseenNames,
  options: Options,
  most: number,
  signal: AbortSignal,
): Promise<number> {
  const { chains, openerOf, place, timeZone } = log;
  const known = new Set(chains.map(nameOf));
  const reader = (chain: Chain): ChainReader => new ChainReader(chain, openerOf, options.follow);
  const readers = chains.map(reader);
  const more = (): ChainReader[] => {
    const fresh = place ? chainsOf(place.file).filter((chain) => !known.has(nameOf(chain))) : [];
    for (const chain of fresh) known.add(nameOf(chain));
    return fresh.map(reader);
  };
  const columns = process.stdout.columns ?? Number.POSITIVE_INFINITY;
  const lines = new RecordLines(timeZone, columns);
  let headed = options.json === true;
  const give = async (record: LogRecord): Promise<void> => {
    if (!headed) printOut(`${lines.head}\n`);
    headed = true;
    const text = options.json ? printable(JSON.stringify(record)) : lines.line(record);
    if (!printOut(`${text}\n`) && !signal.aborted) await once(process.stdout, 'drain', { signal }).catch(() => {});
  };
  let found = 0;
  const last = new Last(most);
  for await (const record of merged(readers, options.follow ? { signal, more } : undefined)) {
    if (signal.aborted) break;
    unseen.look(record);
    if (!filter.takes(record)) continue;
    found += 1;
    if (most === Number.POSITIVE_INFINITY || options.follow) await give(record);
    else last.add(record);
  }
  for (const record of last.records) await give(record);
  const strange = readers.reduce((sum, reader) => sum + reader.strange, 0);
  if (strange > 0) printError(`rowgate: ${strange} lines hold no record, and were passed over\n`);
  return found;
}

/** Keeps the last N events of a log: a decision and its outcome count as one event. */
class Last {
  private readonly kept = new Map<unknown, { readonly at: number; readonly record: LogRecord }[]>();
  /** Decisions that have made room, and may still have an outcome. */
  private readonly dropped = new Set<unknown>();
  private count = 0;

  constructor(private readonly most: number) {}

  add(record: LogRecord): void {
    this.count += 1;
    const isOfStatement = record.kind === 'decision' || record.kind === 'outcome' || record.kind === 'seen';
    const key = isOfStatement ? record.id : this.count;
    if (this.dropped.has(key)) {
      if (record.kind === 'outcome') this.dropped.delete(key);
      return;
    }
    const known = this.kept.get(key);
    if (known) known.push({ at: this.count, record });
    else this.kept.set(key, [{ at: this.count, record }]);
    if (this.kept.size <= this.most) return;
    const [[oldest, parts] = []] = this.kept;
    this.kept.delete(oldest);
    if (parts?.at(-1)?.record.kind !== 'outcome') this.dropped.add(oldest);
  }

  /** In their order. */
  get records(): readonly LogRecord[] {
    return [...this.kept.values()]
      .flat()
      .sort((a, b) => a.at - b.at)
      .map(({ record }) => record);
  }
}

/** Ends the command where an option with a closed list has a word that is not in it. */
function oneOf(command: Command, option: string, word: string | undefined, words: readonly string[]): void {
  if (word === undefined || words.includes(word)) return;
  const expected = `expected ${words.join(', ')}, found "${word}"${suggestion(word, words)}`;
  command.error(`error: ${option}: ${expected}`, { exitCode: 2 });
}

function nameOf([file = '']: Chain): string {
  return openNameOf(file);
}

function wantedIn(options: Options, command: Command, timeZone: string): Wanted | 'failed' {
  oneOf(command, '--effect', options.effect, EFFECTS);
  oneOf(command, '--kind', options.kind, RECORD_KINDS);
  const sought = soughtIn(options, command);
  if (sought === 'failed') return 'failed';
  const { principal, user, role, table, column, effect, reason, kind, text, id, session, since, until } = options;
  return {
    ...{ principal, user, role, table, column, effect, reason, kind, text, id, session },
    since: since === undefined ? undefined : timeOption(command, '--since', since, timeZone),
    until: until === undefined ? undefined : timeOption(command, '--until', until, timeZone, true),
    person: sought && {
      subject: sought.subject,
      ids: new Set(sought.keys.map((key) => subjectId(key, sought.subject, sought.key))),
    },
  };
}
