/** `rowgate log policies`: which policy was in force when, who changed it, and what its files said. */
import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import { keptPolicy } from '../decision-log/policies/kept-policies.ts';
import type { OpenerOf } from '../decision-log/read/encrypted.ts';
import { linesOf, RecordReader } from '../decision-log/read/file-lines.ts';
import type { Chain } from '../decision-log/read/log-files.ts';
import type { PolicyChange } from '../decision-log/record-sink.ts';
import { shownTime } from '../policy/source/calendar.ts';
import type { PolicyFile } from '../policy/source/document.ts';
import { failed, table } from './ask-guard.ts';
import { fromLog, type LogCommandOptions, type LogSource, logCommand, logSource, timeOption } from './log-source.ts';

const HELP = `
Examples:
  rowgate log policies                              each change: when, by whom, how
  rowgate log policies --at 2026-11-03T14:00        what was in force then, and its files
  rowgate log policies --show sha256:3b9b2a41       the files of a policy, by the beginning of its hash

The files are those that the guard has kept beside the log, without passwords and canaries, checked against the hash in the record.
"rowgate log verify" says whether the records themselves can be relied on.
Exit code: 0, 1 where there is no such policy or its files are not what was kept, 2 for a wrong call.`;

interface Options extends LogCommandOptions {
  readonly folder?: string;
  readonly at?: string;
  readonly show?: string;
  readonly json?: boolean;
}

/** A change of the policy in force; or an edit that was not taken, with `problems`. */
interface Change extends Omit<PolicyChange, 'via'> {
  readonly time: string;
  readonly guard: string;
  readonly via: string;
}

export function register(program: Command): void {
  fromLog(logCommand(program).command('policies'))
    .description('which policy was in force when, who changed it, and what it said')
    .option('--folder <folder>', 'where the policies are kept; without it, beside the log')
    .option('--at <time>', 'show the policy in force at this time, as 2026-11-03T14:00')
    .option('--show <hash>', 'show a policy: its hash, or that of what was kept, or the beginning of one')
    .option('--json', 'JSON on standard output')
    .addHelpText('after', HELP)
    .action(policies);
}

async function policies(options: Options, command: Command): Promise<void> {
  const log = logSource(options);
  if (!log) return;
  const { chains, timeZone } = log;
  const at = options.at === undefined ? undefined : timeOption(command, '--at', options.at, timeZone);
  const changes = await changesIn(chains, log.openerOf);
  if (at === undefined && options.show === undefined) return list(changes, timeZone, options);
  const found =
    at === undefined
      ? withHash(changes, options.show ?? '')
      : inForce(changes).findLast(({ time }) => Date.parse(time) <= at);
  if (!found) return failed(1, at === undefined ? 'the log knows no such policy' : 'no policy was in force then');
  if (found.kept === undefined) return failed(1, `its files were not kept${found.message ? `: ${found.message}` : ''}`);
  const files = keptPolicy(options.folder ?? log.policiesKept, found.kept);
  if ('problem' in files) return failed(1, files.problem);
  if (options.json) printOut(`${JSON.stringify({ ...found, files })}\n`);
  else {
    printOut(`# ${found.to}, in force since ${shownTime(found.time, timeZone)}, by ${found.by} (${found.via})\n`);
    for (const { path, text } of files) printOut(`\n# --- ${path}\n${text.trimEnd()}\n`);
  }
}

/** The files of a policy that was in force, found by the beginning of its hash or of the hash of its kept form; or why they cannot be read. */
export async function filesOfHash(
  { chains, openerOf, policiesKept }: LogSource,
  hash: string,
): Promise<readonly PolicyFile[] | { readonly problem: string }> {
  const found = withHash(await changesIn(chains, openerOf), hash);
  if (!found) return { problem: `the log knows no policy "${hash}"` };
  if (found.kept === undefined) return { problem: `the files of ${found.to} were not kept` };
  return keptPolicy(policiesKept, found.kept);
}

function inForce(changes: readonly Change[]): readonly Change[] {
  return changes.filter(({ problems, from, to }) => !problems || from !== to);
}

function withHash(changes: readonly Change[], start: string): Change | undefined {
  return inForce(changes).findLast(({ to, kept }) => [to, kept].some((hash) => hash && begins(hash, start)));
}

/** In the order of time, over all guards. */
async function changesIn(chains: readonly Chain[], openerOf: OpenerOf | undefined): Promise<Change[]> {
  const changes: Change[] = [];
  for (const file of chains.flat()) {
    const reader = new RecordReader(file, openerOf);
    for await (const lines of linesOf(file)) {
      const records = await reader.read(lines.filter(mayBeChange));
      changes.push(...records.filter(({ kind }) => kind === 'policy').map(changeIn));
    }
  }
  return changes.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

/** Of millions of lines few are looked at. */
function mayBeChange(line: string): boolean {
  return line.includes('"kind":"policy"') || line.includes('"kind":"segment"') || line.includes('"box":"');
}

function changeIn({ time, guard, from, to, kept, by, via, problems, message }: LogRecord): Change {
  return {
    time: String(time),
    guard: String(guard),
    to: String(to),
    by: String(by),
    via: String(via),
    ...(typeof from === 'string' && { from }),
    ...(typeof kept === 'string' && { kept }),
    ...(Array.isArray(problems) && { problems: problems.map(String) }),
    ...(typeof message === 'string' && { message }),
  };
}

function list(changes: readonly Change[], timeZone: string, { json }: Options): void {
  if (json) {
    printOut(changes.map((change) => `${JSON.stringify(change)}\n`).join(''));
    return;
  }
  const rows = changes.map(({ time, guard, from, to, kept, by, via, problems = [] }) => [
    shownTime(time, timeZone),
    guard,
    from === to && problems.length > 0 ? 'not taken' : short(from),
    short(to),
    by,
    via,
    kept === undefined ? '' : short(kept),
    problems.length === 0 ? '' : `${problems.length} problems`,
  ]);
  printOut(table([['time', 'guard', 'from', 'to', 'by', 'via', 'kept', ''], ...rows]));
}

function short(hash: string | undefined): string {
  return hash?.replace(/^(sha256:.{12}).*/, '$1') ?? '';
}

function begins(hash: string, start: string): boolean {
  return start.length >= 8 && (hash.startsWith(start) || hash.startsWith(`sha256:${start}`));
}
