/** All decisions of a log, by the application that each session names itself, in the order of the session. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { writersOf } from '../../src/decision-log/verify/files.ts';
import { recordsOf } from '../support/decision-log.ts';
import type { Decided } from './matching.ts';

/** @param log the open file of a guard that has ended. Throws where a line does not fit behind the one before it. */
export async function decisionsIn(log: string): Promise<Map<string, Decided[]>> {
  const found = new Map<string, Decided[]>();
  for (const { files } of writersOf(log)) {
    for (const { path } of files) {
      const bytes = await readFile(path);
      for (const record of recordsOf((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString())) {
        if (record.kind !== 'decision') continue;
        const application = String(record.application);
        const decisions = found.get(application) ?? [];
        decisions.push({
          id: String(record.id),
          time: Date.parse(String(record.time)),
          text: String(record.statement),
          refused: record.effect === 'refuse',
        });
        found.set(application, decisions);
      }
    }
  }
  return found;
}
