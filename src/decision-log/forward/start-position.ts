/** Where forwarding begins for a collector that is new to a log: with the file that is open then, or was last. */
import { newestFile } from './next-file.ts';
import type { Position } from './position.ts';

/** Undefined where nothing was written yet: then it begins with the first record. */
export async function beginningOf(log: string): Promise<Position | undefined> {
  const file = await newestFile(log);
  await file?.handle.close();
  return file && { chain: file.chain, file: file.first, offset: 0, seq: file.first - 1 };
}
