/** Python's drivers, as the system's packages bring them. */
import { execFileSync } from 'node:child_process';
import { type Driver, runProgram } from './driver.ts';

/** Debian's own: another `python3` on PATH does not see the modules that its packages bring. */
export const PYTHON = '/usr/bin/python3';

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
  run: (env) => runProgram(PYTHON, ['-B', `./python/${file}`], env),
  ...more,
});

/** Tables, columns and keys as the policy of `reader` has them. */
const READERS_TABLES = {
  tables: ['classes', 'measures', 'notes', 'students', 'things'],
  columns: {
    students: ['id BIGINT', 'first_name TEXT', 'last_name TEXT', 'class_id INTEGER'],
    classes: ['id INTEGER', 'name TEXT'],
    notes: ['driver TEXT', 'body TEXT'],
  },
  'primary key': ['id'],
  'foreign keys': ['classes'],
  join: '2de A',
};

export const PSYCOPG = python('psycopg 3', ['psycopg'], 'run_psycopg3.py', {
  also: { pipeline: 'pipeline mode' },
  // In a pipeline what stands behind the refused statement is skipped up to Sync, as behind any other error.
  alsoRestricted: {
    pipeline: {
      labels: [100, 'measure 2', 'measure 200'],
      failing: { errors: ['22012'], results: [[1], null, [3]] },
      refused: { errors: ['42501'], results: [[1], null, [3]] },
      after: 42,
    },
  },
});

export const PYTHON_DRIVERS: readonly Driver[] = [
  python('psycopg2', ['psycopg2'], 'run_psycopg2.py'),
  PSYCOPG,
  python('asyncpg', ['asyncpg'], 'run_asyncpg.py'),
  python('SQLAlchemy', ['sqlalchemy', 'psycopg2'], 'run_sqlalchemy.py', {
    also: { reflection: 'reflection' },
    alsoRestricted: { reflection: READERS_TABLES },
  }),
];
