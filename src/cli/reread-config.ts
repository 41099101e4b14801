/** `rowgate.yaml` once more, while the guard runs: the log's level is taken from it, and what needs a restart is said. */
import type { Logger } from 'pino';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { keysForRestart } from '../config/reload-differences.ts';

/** `levelIsFixed`: by the command line, so that the file does not change it. A file with problems changes nothing. */
export function rereadConfig(running: Config, log: Logger, levelIsFixed: boolean): void {
  const { config, problems } = loadConfig(running.file, process.env);
  if (!config) {
    for (const problem of problems) log.error(`configuration not reloaded: ${formatProblem(problem)}`);
    return;
  }
  const { level } = config.log;
  if (!levelIsFixed && level !== log.level) {
    log.level = level;
    log.info(`log level is "${level}" now`);
  }
  for (const key of keysForRestart(running, config)) log.warn(`${key} was changed; it takes effect after a restart`);
}
