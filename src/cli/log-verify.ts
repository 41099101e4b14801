/** `rowgate log verify`: whether the decision log is as it was written; where it is not, and in what way. */
import { existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import { type LogPlace, logPlace, zoneOf } from '../config/log-place.ts';
import { countText } from '../decision-log/reports/report.ts';
import { readPublicKey } from '../decision-log/verify/keys.ts';
import { NoLog, type Verification, verifyLog } from '../decision-log/verify/verify.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { failed, table } from './ask-guard.ts';
import { logCommand, several } from './log-source.ts';

const HELP = `
Examples:
  rowgate log verify
  rowgate log verify --key Jf0…3Wc --anchors /mnt/elsewhere/anchors.jsonl
  rowgate log verify --log /evidence/decisions.jsonl --key seal.pub --anchors /var/log/anchors.log --json

All files of the log are read, also compressed ones and those of each worker. Without --key the first key that the log names is trusted: that
finds edits, but not a log that was forged as a whole. Without --anchors a log that was cut at its end, or has an end rewritten by
a holder of the key, may pass. docs/decision-log.md says what each finding means.
Exit code: 0 where nothing was found, 1 where something was, 2 for a wrong call.`;

interface Options {
  readonly config: string;
  readonly log?: string;
  readonly key: readonly string[];
  readonly anchors: readonly string[];
  readonly json?: boolean;
}

/** Seals may be late by so much, and by some of their intervals. */
const LATE_MS = 90_000;
const INTERVALS = 3;

export function register(program: Command): void {
  logCommand(program)
    .command('verify')
    .description('find out whether the log was tampered with, where and how')
    .option('--config <file>', 'the configuration of the guard, which says where its log is', 'rowgate.yaml')
    .option('--log <file>', 'the open file of a log')
    .option('--key <key>', 'a public key that seals, as text or as a file; may be given several times', several, [])
    .option('--anchors <file>', 'anchors that were kept elsewhere; may be given several times', several, [])
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', HELP)
    .action(verify);
}

async function verify(options: Options): Promise<void> {
  const configured = options.log === undefined ? logPlace(options.config, process.env) : undefined;
  const place = configured ?? { file: options.log ?? '' };
  if ('problem' in place) return failed(2, place.problem);
  const keys = sealKeys(options.key);
  if (!keys) return undefined;
  try {
    const verification = await verifyLog({ keys, anchors: options.anchors, ...unsealed(place) });
    const sound = verification.findings.length === 0;
    const text = options.json
      ? `${JSON.stringify({ sound, ...verification })}\n`
      : words(verification, zoneOf(configured));
    printOut(text);
    process.exitCode = sound ? 0 : 1;
  } catch (error) {
    if (error instanceof NoLog) return failed(2, `${place.file}: no such file`);
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return failed(2, (error as Error).message);
  }
}

/** Undefined if one is not a key: the problem was printed, and the exit code is set. */
export function sealKeys(given: readonly string[]): string[] | undefined {
  const keys: string[] = [];
  for (const text of given) {
    const key = readPublicKey(existsSync(text) ? readFileSync(text, 'utf8') : text);
    if (key === undefined) return failed(2, `--key ${text}: expected a public Ed25519 key, or a file that holds one`);
    keys.push(key);
  }
  return keys;
}

/** The log, and how long its end may be unsealed, as its configuration seals it. */
export function unsealed(place: Pick<LogPlace, 'file' | 'sealEveryMs'>) {
  const { file: log, sealEveryMs: everyMs } = place;
  return { log, ...(everyMs !== undefined && { longestUnsealedMs: INTERVALS * everyMs + LATE_MS }) };
}

function words({ findings, notes, chains, keys, anchors }: Verification, timeZone: string): string {
  const at = (time: string): string => shown(shownTime(time, timeZone));
  const lines = chains.map(({ file, guard, files, records, seals, from, until, sealed, last }) => {
    const what = `${countText(records, 'record')} of "${shown(guard ?? '?')}" in ${countText(files, 'file')}`;
    const time = from === undefined ? '' : `, ${at(from)} to ${at(until ?? '')}`;
    const far = sealed
      ? `${countText(seals, 'seal')}; the last good one, of ${at(sealed.at)}, seals up to record ${sealed.seq} of ${last}`
      : 'no good seal';
    return `${file}: ${what}${time}\n  ${far}\n`;
  });
  for (const { key, given } of keys) {
    const whence = given
      ? 'which was given'
      : 'the first one that the log names. Compare it, or give the one you know as --key';
    lines.push(`Sealed by ${key}, ${whence}.\n`);
  }
  const { used, passedOver } = anchors;
  if (used + passedOver > 0) lines.push(`${countText(used, 'anchor')} of this log, ${passedOver} of others.\n`);
  const place = ({ file, line }: { file: string; line?: number }) => (line === undefined ? file : `${file}:${line}`);
  const listed = [
    ...notes.map((note) => [`note: ${note.kind}`, place(note), note.message]),
    ...findings.map((finding) => [finding.kind, place(finding), finding.message]),
  ];
  const verdict = findings.length === 0 ? 'Nothing was found.' : `${countText(findings.length, 'finding')}.`;
  return `${lines.join('')}${table(listed.map((row) => row.map(shown)))}${verdict}\n`;
}

/** Text from a log is not trusted: line ends and control characters are escaped. */
function shown(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
}
