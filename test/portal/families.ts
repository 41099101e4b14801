/** A portal's database and policies: each family sees its own pupils, by a token that the portal's login has given it. */
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISSUER, type Key, keySet, makeKey, token } from '../identity/issuer.ts';
import { verifierOf } from '../proxy/support.ts';
import type { FreshDatabase } from '../support/postgres.ts';

/** Families have the numbers from 1; each has two pupils. */
export async function seedFamilies(database: FreshDatabase, families: number): Promise<void> {
  await database.query(`
    CREATE TABLE families (id bigint PRIMARY KEY, name text NOT NULL);
    CREATE TABLE pupils (id bigint PRIMARY KEY, family_id bigint NOT NULL REFERENCES families, name text NOT NULL, note text);
    CREATE INDEX ON pupils (family_id);
    CREATE TABLE news (id int PRIMARY KEY, title text NOT NULL);
    INSERT INTO families SELECT f, 'family ' || f FROM generate_series(1, ${families}) f;
    INSERT INTO pupils SELECT f * 10 + n, f, 'pupil ' || n || ' of ' || f, NULL FROM generate_series(1, ${families}) f, generate_series(1, 2) n;
    INSERT INTO news VALUES (1, 'Holidays begin on Friday');
    ANALYZE;
  `);
}

export const ROLE = `role: family
attributes: { family_id: bigint from token }
scope: { pupil: family_id = :family_id }
tables:
  pupils:
    select: { columns: [id, family_id, name, note] }
    update: { columns: [note] }
  news: { select: { columns: "*" } }
limits: { rows: 10000000 per day }
limits_per_user: { subjects: { pupil: 8 per day } }
`;

/** A folder with the policies, and the key of the issuer. */
export async function familyPolicies(role = ROLE): Promise<{ readonly folder: string; readonly key: Key }> {
  const folder = await mkdtemp(join(tmpdir(), 'rowgate-test-portal-'));
  const key = makeKey('EdDSA');
  await mkdir(join(folder, 'roles'));
  await writeFile(join(folder, 'roles', 'family.yaml'), role);
  await writeFile(join(folder, 'subjects.yaml'), 'subjects: { pupil: { keys: [pupils.id] } }\n');
  await writeFile(join(folder, 'jwks.json'), keySet(key));
  const rule = `{ issuer: "${ISSUER}", keys: jwks.json, user: sub, max_age: 1 hour }`;
  await writeFile(
    join(folder, 'principals.yaml'),
    `principals:\n  portal: { role: family, password: "${await verifierOf('demo-portal')}", token: ${rule} }\n`,
  );
  return { folder, key };
}

/** A token of the family, from a minute ago until in five minutes. */
export function tokenOf(key: Key, family: number, claims: object = {}): string {
  const now = Math.floor(Date.now() / 1000);
  return token(key, { sub: `f${family}`, family_id: family, iat: now - 60, exp: now + 300, ...claims });
}
