/** The configuration of one worker: it writes a decision log of its own, under its own name. */
import { format, parse } from 'node:path';
import type { Config } from './config.ts';

/**
 * The configuration of the worker in `slot` (from 0). Names count workers from 1: `decisions.jsonl` of the guard `g1` becomes `decisions.2.jsonl` of
 * the guard `g1/2`, so that each file has one writer, one sequence and no gaps.
 */
export function workerConfig(config: Config, slot: number): Config {
  const number = slot + 1;
  const { dir, name, ext } = parse(config.log.file);
  return {
    ...config,
    name: `${config.name}/${number}`,
    log: { ...config.log, file: format({ dir, name: `${name}.${number}`, ext }) },
  };
}
