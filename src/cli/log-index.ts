/** `rowgate log index`: makes the indexes by which reports over months take seconds. */
import type { Command } from 'commander';
import { printError, printOut } from '../app/print.ts';
import { openDatabase } from '../decision-log/read/duckdb.ts';
import { isEncrypted } from '../decision-log/read/encrypted.ts';
import { segmentOf } from '../decision-log/read/file-lines.ts';
import { indexesOf, removeOrphans } from '../decision-log/read/indexes.ts';
import { isOpen } from '../decision-log/read/log-files.ts';
import { fromLog, type LogCommandOptions, logCommand, logSource, reportUnreadable } from './log-source.ts';

const HELP = `
Reports make missing indexes themselves: run it at night, and no report has to wait. Each closed file gets an index of its own, readable by
you alone, made again where the file has changed. The index of a missing file is removed. The open file has none; encrypted files neither.
Exit code: 0, 1 where a file could not be indexed, 2 for a wrong call.`;

interface Options extends LogCommandOptions {
  readonly indexFolder?: string;
}

export function register(program: Command): void {
  fromLog(logCommand(program).command('index'))
    .description('make what reports are quick by, of closed files')
    .option('--index-folder <folder>', 'where indexes are kept; without it, beside the files')
    .addHelpText('after', HELP)
    .action(index);
}

async function index(options: Options): Promise<void> {
  const log = logSource(options);
  if (!log) return;
  const closed = log.chains.flat().filter((file) => !isOpen(file));
  const plain: string[] = [];
  for (const file of closed) {
    const segment = await segmentOf(file);
    if (!segment || !isEncrypted(segment)) plain.push(file);
  }
  let failures = 0;
  const notice = (message: string): void => {
    failures += 1;
    printError(`rowgate: ${message}\n`);
  };
  try {
    const db = await openDatabase(true);
    try {
      const { indexes, made } = await indexesOf(db, plain, { indexes: options.indexFolder, notice });
      const removed = removeOrphans(log.chains.flat(), options.indexFolder);
      const encrypted = closed.length - plain.length;
      printOut(
        `${indexes.size} of ${closed.length} closed files have an index; made now: ${made}, removed: ${removed}${encrypted > 0 ? `; encrypted: ${encrypted}` : ''}\n`,
      );
    } finally {
      db.close();
    }
  } catch (error) {
    reportUnreadable(error);
  }
  if (failures > 0) process.exitCode = 1;
}
