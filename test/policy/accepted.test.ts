/** Tests which warnings an `accept` covers: those of its own entry. */
import { expect, test } from 'vitest';
import { withAccepted } from '../../src/policy/review/accepted.ts';
import type { Diagnostic } from '../../src/policy/source/diagnostic.ts';

const ROLE = {
  path: 'roles/a.yaml',
  text: `role: a
mode: observe
tables:
  one:
    select: { columns: [id] }
    accept: { until: 2026-12-31, reason: known }
  two:
    select: { columns: [id] }
  three: { select: { columns: [id] }, accept: { until: 2026-11-29, reason: over } }
functions: [f]
accept: { until: 2026-12-31, reason: of the role }
limits: none
`,
};
const LINES = ROLE.text.split('\n').slice(0, -1);

const NOON = Date.parse('2026-11-30T12:00:00Z');

function accepted(severity: Diagnostic['severity'], file = ROLE.path, now = NOON): string[] {
  const all = LINES.map((_, index): Diagnostic => ({ file, line: index + 1, column: 1, severity, message: '' }));
  return withAccepted(all, [ROLE], now, 'Europe/Paris').map((diagnostic) => diagnostic.accepted?.reason ?? '-');
}

test('a table has its own warnings, and the role those outside of tables', () => {
  expect(accepted('warning')).toEqual([
    ...['of the role', 'of the role', 'of the role'],
    ...['known', 'known', 'known'],
    ...['-', '-', '-'],
    ...['of the role', 'of the role', 'of the role'],
  ]);
});

test('no error is accepted, nothing of another file, and nothing behind the last day', () => {
  const none = LINES.map(() => '-');
  expect(accepted('error')).toEqual(none);
  expect(accepted('warning', 'roles/b.yaml')).toEqual(none);
  expect(accepted('warning', ROLE.path, Date.parse('2026-12-31T22:59:59Z'))).not.toEqual(none);
  expect(accepted('warning', ROLE.path, Date.parse('2026-12-31T23:00:00Z'))).toEqual(none);
});
