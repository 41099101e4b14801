/** Tests a bug in the guard: it refuses the statement in which it came up, and only the operator is shown the exception. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Guard } from '../../src/guard/guard.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { B, E, P, Q, S } from './messages.ts';
import { ask } from './peer.ts';
import { policyOf } from './policies.ts';
import { relayed } from './relay.ts';

let database: FreshDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  await loadParser();
});
afterAll(() => database.drop());

const bug = new Error('WITHHELD is in src/some-file.ts');
const brokenCatalog = new Proxy({} as Catalog, {
  get(_, key) {
    // Every statement is read with its server's version in mind.
    if (key === 'data') return { serverVersion: 180000 };
    throw bug;
  },
});

function policyWithBug(mode: RolePolicy['mode'], access: RolePolicy['access']) {
  const policy = policyOf({ mode, access });
  const guard = new Guard({ catalog: brokenCatalog, role: policy.role, searchPath: ['public'] });
  return { ...policy, judge: (sql: string) => guard.judge(sql) };
}

test.each([
  ['enforce', 'restricted'],
  ['enforce', 'unrestricted'],
  ['observe', 'restricted'], // nothing can be said of what it runs: it is not followed, so it does not run
  ['observe', 'unrestricted'],
] as const)('%s, %s', async (mode, access) => {
  const peer = await relayed(database.url, policyWithBug(mode, access));
  for (const messages of [[Q('table pg_class')], [P('table pg_class'), S()]]) {
    expect(await ask(peer, ...messages)).toEqual(['ErrorResponse:XX000', 'ReadyForQuery:I']);
    expect(peer.received.errors().at(-1)?.get('M')).toBe('the statement could not be judged');
  }
  expect(Buffer.concat(peer.received.bytes).includes('WITHHELD')).toBe(false);
  expect(JSON.stringify(peer.records)).not.toContain('WITHHELD');
  const decisions = peer.records.filter(({ kind }) => kind === 'decision');
  expect(decisions).toMatchObject([{ reason: 'internal' }, { reason: 'internal' }]);
  expect([...peer.misjudged]).toEqual(decisions.map(({ id }) => [id, bug]));
  expect(await ask(peer, Q('begin'))).toEqual(['CommandComplete:BEGIN', 'ReadyForQuery:T']);
  expect(peer.faults).toEqual([]);
  await peer.close();
});

test.each([
  ['an open portal', [P('select generate_series(1, 2)'), B([], 'p'), E('p', 1)], [E('p'), S()]],
  ['a cursor', [Q('declare c cursor for select 1')], [Q('fetch 1 from c')]],
  ['a statement prepared in SQL', [Q('prepare p as select 1')], [Q('execute p')]],
  ['a prepared statement', [P('select 1', 'p')], [B([], '', 'p'), E(), S()]],
])('%s that is judged again', async (_what, before, after) => {
  const peer = await relayed(database.url, policyOf());
  await ask(peer, Q('begin'), ...before, ...(before[0]![0] === 0x50 ? [S()] : []));
  const good = policyOf();
  const broken = policyWithBug('enforce', 'restricted');
  // The statement that names it is right; the named one is not.
  peer.policy = {
    ...good,
    judge: (sql) => (/^(fetch|execute)/.test(sql) ? good.judge(sql) : broken.judge('table pg_class')),
  };
  expect(await ask(peer, ...after)).toEqual(['ErrorResponse:XX000', 'ReadyForQuery:E']);
  const [decision] = peer.records.filter((entry) => entry.kind === 'decision' && entry.reason === 'internal');
  expect([...peer.misjudged]).toEqual([[decision?.id, bug]]);
  await peer.close();
});
