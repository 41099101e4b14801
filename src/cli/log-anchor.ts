/** `rowgate log anchor`: the last seal of the log, as a line to keep elsewhere. */
import type { Command } from 'commander';
import { printOut } from '../app/print.ts';
import { logPlace } from '../config/log-place.ts';
import { lastSeals } from '../decision-log/anchors/last-seals.ts';
import { failed } from './ask-guard.ts';
import { logCommand } from './log-source.ts';

const HELP = `
Examples:
  rowgate log anchor >> /mnt/elsewhere/anchors.jsonl
  rowgate log anchor --log decisions.jsonl

One line of JSON for each process that writes the log. What was in the log by then cannot be changed or cut off any more without
"rowgate log verify --anchors FILE" finding it. log.anchor has the guard send them by itself.
Exit code: 0, 1 where the log holds no seal yet, 2 for a wrong call.`;

export function register(program: Command): void {
  logCommand(program)
    .command('anchor')
    .description('print the last seal, to be kept elsewhere')
    .option('--config <file>', 'the configuration of the guard, which says where its log is', 'rowgate.yaml')
    .option('--log <file>', 'the decision log')
    .addHelpText('after', HELP)
    .action(anchor);
}

async function anchor({ config, log }: { config: string; log?: string }): Promise<void> {
  const place = log === undefined ? logPlace(config, process.env) : { file: log };
  if ('problem' in place) return failed(2, place.problem);
  try {
    const anchors = await lastSeals(place.file);
    if (anchors.length === 0) return failed(1, `${place.file} holds no seal`);
    for (const anchor of anchors) printOut(`${JSON.stringify(anchor)}\n`);
  } catch (error) {
    return failed(2, `${place.file} cannot be read: ${(error as Error).message}`);
  }
}
