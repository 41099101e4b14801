/** A limit of one statement is remembered with its line, in the role's file and in that of the principals. */
import { expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { plainEnvironment } from './environment.ts';

const ROLE = `role: dba
access: unrestricted
limits:
  bytes_per_statement: 1 MB
  # more than anybody reads
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
