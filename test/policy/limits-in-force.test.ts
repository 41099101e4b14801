/** Tests which limits hold at a time: a role's and its principal's, with times, effects and raises. */
import { expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { type LimitsInForce, limitsInForce, type RaisedLimit } from '../../src/policy/model/limits-in-force.ts';
import type { Policy } from '../../src/policy/model/policy.ts';
import { emptyCatalog } from '../support/empty-catalog.ts';
import { plainEnvironment } from './environment.ts';

const ROLE = `role: app
access: unrestricted
limits:
  rows_per_statement: 500
  rows:
    - 2000 per hour
    - 10000 per day lock
  bytes: 20 MB per hour throttle
  statements: 600 per minute
  connections: 20
during:
  - { from: 2026-11-30, until: 2026-12-11, limits: { rows: 20000 per hour, rows_per_statement: 3000 } }
  - { days: [fri], hours: 20:00-06:00, limits: { statements: 0 per minute } }
  - { days: [fri], hours: 22:00-23:00, limits: { statements: 5 per minute } }
when_exceeded: warn
throttle: { rows: 200 per second }
lock: { after: 5 overruns per 10 minutes, for: 30 minutes }
`;

const VERIFIER =
  'SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

const PRINCIPALS = `principals:
  own:
    role: app
    password: ${VERIFIER}
    limits: { rows_per_statement: 100, rows: 1000 per hour deny, connections: 5 }
    during: [{ hours: 08:00-18:00, limits: { rows: 1500 per hour deny } }]
  plain: { role: app, password: "${VERIFIER}" }
`;

function load(role = ROLE, principals = PRINCIPALS): { policy: Policy; errors: string[] } {
  const files = [
    { path: 'roles/app.yaml', text: role },
    { path: 'principals.yaml', text: principals },
  ];
  const { policy, diagnostics } = loadPolicy(files, plainEnvironment(emptyCatalog()));
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  return { policy, errors };
}

const { policy } = load();

function at(local: string, name = 'plain', raises: RaisedLimit[] = [], of = policy): LimitsInForce {
  const principal = of.principals.get(name)!;
  const role = of.roles.get('app')!;
  return limitsInForce({ role, principal, now: Date.parse(local), timeZone: 'Europe/Paris', raises });
}

const names = (limits: LimitsInForce) => limits.windows.map(({ name, effect }) => `${name} ${effect}`);

it('on an ordinary day: with the default effect, and the line of each', () => {
  const limits = at('2026-11-25T10:00:00+01:00');
  expect(names(limits)).toEqual([
    'statements 600 per minute warn',
    'rows 2000 per hour warn',
    'rows 10000 per day lock',
    'bytes 20 MB per hour throttle',
  ]);
  expect(limits.windows.map(({ rule }) => rule)).toEqual([
    'roles/app.yaml:9',
    'roles/app.yaml:6',
    'roles/app.yaml:7',
    'roles/app.yaml:8',
  ]);
  expect(limits.rowsPerStatement).toEqual({ amount: 500, rule: 'roles/app.yaml:4' });
  expect(limits.lock?.rule).toBe('roles/app.yaml:17');
});

it('a principal’s own limits hold beside them, and for one statement the smaller counts', () => {
  const limits = at('2026-11-25T20:00:00+01:00', 'own');
  expect(names(limits)).toContain('rows 2000 per hour warn');
  expect(names(limits)).toContain('rows 1000 per hour deny');
  expect(limits.rowsPerStatement).toEqual({ amount: 100, rule: 'principals.yaml:5' });
  expect(limits.connections).toBe(5);
});

it('a principal has times of its own', () => {
  expect(names(at('2026-11-25T08:00:00+01:00', 'own'))).toContain('rows 1500 per hour deny');
  expect(names(at('2026-11-25T18:00:00+01:00', 'own'))).toContain('rows 1000 per hour deny');
});

it.each([
  ['2026-11-29T23:59:59+01:00', 2000],
  ['2026-11-30T00:00:00+01:00', 20000],
  ['2026-12-11T23:59:59+01:00', 20000],
  ['2026-12-12T00:00:00+01:00', 2000],
])('dates are whole days of the guard’s zone: %s', (instant, rows) => {
  const limits = at(instant);
  expect(names(limits)).toContain(`rows ${rows} per hour warn`);
  // Named, so both windows of before are replaced; what is not named stays.
  expect(names(limits).includes('rows 10000 per day lock')).toBe(rows === 2000);
  expect(names(limits)).toContain('bytes 20 MB per hour throttle');
  expect(limits.rowsPerStatement?.amount).toBe(rows === 2000 ? 500 : 3000);
});

it.each([
  ['friday evening', '2026-11-27T20:00:00+01:00', 0],
  ['in the last of two times', '2026-11-27T22:30:00+01:00', 5],
  ['the night that began on friday', '2026-11-28T05:59:00+01:00', 0],
  ['saturday morning', '2026-11-28T06:00:00+01:00', 600],
  ['the night before', '2026-11-27T05:00:00+01:00', 600],
])('hours that pass midnight belong to the day on which they begin: %s', (_name, instant, statements) => {
  expect(names(at(instant))).toContain(`statements ${statements} per minute warn`);
});

it('says until when: no look is later than the next change', () => {
  let changes = 0;
  let now = Date.parse('2026-11-26T00:00:00+01:00');
  const end = Date.parse('2026-12-05T12:00:00+01:00');
  while (now < end) {
    const limits = at(new Date(now).toISOString());
    expect(limits.until).toBeGreaterThan(now);
    const before = names(at(new Date(limits.until - 1).toISOString()));
    expect(before).toEqual(names(limits));
    if (String(names(at(new Date(limits.until).toISOString()))) !== String(before)) changes += 1;
    now = limits.until;
  }
  expect(changes).toBe(1 + 2 * 4);
});

it('a raise holds for its time, for its window alone, and never lowers', () => {
  const until = Date.parse('2026-11-25T12:00:00+01:00');
  const hour = { count: 1, unit: 'hour' } as const;
  const raise = { measure: 'rows', window: hour, amount: 5000, until };
  const raised = at('2026-11-25T10:00:00+01:00', 'plain', [raise, { ...raise, amount: 10 }]);
  expect(raised.windows.find(({ name }) => name === 'rows 5000 per hour')).toMatchObject({ stated: 2000 });
  expect(names(raised)).toContain('rows 10000 per day lock');
  expect(raised.until).toBeLessThanOrEqual(until);
  expect(names(at('2026-11-25T12:00:00+01:00', 'plain', [raise]))).toContain('rows 2000 per hour warn');
});

it('a role that is observed is told, not stopped', () => {
  const { policy: observed } = load(ROLE.replace('access: unrestricted', 'access: unrestricted\nmode: observe'));
  const limits = at('2026-11-25T10:00:00+01:00', 'plain', [], observed);
  expect(new Set(limits.windows.map(({ effect }) => effect))).toEqual(new Set(['warn']));
  expect(limits.lock).toBeUndefined();
});

it('a time cannot change what the server has from the login', () => {
  const text = ROLE.replace('{ statements: 0 per minute }', '{ statement_timeout: 1 s }');
  expect(load(text).errors.join()).toContain('"statement_timeout" cannot change with the time');
});

it('a principal’s limit that throttles needs a rate', () => {
  const role = 'role: app\naccess: unrestricted\nlimits: none\n';
  const principals = `principals:\n  a: { role: app, password: "${VERIFIER}", limits: { rows: 5 per day throttle } }\n`;
  expect(load(role, principals).errors.join()).toContain('no "throttle" that says how much');
});
