/** Tests that a limit of one statement is kept with its line, in the role's file and in the principals' file. */
import { expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { STATEMENT_LIMIT_KEYS, STATEMENT_LIMITS } from '../../src/policy/model/limits.ts';
import { limitsInForce } from '../../src/policy/model/limits-in-force.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { plainEnvironment } from './environment.ts';

const ROLE = `role: dba
access: unrestricted
limits:
  bytes_per_statement: 1 MB
  # more than anyone reads
  rows_per_statement: 500
  connections: 3
`;

const PRINCIPALS = `principals:
  app:
    role: dba
    limits: { connections: 1, rows_per_statement: 20 }
  other:
    role: dba
    limits: { connections: 1 }
`;

it('in both files', () => {
  const files = [
    { path: 'roles/dba.yaml', text: ROLE },
    { path: 'principals.yaml', text: PRINCIPALS },
  ];
  const { policy } = loadPolicy(files, plainEnvironment(emptyCatalog()));
  expect(policy.roles.get('dba')?.limits).toEqual({
    bytesPerStatement: 1_048_576,
    rowsPerStatement: 500,
    connections: 3,
    rules: { bytesPerStatement: 'roles/dba.yaml:4', rowsPerStatement: 'roles/dba.yaml:6' },
  });
  expect(policy.principals.get('app')?.limits.rules).toEqual({ rowsPerStatement: 'principals.yaml:4' });
  expect(policy.principals.get('other')?.limits).toEqual({ connections: 1 });
});

it.each(STATEMENT_LIMIT_KEYS)(
  '%s: the smaller of the role and the principal holds, and it is no limit of an end user',
  (key) => {
    const word = STATEMENT_LIMITS[key];
    const load = (more = '') => {
      const text = `role: dba\naccess: unrestricted\nlimits:\n  ${word}: 5\n${more}`;
      const principals = `principals:\n  app:\n    role: dba\n    limits: { ${word}: 3 }\n  other: { role: dba }\n`;
      const files = [
        { path: 'roles/dba.yaml', text },
        { path: 'principals.yaml', text: principals },
      ];
      return loadPolicy(files, plainEnvironment(emptyCatalog()));
    };
    const { policy } = load();
    const role = policy.roles.get('dba')!;
    const held = (name: string) =>
      limitsInForce({ role, principal: policy.principals.get(name)!, now: 0, timeZone: 'UTC' })[key];
    expect(held('app')).toEqual({ amount: 3, rule: 'principals.yaml:4' });
    expect(held('other')).toEqual({ amount: 5, rule: 'roles/dba.yaml:4' });
    const [problem] = load(`limits_per_user: { ${word}: 2 }\n`).diagnostics.filter(({ message }) =>
      message.includes(word),
    );
    expect(problem?.message).toMatch(/limits a single statement/);
  },
);
