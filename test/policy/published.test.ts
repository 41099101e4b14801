/** Tests that the published schemas are current. `ROWGATE_UPDATE=1 npm run vitest -- test/policy` writes them again. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { publishedSchema } from '../../src/policy/schema/json-schemas.ts';
import { roleSchema } from '../../src/policy/schema/role-schema.ts';
import { keyReference } from './published.ts';

const root = join(import.meta.dirname, '../..');
const update = process.env.ROWGATE_UPDATE === '1';

it('policies/schema.json is the schema by which files are read', () => {
  const file = join(root, 'policies/schema.json');
  if (update) writeFileSync(file, publishedSchema());
  expect(readFileSync(file, 'utf8')).toBe(publishedSchema());
});

it('docs/policies.md has every key of the schema', () => {
  const file = join(root, 'docs/policies.md');
  const mark = '<!-- What follows is made from the schema: ROWGATE_UPDATE=1 npm run vitest -- test/policy -->\n';
  const text = readFileSync(file, 'utf8');
  const current = `${text.split(mark)[0]}${mark}\n${keyReference()}`;
  if (update) writeFileSync(file, current);
  expect(readFileSync(file, 'utf8')).toBe(current);
});

it.each([
  'limits: { rows: 5 }',
  'limits: { statement_timeout: 0 s }',
  'limits: { statements: 5, rows_per_statement: 5 }',
])('the published schema refuses what check refuses: %s', (text) => {
  const role = { role: 'a', ...parse(text) };
  expect(roleSchema.safeParse(role).success).toBe(false);
  const { $schema: _schema, ...json } = z.toJSONSchema(roleSchema, { io: 'input', target: 'draft-7' });
  expect(z.fromJSONSchema(json as never).safeParse(role).success).toBe(false);
  const right = { role: 'a', limits: { rows: '5 per hour', bytes_per_statement: 5, statement_timeout: '5 s' } };
  expect(z.fromJSONSchema(json as never).safeParse(right).success).toBe(true);
});
