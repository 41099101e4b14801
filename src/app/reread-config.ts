/** `rowgate.yaml` once more, while the guard runs: what can be taken up is (the log's level, passwords), and what needs a restart is said. */
import type { Logger } from 'pino';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { keysForRestart } from '../config/reload-differences.ts';

/** What was said of it. */
export interface Reread {
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/**
 * `levelIsFixed`: by the command line, so that the file does not change it. `takePasswords`: true where there are other ones. A file with
 * problems changes nothing.
 */
export function rereadConfig(
  running: Config,
  log: Logger,
  levelIsFixed: boolean,
  takePasswords: (next: Config) => boolean,
): Reread {
  const { config, problems } = loadConfig(running.file, process.env);
  if (!config) {
    const lines = problems.map((problem) => `configuration not reloaded: ${formatProblem(problem)}`);
    for (const line of lines) log.error(line);
    return { problems: lines, notes: [] };
  }
  const notes: string[] = [];
  const { level } = config.log;
  if (!levelIsFixed && level !== log.level) {
    log.level = level;
    notes.push(`log level is "${level}" now`);
    log.info(notes[0] ?? '');
  }
  if (takePasswords(config)) {
    notes.push('passwords towards the database server reloaded');
    log.info(notes.at(-1) ?? '');
  }
  for (const key of keysForRestart(running, config)) {
    const note = `${key} was changed; it takes effect after a restart`;
    log.warn(note);
    notes.push(note);
  }
  return { problems: [], notes };
}
