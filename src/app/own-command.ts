/** How the user has called this program, for commands to copy: what is printed must work where and as it was started. */
import { realpathSync } from 'node:fs';
import { basename, delimiter, dirname, relative } from 'node:path';

/** `rowgate`, `npx rowgate`, `./node_modules/.bin/rowgate` or `node dist/cli/main.js`. */
export function ownCommand(
  script = process.argv[1] ?? '',
  environment: NodeJS.ProcessEnv = process.env,
  folder = process.cwd(),
): string {
  if (basename(script) !== 'rowgate') return `node ${pathFrom(folder, script)}`;
  // npm puts folders of its own in front of PATH, for what it starts alone.
  const byNpm = environment.npm_command !== undefined;
  const inPath = (environment.PATH ?? '')
    .split(delimiter)
    .some((each) => !(byNpm && each.endsWith('node_modules/.bin')) && isSame(each, dirname(script)));
  if (inPath) return 'rowgate';
  return byNpm ? 'npx rowgate' : pathFrom(folder, script);
}

function isSame(one: string, other: string): boolean {
  try {
    return realpathSync(one) === realpathSync(other);
  } catch {
    return false;
  }
}

/** As a shell takes it for a path. */
function pathFrom(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith('../../..') ? file : path.startsWith('.') ? path : `./${path}`;
}
