/** Tests plans that no small server makes (parallel workers, foreign joins, extensions' nodes), and texts that are no plans. */
import { expect, test } from 'vitest';
import { readPlans } from '../../src/estimates/plan/plan-node.ts';
import { type GuardedReads, rowsOf } from '../../src/estimates/plan/plan-rows.ts';

const GUARDED: GuardedReads = {
  of: ({ name }) => (name === 'students' ? { joined: false } : name === 'absences' ? { joined: true } : undefined),
  isPolicys: ({ alias }) => alias.startsWith('rowgate_p'),
};

type Json = { readonly [key: string]: unknown };

const node = (type: string, rows: number, more: Json = {}): Json => ({
  'Node Type': type,
  'Plan Rows': rows,
  'Startup Cost': 0,
  'Total Cost': 100,
  ...more,
});
const scan = (name: string, rows: number, alias = name, more: Json = {}): Json =>
  node('Seq Scan', rows, { Schema: 'public', 'Relation Name': name, Alias: alias, ...more });
const as = (relationship: string, child: Json): Json => ({ ...child, 'Parent Relationship': relationship });

function read(plan: Json): string {
  const plans = readPlans(JSON.stringify([{ Plan: plan }]));
  if (!plans) return 'no plan';
  const { result, read: taken } = rowsOf(plans, GUARDED);
  return `${result}/${taken}`;
}

test.for<[string, Json, string]>([
  [
    'each worker may read it all',
    node('Gather', 10, { 'Workers Planned': 2, Plans: [as('Outer', scan('students', 100))] }),
    '10/300',
  ],
  ['a join that a foreign server makes', node('Foreign Scan', 70, { Relations: '(a) INNER JOIN (b)' }), '70/70'],
  [
    'an extension’s node, and what is below',
    node('Custom Scan', 5, { Plans: [as('child', scan('students', 100))] }),
    '5/105',
  ],
  [
    'a nested loop',
    node('Nested Loop', 20, { Plans: [as('Outer', scan('classes', 20)), as('Inner', scan('students', 3))] }),
    '20/60',
  ],
  [
    'materialized, once',
    node('Nested Loop', 20, {
      Plans: [
        as('Outer', scan('classes', 20)),
        as('Inner', node('Materialize', 3, { Plans: [as('Outer', scan('students', 3))] })),
      ],
    }),
    '20/3',
  ],
  [
    'a scope that became a join',
    node('Hash Join', 9, {
      Plans: [as('Outer', scan('absences', 900)), as('Inner', scan('students', 30, 'rowgate_p1'))],
    }),
    '9/9',
  ],
  [
    'and what another table has beside it',
    node('Hash Join', 9, {
      Plans: [as('Outer', scan('students', 900)), as('Inner', scan('students', 30, 'rowgate_p1'))],
    }),
    '9/900',
  ],
  [
    'a hashed subquery',
    scan('classes', 50, 'c', {
      Filter: '(ANY (id = (hashed SubPlan 1).col1))',
      Plans: [{ ...as('SubPlan', scan('students', 7)), 'Subplan Name': 'SubPlan 1' }],
    }),
    '50/7',
  ],
  [
    'one that is not',
    scan('classes', 50, 'c', {
      Filter: '(\'(hashed SubPlan 1)\' = "hashed SubPlan 1")',
      Plans: [{ ...as('SubPlan', scan('students', 7)), 'Subplan Name': 'SubPlan 1' }],
    }),
    '50/350',
  ],
  [
    'SubPlan 1 is not SubPlan 10',
    scan('classes', 50, 'c', {
      Filter: '(hashed SubPlan 10)',
      Plans: [{ ...as('SubPlan', scan('students', 7)), 'Subplan Name': 'SubPlan 1' }],
    }),
    '50/350',
  ],
  ['without its rows it is none', { 'Node Type': 'Seq Scan', 'Startup Cost': 0, 'Total Cost': 1 }, 'no plan'],
  ['with less than none neither', node('Seq Scan', -1), 'no plan'],
])('%s', ([, plan, expected]) => {
  expect(read(plan)).toBe(expected);
});

test.for(['', '[]', '{}', '[1]', '[{"Plan": []}]', '[{"Plan": {"Node Type": "Result"', '["Utility Statement"]'])(
  '%j is no plan',
  (text) => {
    expect(readPlans(text)).toBeUndefined();
  },
);
