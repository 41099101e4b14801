/**
 * Tests `rowgate init` on databases of other programs: from Debian's packages, which `.ci/run` unpacks, and from a folder that `ROWGATE_SCHEMAS`
 * names, with an `.sql` file for each, where `:clerk` and `:auditor` are replaced by the logins. A missing one is skipped.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import { register as check } from '../../src/cli/check.ts';
import { register as init } from '../../src/cli/init.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { runCommand } from '../support/command.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { condition, describeWith, testWith } from '../support/tools.ts';
import { World } from './drafted-world.ts';

/** The folder in which packages are unpacked. */
const UNPACKED = join(import.meta.dirname, '../../node_modules/.cache/schemas');
/** The developer's own schemas, which may not be kept here. */
const NAMED = process.env.ROWGATE_SCHEMAS;

interface Schema {
  readonly packages: readonly string[];
  /** In their order, from the root of the file system. */
  readonly paths: readonly string[];
  /** Given as `--subject`; without it, init is to find it: the most referenced table of people. */
  readonly given?: true;
  readonly table: string;
  readonly key: string;
}

const SCHEMAS: readonly Schema[] = [
  {
    packages: ['roundcube-core'],
    paths: ['usr/share/roundcube/SQL/postgres.initial.sql'],
    table: 'users',
    key: 'user_id',
  },
  {
    packages: ['zabbix-server-pgsql'],
    paths: ['usr/share/zabbix-server-pgsql/schema.sql.gz'],
    table: 'users',
    key: 'userid',
  },
  {
    packages: ['libawl-php', 'davical'],
    paths: [
      'usr/share/awl/dba/awl-tables.sql',
      'usr/share/awl/dba/schema-management.sql',
      'usr/share/davical/dba/davical.sql',
    ],
    table: 'usr',
    key: 'user_no',
  },
  {
    packages: ['icingaweb2-module-director'],
    paths: ['usr/share/icingaweb2/modules/director/schema/pgsql.sql'],
    table: 'icinga_user',
    key: 'id',
  },
  {
    packages: ['kea-admin'],
    paths: ['usr/share/kea/scripts/pgsql/dhcpdb_create.pgsql'],
    table: 'hosts',
    key: 'host_id',
    // Its most referenced tables with a word for people are classes of DHCP clients.
    given: true,
  },
];

/** A partition has the keys of its table. */
const REFERENCES = `SELECT DISTINCT n.nspname || '.' || c.relname || '.' || a.attname AS column
  FROM pg_constraint AS f
  JOIN pg_class AS c ON c.oid = coalesce(pg_partition_root(f.conrelid), f.conrelid)
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  JOIN LATERAL unnest(f.conkey, f.confkey) AS k (own, other) ON true
  JOIN pg_attribute AS a ON a.attrelid = f.conrelid AND a.attnum = k.own
  JOIN pg_attribute AS o ON o.attrelid = f.confrelid AND o.attnum = k.other
  WHERE f.contype = 'f' AND f.confrelid = $1::regclass AND o.attname = $2 ORDER BY 1`;

let database: FreshDatabase | undefined;
let folder: string | undefined;

afterEach(async () => {
  await database?.drop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

const textOf = (file: string): string =>
  (file.endsWith('.gz') ? gunzipSync(readFileSync(file)) : readFileSync(file)).toString();

for (const { packages, paths, table, key, given } of SCHEMAS) {
  const files = paths.map((path) => join(UNPACKED, path));
  const unpacked = condition(
    files.every((file) => existsSync(file)),
    `${packages.join(' and ')} of Debian, unpacked`,
  );
  testWith(unpacked)(
    `${packages.at(-1)}: check passes on what init writes, and every foreign key to ${table} is among its keys`,
    async () => {
      await loadParser();
      database = await freshDatabase();
      for (const file of files) await database.query(textOf(file));
      // As an application has it, and one that only reads.
      const [application, reader] = [await database.createLogin(), await database.createLogin()];
      await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${application.user};
        GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${application.user};
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${reader.user}`);
      const declared = await database.query(REFERENCES, [table, key]);
      expect(declared.length).toBeGreaterThan(0);
      folder = await mkdtemp(join(tmpdir(), 'rowgate-init-'));
      const named = given ? ['--subject', `${table}=${table}.${key}`] : [];
      const drafted = await runCommand([init], ['init', '--url', database.url, '--dir', folder, '--json', ...named]);
      expect(drafted).toMatchObject({ status: 0, stderr: '' });
      const { subjects, roles } = JSON.parse(drafted.stdout) as {
        subjects: { keys: string[] }[];
        roles: { login: string; left: string[] }[];
      };
      expect(roles.map(({ login, left }) => [login, left]).sort()).toEqual(
        [
          [application.user, []],
          [reader.user, []],
        ].sort(),
      );
      const [found] = subjects;
      const shown = (name: unknown) => String(name).replace(/^public\./, '');
      expect(found?.keys[0]).toBe(`${table}.${key}`);
      expect(found?.keys).toEqual(expect.arrayContaining(declared.map(({ column }) => shown(column))));
      const catalog = join(folder, 'policies/catalog.json');
      const said = await runCommand([check], ['check', '--config', join(folder, 'rowgate.yaml'), '--catalog', catalog]);
      expect(said.stdout).toContain(' 0 errors');
      expect(said.status).toBe(0);
      await database.query(`DROP OWNED BY ${application.user}, ${reader.user}`);
    },
  );
}

/** As an application has it that may see every second person, and as an office with some columns. */
const RIGHTS = `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :clerk;
  GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO :clerk;
  GRANT SELECT ON ALL TABLES IN SCHEMA public TO :auditor`;

describeWith(condition(NAMED !== undefined, 'ROWGATE_SCHEMAS'))('schemas of a folder', () => {
  const files = NAMED === undefined ? [] : readdirSync(NAMED).filter((name) => name.endsWith('.sql'));
  test.each(files)(
    '%s: check passes, every foreign key to the subject is a key, and logins can do what they could',
    {
      timeout: 1_800_000,
    },
    async (file) => {
      const world = new World();
      await world.open(readFileSync(join(NAMED!, file), 'utf8'));
      try {
        await world.query(RIGHTS);
        const drafted = await world.init();
        const [subject] = drafted.subjects;
        const [, table = '', key = ''] = /^(.+)\.([^.]+)$/.exec(subject?.keys[0] ?? '') ?? [];
        const declared = await world.database.query(REFERENCES, [table, key]);
        expect(declared.length).toBeGreaterThan(0);
        const keys = declared.map(({ column }) => String(column).replace(/^public\./, ''));
        expect(subject?.keys).toEqual(expect.arrayContaining(keys));
        const catalog = join(world.folder, 'policies/catalog.json');
        const said = await runCommand([check], ['check', '--config', world.config(), '--catalog', catalog]);
        expect(said.stdout).toContain(' 0 errors');
        expect(said.status).toBe(0);
        await world.staysTheSame(drafted, 151);
      } finally {
        await world.close();
      }
    },
  );
});
