/** What is published of the schemas is current. `ROWGATE_UPDATE=1 npm run vitest -- test/policy` writes it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keyReference, publishedSchema } from './published.ts';

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
