/** Tests the statements that are kept: each is judged as the original was, and holds no values. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openerWith, readIdentities } from '../../src/decision-log/encryption/opening.ts';
import { readStatements } from '../../src/decision-log/statements/read.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { keptText } from '../../src/sql/text/kept-text.ts';
import { KnownNames } from '../../src/sql/text/known-names.ts';
import { readCases } from '../decisions/cases.ts';
import { catalogOf, loadPolicies, type Policies } from '../decisions/policies.ts';
import { realDatabase } from '../decisions/world.ts';
import { recordsOf } from '../support/decision-log.ts';
import { guardInFrontOf, type TestGuard } from '../support/guard.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { samplesWithoutBudgets } from '../support/sample-policies.ts';
import { seedSmall } from '../support/seed.ts';

let database: FreshDatabase;
let catalog: Catalog;
let policies: Policies;
let names: KnownNames;

beforeAll(async () => {
  await loadParser();
  database = await realDatabase();
  catalog = await catalogOf(database);
  policies = loadPolicies(catalog, join(import.meta.dirname, '../decisions/policies'));
  names = new KnownNames(catalog, ['work_ids', 'picked']);
});
afterAll(() => database?.drop());

describe('a kept text', () => {
  it.each([
    [
      "SELECT a FROM students WHERE last_name = 'Dupont' AND id = 4711",
      "SELECT a FROM students WHERE last_name = 'a' AND id = 1",
    ],
    [
      'SELECT id FROM students ORDER BY 2, 1 DESC LIMIT 50 OFFSET 20',
      'SELECT id FROM students ORDER BY 2, 1 DESC LIMIT 50 OFFSET 20',
    ],
    ['SELECT id FROM students ORDER BY id = 4711', 'SELECT id FROM students ORDER BY id = 1'],
    [
      'SELECT left(last_name, 3), substring(ine FROM 2 FOR 4), f(4711)',
      'SELECT left(last_name, 3), substring(ine FROM 2 FOR 4), f(1)',
    ],
    [
      "SELECT 1 FROM students WHERE birth_date > '2011-05-07' AND x = 3.25 AND id IN (1, 2, 3, 4711)",
      "SELECT 1 FROM students WHERE birth_date > '2000-01-01' AND x = 1.5 AND id IN (1, 1)",
    ],
    [
      "SELECT date_trunc('month', day), to_char(day, 'YYYY-MM') FROM absences WHERE name LIKE 'Dup%'",
      "SELECT date_trunc('month', day), to_char(day, 'YYYY-MM') FROM absences WHERE name LIKE 'a%'",
    ],
    [
      "SELECT date_trunc('Dupont', day), nextval('students_id_seq') FROM absences -- Dupont",
      "SELECT date_trunc('a', day), nextval('a') FROM absences",
    ],
    [
      "INSERT INTO grades (id, comment) VALUES (1, 'x'), (2, 'y'), (3, E'z\\n'), (4, $$w$$)",
      "INSERT INTO grades (id, comment) VALUES (1, 'a'), (1, 'a')",
    ],
    [
      "SELECT 'students'::regclass, CAST(x AS numeric(8, 2)), 9999999999, x'FF', b'101', 'it''s'",
      "SELECT 'students'::regclass, CAST(x AS numeric(8, 2)), 3000000000, X'1', B'1', 'a'",
    ],
    [
      'SELECT id FROM students WHERE last_name = "Dupont" AND id = $1',
      'SELECT id FROM students WHERE last_name = name1 AND id = $1',
    ],
    // It says how many rows, and may say which: a person's number among them.
    ['SELECT g FROM generate_series(4711, 4712) AS g', 'SELECT g FROM generate_series(1, 1) AS g'],
    ["SET application_name = 'Dupont'; ", "SET application_name = 'a';"],
    ["SET TIME ZONE 'Europe/Paris'", "SET TIME ZONE 'a'"],
    ["SELECT U&'d\\0061t' UESCAPE '!', 'a'\n'b'", "SELECT 'a', 'a'"],
  ])('%s', (sql, kept) => {
    expect(keptText(sql, names)).toBe(kept);
  });

  it('is not made of a text that it would take long to take apart', () => {
    expect(keptText(`SELECT ${'1,'.repeat(2_000)}1`, names)).toBeDefined();
    expect(keptText(`SELECT ${'1,'.repeat(2_500)}1`, names)).toBeUndefined();
  });

  it('is judged as the statement itself, of nearly all golden decisions; where not, its record shows it', () => {
    let whole = 0;
    const others: string[] = [];
    const unseen: string[] = [];
    let at = 0;
    for (const { role, cases } of readCases()) {
      const { judge } = policies.of(role);
      for (const { sql, since } of cases) {
        at += 1;
        if (since !== undefined || at % 6 !== 0) continue;
        const kept = keptText(sql, names);
        const was = judge(sql);
        if (kept === undefined || was.statements.length !== 1) continue;
        const is = judge(kept);
        if (witnessOf(was) !== witnessOf(is)) others.push(`${sql}\n  ${kept}\n  ${is.refusal?.message}`);
        else if (shapeOf(was) !== shapeOf(is)) unseen.push(`${sql}\n  ${kept}`);
        else whole += 1;
      }
    }
    expect(whole).toBeGreaterThan(200);
    expect(others.length, others.join('\n')).toBeLessThan(whole / 50);
    // Names of one's own in other quotes: nothing that is judged.
    expect(unseen.length, unseen.join('\n')).toBeLessThan(3);
  });
});

/** The parts of a judgement that a record has. */
function witnessOf({ effect, refusal, statements }: Judgement): string {
  return JSON.stringify([effect, refusal?.reason, statements[0]?.tables, statements[0]?.columns]);
}

