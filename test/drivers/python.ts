/** Python's drivers, as the system's packages bring them. */
import { execFileSync } from 'node:child_process';
import { type Driver, runProgram } from './driver.ts';

/** Debian's own: another `python3` on PATH does not see the modules that its packages bring. */
const PYTHON = '/usr/bin/python3';

/** False where it, or one of the modules, is missing: then the tests are skipped. In CI that is an error. */
export function hasPython(modules: readonly string[]): boolean {
  try {
    execFileSync(PYTHON, ['-c', `import ${modules.join(', ')}`], { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env.CI) throw new Error(`${PYTHON} does not have ${modules.join(', ')}`, { cause: error });
    return false;
  }
}

const python = (
  name: string,
  modules: readonly string[],
  file: string,
  more: Pick<Driver, 'also' | 'alsoRestricted' | 'note'> = {},
): Driver => ({
  name,
  language: 'Python',
  found: hasPython(modules),
  run: (env) => runProgram(PYTHON, [`./python/${file}`], env),
  ...more,
});

export const PYTHON_DRIVERS: readonly Driver[] = [python('psycopg2', ['psycopg2'], 'run_psycopg2.py')];
