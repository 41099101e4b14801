/** Policies of many tables and of many roles: the headline role with more beside it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** SQL that makes the tables. */
export function manyTables(count: number): string {
  const columns = 'id integer PRIMARY KEY, branch integer, name text, note text, secret text';
  return Array.from({ length: count }, (_, i) => `CREATE TABLE more_${i} (${columns});`).join('\n');
}

/** Grants them to the headline role, each with a row filter and a mask. */
export function grantMany(count: number): (policies: string) => Promise<void> {
  const grant = (i: number): string =>
    `  more_${i}: { rows: branch <= :branches, select: { columns: [id, branch, name], masks: { note: "left(note, 1)" } } }\n`;
  const grants = Array.from({ length: count }, (_, i) => grant(i)).join('');
  return async (policies) => {
    const file = join(policies, 'roles', 'headline.yaml');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('tables:\n', `tables:\n${grants}`));
  };
}

/** Roles as headline, `role_0` and so on, and a principal of each role's name. */
export function manyRoles(count: number): (policies: string, password: string) => Promise<void> {
  return async (policies, password) => {
    const headline = await readFile(join(policies, 'roles', 'headline.yaml'), 'utf8');
    let principals = await readFile(join(policies, 'principals.yaml'), 'utf8');
    for (let i = 0; i < count; i++) {
      await writeFile(join(policies, 'roles', `role_${i}.yaml`), headline.replace('role: headline', `role: role_${i}`));
      principals += `  role_${i}: { role: role_${i}, attributes: { branches: 10 }, password: "${password}" }\n`;
    }
    await writeFile(join(policies, 'principals.yaml'), principals);
  };
}
