/** Tests what a decision says of a write, and what holds at the server while other sessions write. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Guard } from '../../src/guard/guard.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import { Catalog, type CatalogData, type Relation } from '../../src/sql/catalog/catalog.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { catalogOf, loadPolicies } from '../decisions/policies.ts';
import { realDatabase } from '../decisions/world.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { eachSince } from '../support/since.ts';

let database: FreshDatabase;
let catalog: Catalog;
let role: RolePolicy;
let guard: Guard;

beforeAll(async () => {
  database = await realDatabase();
  catalog = await catalogOf(database);
  role = loadPolicies(catalog, join(import.meta.dirname, '../decisions/policies')).of('writer').role;
  guard = new Guard({ catalog, role, searchPath: ['public'] });
});
afterAll(async () => {
  await database.drop();
});

function sent(sql: string, by: Guard = guard): string {
  const judged = by.judge(sql);
  expect(judged.effect, judged.refusal?.message).not.toBe('refuse');
  return renderTemplate(judged.template, () => `'12'::integer`);
}

/** A guard that sees the relations of a changed catalog. */
function guardOver(change: (relation: Relation) => Relation, serverVersion = catalog.data.serverVersion): Guard {
  const data: CatalogData = { ...catalog.data, serverVersion, relations: catalog.data.relations.map(change) };
  const other = new Catalog(data);
  const relations = [...role.relations].map(
    ([oid, grant]) => [oid, { ...grant, relation: other.relationsByOid.get(oid) ?? grant.relation }] as const,
  );
  return new Guard({ catalog: other, role: { ...role, relations: new Map(relations) }, searchPath: ['public'] });
}

const checkOf = (sql: string, by: Guard = guard) => by.judge(sql).statements[0]?.check;

describe('the check that is added', () => {
  test('is last, where the client has a list', () => {
    expect(checkOf(`INSERT INTO parcels (id, school_id) VALUES (9, 12) RETURNING id`)?.added).toBe('last');
  });
  test('is alone, where it has none', () => {
    expect(checkOf(`INSERT INTO parcels (id, school_id) VALUES (9, 12)`)?.added).toBe('only');
  });
  test('tells what the client asked for, not what is sent', () => {
    const kinds = ['', ' RETURNING id'].map(
      (list) => guard.judge(`UPDATE students SET school_id = 12${list}`).statements[0]?.kind,
    );
    expect(kinds).toEqual([
      { kind: 'write', returning: false },
      { kind: 'write', returning: true },
    ]);
  });
  test('names the table and the line of policy', () => {
    expect(checkOf('UPDATE students SET school_id = 13')?.violations).toMatchObject([
      {
        sqlstate: '42501',
        reason: 'row-check',
        message: 'new row violates row-level security policy for table "students"',
        rule: 'roles/writer.yaml:14',
      },
    ]);
  });
  test('is numbered through WITH and the statement around it; inside WITH it is hidden', () => {
    const sql = `WITH x AS (INSERT INTO parcels VALUES (9, 12)), y AS (UPDATE lockers SET school_id = 12) UPDATE students SET school_id = 12`;
    expect(checkOf(sql)).toMatchObject({ added: 'only', violations: [{}, {}, {}] });
    expect([...sent(sql).matchAll(/rowgate_check (\d)/g)].map(([, n]) => n)).toEqual(['0', '1', '2']);
    const read = checkOf(`WITH x AS (INSERT INTO parcels VALUES (9, 12) RETURNING id) SELECT * FROM x`);
    expect(read?.added).toBeUndefined();
    expect(read?.violations).toHaveLength(1);
  });
  test('is the prepared statement’s own', () => {
    const [statement] = guard.judge('PREPARE p AS UPDATE students SET school_id = $1').statements;
    expect(statement?.check).toBeUndefined();
    expect(statement?.kind).toMatchObject({ kind: 'prepare', inner: { check: { added: 'only' } } });
  });
  test('is not added to EXPLAIN, which returns its own rows', () => {
    expect(checkOf('EXPLAIN UPDATE students SET school_id = 13')).toBeUndefined();
  });
  test('is each statement’s own where there are several', () => {
    const { statements } = guard.judge(
      `UPDATE students SET school_id = 12; SELECT 1; INSERT INTO journal (school_id) VALUES (12) ; DELETE FROM parcels`,
    );
    expect(statements.map((s) => s.check?.added)).toEqual(['only', undefined, 'only', undefined]);
  });
});

describe('the check is left out', () => {
  test('where SET names nothing that the filter reads', () => {
    expect(checkOf(`UPDATE students SET first_name = 'x'`)).toBeUndefined();
  });
  test('of DELETE', () => {
    expect(checkOf('DELETE FROM parcels RETURNING *')).toBeUndefined();
  });
});

