/** Python's drivers, as the system's packages bring them. */
import { type Tool, tool } from '../support/tools.ts';
import { type Driver, runProgram } from './driver.ts';

/** A Python that has these modules: Debian's packages bring them to its own, which is seldom the first on PATH. */
export function python(...modules: readonly string[]): Tool {
  return tool('python3', { runs: ['-c', `import ${modules.join(', ')}`], with: modules.join(', ') });
}

const pythonDriver = (
  name: string,
  modules: readonly string[],
  file: string,
  more: Pick<Driver, 'also' | 'alsoRestricted' | 'note'> = {},
): Driver => {
  const needs = python(...modules);
  return {
    name,
    language: 'Python',
    needs,
    run: (env) => runProgram(needs.path!, ['-B', `./python/${file}`], env),
    ...more,
  };
};

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

export const PSYCOPG = pythonDriver('psycopg 3', ['psycopg'], 'run_psycopg3.py', {
  also: { pipeline: 'pipeline mode' },
  // In a pipeline the statements after the refused one are skipped up to Sync, as after any other error.
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
  pythonDriver('psycopg2', ['psycopg2'], 'run_psycopg2.py'),
  PSYCOPG,
  pythonDriver('asyncpg', ['asyncpg'], 'run_asyncpg.py'),
  pythonDriver('SQLAlchemy', ['sqlalchemy', 'psycopg2'], 'run_sqlalchemy.py', {
    also: { reflection: 'reflection' },
    alsoRestricted: { reflection: READERS_TABLES },
  }),
];