/** The inserted and removed text, without the client's own. */
function shapeOf({ edits }: Judgement): string {
  return JSON.stringify(
    edits.map(({ text }) =>
      text.map((piece) => (typeof piece === 'string' ? piece.replace(/'(?:[^']|'')*'|\d+/g, '?') : piece)),
    ),
  );
}

describe('beside the log', () => {
  const folderOf = (guard: TestGuard): string => join(dirname(guard.configFile), 'decisions.statements');
  const recordsIn = (folder: string): Record<string, unknown>[] =>
    recordsOf(readFileSync(join(folder, 'decisions.jsonl'), 'utf8'));

  it('each distinct statement is written once, whole, and a repeated one writes nothing', async () => {
    const seeded = await freshDatabase();
    await seedSmall(seeded.url);
    const guard = await guardInFrontOf(seeded);
    try {
      const client = await guard.connect('teacher');
      const long = `SELECT id FROM students WHERE ${Array.from({ length: 300 }, (_, i) => `last_name <> 'Secret${i}'`).join(' AND ')}`;
      for (const name of ['Secret', 'Other', 'Third'])
        await client.query(`SELECT id FROM students WHERE last_name = '${name}' LIMIT 5`);
      await client.query({ text: 'SELECT first_name FROM students WHERE id = $1', values: [7] });
      await client.query("SELECT id FROM students WHERE last_name = 'Secret' LIMIT 6; SELECT 1");
      await client.query('PREPARE mine AS SELECT class_id FROM students WHERE id = $1');
      await client.query('EXECUTE mine(4711)');
      await client.query(long);
      const size = statSync(join(folderOf(guard), 'decisions.jsonl')).size;
      await client.query("SELECT id FROM students WHERE last_name = 'Fourth' LIMIT 5");
      await client.query('EXECUTE mine(4712)');
      expect(statSync(join(folderOf(guard), 'decisions.jsonl')).size).toBe(size);

      const kept = recordsIn(folderOf(guard)).filter(({ kind }) => kind === 'statement');
      const texts = kept.map(({ statement }) => String(statement));
      expect(new Set(texts).size).toBe(kept.length);
      expect(texts).toContain("SELECT id FROM students WHERE last_name = 'a' LIMIT 5");
      expect(texts).toContain("SELECT id FROM students WHERE last_name = 'a' LIMIT 6");
      expect(texts.join()).not.toMatch(/Secret|4711/);
      expect(texts.filter((text) => text.length > 5000)).toHaveLength(1);
      expect(kept).toContainEqual(
        expect.objectContaining({
          statement: 'EXECUTE name1(1)',
          runs: { statement: 'PREPARE name1 AS SELECT class_id FROM students WHERE id = $1', parameters: [] },
        }),
      );
      const named = new Set(kept.map((record) => record.kept));
      const decisions = (await guard.records()).filter(({ kind, command }) => kind === 'decision' && command !== '');
      expect(decisions.length).toBeGreaterThan(8);
      for (const { kept: by } of decisions) expect(named).toContain(by);
    } finally {
      await guard.stop();
      await seeded.drop();
    }
  });

  it('a setting that a role may set keeps its name, so that replay and learn judge it as it was', async () => {
    const seeded = await freshDatabase();
    await seedSmall(seeded.url);
    const folder = await mkdtemp(join(tmpdir(), 'rowgate-settings-'));
    await samplesWithoutBudgets(folder);
    await appendFile(join(folder, 'roles/teacher.yaml'), '\nsettings: { App.Tenant: any }\n');
    const guard = await guardInFrontOf(seeded, { policies: folder });
    try {
      const client = await guard.connect('teacher');
      await client.query("SET app.tenant = 'Secret'");
      await expect(client.query("SET app.secret = 'Secret'")).rejects.toThrow('permission denied');
      const texts = recordsIn(folderOf(guard)).map(({ statement }) => statement);
      expect(texts).toEqual(expect.arrayContaining(["SET app.tenant = 'a'", "SET app.name1 = 'a'"]));
      const logged = (await guard.records())
        .filter(({ kind }) => kind === 'decision')
        .map(({ statement }) => statement);
      expect(logged).toContain('SET app.tenant = $1');
    } finally {
      await guard.stop();
      await seeded.drop();
      await rm(folder, { recursive: true });
    }
  });

  it('they are encrypted as the log is', async () => {
    const seeded = await freshDatabase();
    await seedSmall(seeded.url);
    const identity = await generateIdentity();
    const guard = await guardInFrontOf(seeded, { logging: `encrypt_to: [${await identityToRecipient(identity)}]` });
    try {
      const client = await guard.connect('teacher');
      await client.query('SELECT class_id FROM students LIMIT 5');
      const folder = folderOf(guard);
      expect(readFileSync(join(folder, 'decisions.jsonl'), 'utf8')).not.toContain('class_id');
      const file = join(folder, 'identity');
      writeFileSync(file, `${identity}\n`);
      const identities = readIdentities(file);
      if ('problem' in identities) throw new Error(identities.problem);
      const { statements: found, catalogs } = await readStatements(folder, openerWith(identities));
      expect([...catalogs.keys()]).toEqual([...new Set([...found.values()].map((one) => one.catalog))]);
      expect([...found.values()].map(({ text }) => text)).toContain('SELECT class_id FROM students LIMIT 5');
    } finally {
      await guard.stop();
      await seeded.drop();
    }
  });
});