describe('the check is there', () => {
  test('where a trigger may set what the filter reads', () => {
    expect(checkOf(`UPDATE parcels SET label = 'x'`)).toBeDefined();
  });
  test('where a trigger of a partition may', () => {
    const before = guardOver((r) => (r.name === 'lockers_13' ? { ...r, rowTriggers: ['insert'] } : r));
    expect(checkOf(`UPDATE lockers SET label = 'x'`)).toBeUndefined();
    expect(checkOf(`UPDATE lockers SET label = 'x'`, before)).toBeDefined();
  });
  test('where the filter reads a generated column', () => {
    expect(checkOf(`UPDATE tasks SET title = 'x'`)).toBeDefined();
  });
});

describe('is refused', () => {
  test('MERGE that leaves rows to be judged, on a server whose MERGE returns none', () => {
    const old = guardOver((relation) => relation, 160_010);
    const merge = (then: string): string =>
      `MERGE INTO counters t USING (VALUES (1)) AS s(x) ON t.n = s.x WHEN MATCHED THEN ${then}`;
    expect(old.judge(merge('UPDATE SET school_id = 12')).refusal?.sqlstate).toBe('0A000');
    expect(old.judge(merge('UPDATE SET n = 2')).effect).toBe('rewrite');
    expect(old.judge(merge('DELETE')).effect).toBe('rewrite');
  });
  test('a foreign table with a filter', () => {
    const foreign = guardOver((r) => (r.name === 'parcels' ? { ...r, kind: 'f' } : r));
    expect(foreign.judge('DELETE FROM parcels').refusal?.reason).toBe('write-restricted');
  });
  test('EXPLAIN of a filtered write, where estimates are not granted', () => {
    const silent = new Guard({ catalog, role: { ...role, statements: new Set() }, searchPath: ['public'] });
    for (const sql of [
      'DELETE FROM parcels',
      'INSERT INTO journal (school_id) VALUES (12)',
      `UPDATE tasks SET title = 'x'`,
    ])
      expect(silent.judge(`EXPLAIN ${sql}`).refusal?.reason).toBe('estimates');
    expect(silent.judge(`EXPLAIN UPDATE rooms SET number = 'x'`).effect).not.toBe('refuse');
  });
});

test('the server says the number last, and fails only when there is a row', async () => {
  await expect(database.query(sent(`INSERT INTO parcels SELECT 90, 13 WHERE false`))).resolves.toEqual([]);
  await expect(database.query(sent(`INSERT INTO parcels VALUES (90, 13)`))).rejects.toMatchObject({
    code: '22P02',
    message: expect.stringMatching(/^invalid input syntax for type integer: "\d+ rowgate_check 0"$/),
  });
  await expect(
    database.query(sent(`INSERT INTO counters VALUES (13, 'a') ON CONFLICT (school_id, name) DO UPDATE SET n = 0`)),
  ).rejects.toMatchObject({
    code: '22P02',
    message: expect.stringMatching(/^invalid input syntax for type boolean: "\d+ rowgate_check 0"$/),
  });
});

/** The changes of another session to a row while ours waits for it. */
const MOVES: readonly (readonly [what: string, theirs: string, ours: string])[] = [
  [
    'moved to others: an UPDATE passes it over',
    'UPDATE students SET school_id = 13 WHERE id = 6',
    `UPDATE students SET first_name = 'mine' WHERE id = 6 RETURNING id`,
  ],
  [
    'moved to a pupil of others: a DELETE passes it over',
    'UPDATE absences SET student_id = 7 WHERE id = 103',
    'DELETE FROM absences WHERE id = 103 RETURNING id',
  ],
  [
    'moved to others: a MERGE passes it over',
    'UPDATE counters SET school_id = 14 WHERE name = $$b$$',
    `MERGE INTO counters t USING (VALUES ('b')) AS s(x) ON t.name = s.x WHEN MATCHED THEN UPDATE SET n = 0 RETURNING t.n`,
  ],
  [
    'no longer one that UPDATE may change',
    'UPDATE tasks SET done = true WHERE id = 1',
    `UPDATE tasks SET title = 'mine' WHERE id = 1 RETURNING id`,
  ],
];

eachSince(([, , ours]) => (ours.startsWith('MERGE') ? 17 : 14), MOVES)('a row that was %s', async (_, theirs, ours) => {
  const [other, own] = [await database.connect(), await database.connect()];
  try {
    await other.query('BEGIN');
    await own.query('BEGIN');
    await other.query(theirs);
    const waiting = own.query(sent(ours));
    await untilSomeoneWaits();
    await other.query('COMMIT');
    const { rows } = await waiting;
    expect(rows).toEqual([]);
  } finally {
    await own.query('ROLLBACK');
  }
});

async function untilSomeoneWaits(): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const rows = await database.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rows.length > 0) return;
    await new Promise((done) => setTimeout(done, 10));
  }
  throw new Error('no session waits');
}
