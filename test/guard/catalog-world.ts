/** A database in which every hidden name holds "qzx", and one role on it, to see what its statements find in the catalogs. */
import pg from 'pg';
import { readCatalog } from '../../src/catalog/read.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import { Guard } from '../../src/guard/guard.ts';
import { compileCondition, compileMask } from '../../src/policy/compile/condition.ts';
import { loadPolicy } from '../../src/policy/compile/load.ts';
import type { RolePolicy } from '../../src/policy/model/policy.ts';
import { formatDiagnostic } from '../../src/policy/source/diagnostic.ts';
import { Catalog } from '../../src/sql/catalog/catalog.ts';
import { loadParser } from '../../src/sql/parse/parse.ts';
import { renderTemplate } from '../../src/sql/text/edits.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const SCHEMA = `
CREATE SCHEMA qzxschema;
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TYPE qzxmood AS ENUM ('qzxlabel');
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE TYPE place AS (street text, town text);
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT upper($1) || 'qzxbody'$$;
CREATE FUNCTION qzxfunction(qzxargument integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$SELECT 1$$;
CREATE FUNCTION qzxmaker() RETURNS text LANGUAGE sql AS $$SELECT 'x'$$;
CREATE FUNCTION qzxtouch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$;
CREATE OPERATOR ### (LEFTARG = integer, RIGHTARG = integer, FUNCTION = int4pl);
CREATE TABLE kinds (id integer PRIMARY KEY, name text);
CREATE TABLE qzxkinds (id integer PRIMARY KEY, qzxname text);
CREATE TABLE qzxschema.qzxinside (id integer PRIMARY KEY);
CREATE TABLE qzxchild (id integer, kind integer REFERENCES kinds);
CREATE SEQUENCE qzxsequence;
CREATE TABLE people (
  id serial PRIMARY KEY, name text NOT NULL, mood mood DEFAULT 'glad', code code, home place,
  qzxcolumn text DEFAULT 'qzxdefault' NOT NULL,
  number integer DEFAULT nextval('qzxsequence'), made text DEFAULT qzxmaker(),
  twice text GENERATED ALWAYS AS (name || name) STORED, told text GENERATED ALWAYS AS (name || qzxcolumn) STORED,
  asked integer GENERATED ALWAYS AS (qzxfunction(id)) STORED,
  kind integer REFERENCES kinds, qzxkind integer REFERENCES qzxkinds, qzxmood qzxmood,
  CONSTRAINT name_is_long CHECK (length(name) > 1), CONSTRAINT qzxcheck CHECK (qzxcolumn <> 'qzx'),
  CONSTRAINT qzxcall CHECK (qzxfunction(kind) = 1), CONSTRAINT qzxboth UNIQUE (name, qzxcolumn),
  CONSTRAINT qzxinclude UNIQUE (name) INCLUDE (qzxcolumn),
  CONSTRAINT qzxexclude EXCLUDE (name WITH =) WHERE (qzxcolumn = 'qzx')
);
COMMENT ON TABLE people IS 'everybody';
COMMENT ON COLUMN people.name IS 'a name';
COMMENT ON COLUMN people.qzxcolumn IS 'qzxcomment';
COMMENT ON TABLE qzxkinds IS 'qzxcomment';
COMMENT ON CONSTRAINT qzxcheck ON people IS 'qzxcomment';
COMMENT ON FUNCTION qzxfunction(integer) IS 'qzxcomment';
CREATE INDEX people_name ON people (name);
CREATE INDEX people_lower ON people (lower(name)) WHERE name > 'a';
CREATE INDEX qzxexpression ON people (lower(qzxcolumn));
CREATE INDEX qzxpartial ON people (name) WHERE qzxcolumn = 'qzx';
CREATE INDEX qzxcalled ON people (qzxfunction(id));
CREATE STATISTICS qzxstatistics ON name, qzxcolumn FROM people;
CREATE STATISTICS seen_together ON name, kind FROM people;
CREATE VIEW seen AS SELECT id, name FROM people WHERE qzxcolumn <> 'qzx';
CREATE VIEW clear AS SELECT id, name FROM people WHERE name <> 'x';
CREATE VIEW qzxview AS SELECT 1 AS qzx;
CREATE TRIGGER qzxtrigger BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION qzxtouch('qzxargument');
CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TRIGGER qzxwhen BEFORE UPDATE ON people FOR EACH ROW WHEN (OLD.qzxcolumn = 'qzx') EXECUTE FUNCTION touch();
CREATE RULE qzxrule AS ON DELETE TO kinds DO INSTEAD NOTHING;
CREATE POLICY qzxpolicy ON people USING (qzxcolumn = 'qzx');
CREATE PUBLICATION qzxpublication FOR TABLE people;
CREATE TABLE days (day date NOT NULL, qzxnote text) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE notes (note text, qzxday date NOT NULL) PARTITION BY RANGE (qzxday);
CREATE TABLE notes_2026 PARTITION OF notes FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO kinds VALUES (1, 'x');
ANALYZE`;

const ROLE = `
role: reader
tables:
  people: { select: { columns: [id, name, mood, code, home, kind, number, made, twice, told, asked] } }
  kinds: { select: { columns: "*" } }
  seen: { select: { columns: "*" } }
  clear: { select: { columns: "*" } }
  days: { select: { columns: [day] } }
  notes: { select: { columns: [note] } }
functions: [public.shout, public.touch]
limits: none`;

/** In a statement: a series of the numbers that the database's objects have. */
export const NUMBERS = 'every_number()';

export interface CatalogWorld {
  readonly database: FreshDatabase;
  readonly catalog: Catalog;
  readonly role: RolePolicy;
  judge(sql: string): Judgement;
  /** First column of each row, as the server sends it; `refused: …` or `error 42P01: …` where there are none. */
  ask(sql: string, parameters?: readonly unknown[]): Promise<readonly (string | null)[] | string>;
  /** Without the guard. */
  raw(sql: string): Promise<readonly (string | null)[]>;
  drop(): Promise<void>;
}

export async function catalogWorld(): Promise<CatalogWorld> {
  const database = await freshDatabase();
  await database.query(SCHEMA);
  const client = new pg.Client({ connectionString: database.url, options: '-c search_path=public' });
  await client.connect();
  await loadParser();
  const catalog = new Catalog(
    await readCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
  );
  const options = { catalog, searchPath: ['public'], timeZone: 'UTC', compileCondition, compileMask };
  const { policy, diagnostics } = loadPolicy([{ path: 'roles/reader.yaml', text: ROLE }], options);
  const role = policy.roles.get('reader');
  if (!role || role.disabled) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const guard = new Guard({ catalog, role, searchPath: ['public'] });
  const oids = catalog.data.types.map(({ oid }) => oid).filter((oid) => oid >= 16384);
  const numbers = `generate_series(${Math.min(...oids) - 100}, ${Math.max(...oids) + 300})`;
  const run = async (text: string, values: readonly unknown[] = []): Promise<(string | null)[]> => {
    const { rows } = await client.query<(string | null)[]>({
      text: text.replaceAll(NUMBERS, numbers),
      values: [...values],
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    });
    return rows.map((row) => row[0] ?? null);
  };
  return {
    database,
    catalog,
    role,
    judge: (sql) => guard.judge(sql.replaceAll(NUMBERS, numbers)),
    async ask(sql, parameters) {
      const judged = guard.judge(sql.replaceAll(NUMBERS, numbers));
      if (judged.fault) throw judged.fault;
      if (judged.effect === 'refuse') return `refused: ${judged.refusal?.message}`;
      try {
        return await run(
          renderTemplate(judged.template, () => '100'),
          parameters,
        );
      } catch (error) {
        const { code, message } = error as pg.DatabaseError;
        return `error ${code}: ${message}`;
      }
    },
    raw: run,
    async drop() {
      await client.end();
      await database.drop();
    },
  };
}
