/** Tests that every mistake in a policy is reported with file, line, column and what was expected: the cases of `broken/`, each with its whole output. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import { grantsOfTables, type RolePolicy } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import type { PolicyFile } from '../../src/policy/source/document.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { seedSmall } from '../support/seed.ts';
import { catalogOf, plainEnvironment } from './environment.ts';

const folder = join(import.meta.dirname, 'broken');
const update = process.env.ROWGATE_UPDATE === '1';

let database: FreshDatabase;
let catalog: Catalog;
beforeAll(async () => {
  database = await freshDatabase();
  await seedSmall(database.url);
  catalog = await catalogOf(database.url);
});
afterAll(() => database.drop());

/** A case: a note, files behind `=== path` lines, and behind `=== expected` the diagnostics and who is closed. */
function parseCase(text: string): { note: string; files: PolicyFile[]; expected: string; input: string } {
  const [note = '', ...sections] = text.split(/^=== /m);
  const parts = sections.map((section) => {
    const end = section.indexOf('\n');
    return { path: section.slice(0, end), text: section.slice(end + 1) };
  });
  const files = parts.filter(({ path }) => path !== 'expected');
  const expected = parts.find(({ path }) => path === 'expected')?.text ?? '';
  return { note: note.trim(), files, expected, input: text.split('=== expected\n')[0] ?? '' };
}

/** The tables that are left in a role. */
function tablesOf(role: RolePolicy): string {
  const tables = grantsOfTables(role).map(({ relation, select }) => {
    const columns = [...(select?.columns.values() ?? [])].map(({ column }) => column.name);
    return `${relation.name}(${columns.join(', ')})`;
  });
  return tables.length > 0 ? `; ${tables.join(', ')}` : '';
}

describe.each(readdirSync(folder).sort())('%s', (name) => {
  const { note, files, expected, input } = parseCase(readFileSync(join(folder, name), 'utf8'));
  it(note, () => {
    const { policy, diagnostics } = loadPolicy(files, plainEnvironment(catalog));
    const state = ({ disabled }: { readonly disabled?: string }): string =>
      disabled === undefined ? 'open' : 'closed';
    const withheld = diagnostics.flatMap(({ withholds, file, line, column }) =>
      withholds ? [`withheld: ${file}:${line}:${column}`] : [],
    );
    const lines = [
      ...diagnostics.map(formatDiagnostic),
      ...withheld,
      ...[...policy.roles.values()].map((role) => `role ${role.name}: ${state(role)}${tablesOf(role)}`),
      ...[...policy.principals.values()].map((principal) => `principal ${principal.name}: ${state(principal)}`),
    ];
    const actual = `${lines.join('\n')}\n`;
    if (update) writeFileSync(join(folder, name), `${input}=== expected\n${actual}`);
    else expect(actual).toBe(expected);
  });
});

it('never shows the value of a password', () => {
  const text = readdirSync(folder).map((name) => parseCase(readFileSync(join(folder, name), 'utf8')).expected);
  expect(text.join('')).not.toMatch(/hunter2|12345/);
});
