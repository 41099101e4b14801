/**
 * What the log says about one data subject: statements that certainly concerned the person, those that perhaps did, and what is not known. A
 * statement is in none of the lists only if the log and the policy at the time prove that it concerned others only.
 */
import { subjectCounts } from '../read/columns.ts';
import type { Database } from '../read/duckdb.ts';
import type { RecordTable } from '../read/source.ts';
import { takesSomething } from '../read/statement-kinds.ts';
import { subjectId } from '../subject-ids.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { instant, type Period, parametersOf } from './period.ts';
import type { PolicyFacts } from './policy-texts.ts';
import type { SoughtPerson } from './subject.ts';

/** Why a statement perhaps concerned the person; the first that applies. */
export const DOUBTS = [
  'unended',
  'undecided',
  'lost',
  'policy-unknown',
  'subject-undeclared',
  'unrestricted',
  'observed',
  'counted',
  'unnamed',
  'changed',
  'table-without-key',
] as const;
export type Doubt = (typeof DOUBTS)[number];

/** One statement that named the person. */
export interface ConcerningStatement {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `asked`: it named the person by key, but neither returned nor changed a row. */
  readonly what: 'shown' | 'changed' | 'asked';
  readonly principal?: string;
  readonly user?: string;
  readonly client?: string;
  readonly role?: string;
  readonly command?: string;
  /** Without literals, as far as the log was kept so. */
  readonly statement?: string;
  readonly columns: readonly string[];
  readonly rows: number;
  readonly changed: number;
}

export interface PossibleStatements {
  readonly doubt: Doubt;
  readonly principal?: string;
  readonly user?: string;
  readonly role?: string;
  readonly tables: readonly string[];
  readonly statements: number;
  readonly first: number;
  readonly last: number;
}

/** Statements with ids from a key that was not given: destroyed, or kept elsewhere. */
export interface KeyMissing {
  readonly name: string;
  readonly statements: number;
  readonly first: number;
  readonly last: number;
}

export interface PersonFound {
  readonly coverage: Coverage;
  readonly certainly: readonly ConcerningStatement[];
  readonly perhaps: readonly PossibleStatements[];
  readonly keysMissing: readonly KeyMissing[];
  /** Functions granted to roles that may return rows of this subject. */
  readonly functions: readonly string[];
  /** Lines without a record. */
  readonly strange: number;
}

export interface PersonQuestion extends Period {
  readonly sought: SoughtPerson;
  /** The kept policies of the time, by `kept`. */
  readonly policiesKept: (kept: string) => PolicyFacts | undefined;
  /** Schemas to search for a table without one. */
  readonly searchPath: readonly string[];
  /** By the catalog, if there is one: whether rows of the table belong to people of the subject. Undefined: not known. */
  readonly leadsToSubject: (table: string) => boolean | undefined;
  readonly returnsSubject: (fn: string) => boolean | undefined;
}

/** Names of subjects in the log or its policies. */
export async function subjectsKnown(
  { db }: RecordTable,
  policiesKept: PersonQuestion['policiesKept'],
): Promise<ReadonlySet<string>> {
  const named = await db.rows<{ name: string }>(
    'SELECT DISTINCT unnest(map_keys(subjects)) AS name FROM records WHERE subjects IS NOT NULL',
  );
  const declared = [...(await policiesInForce(db)).values()].flatMap((kept) =>
    kept.flatMap((hash) => [...(policiesKept(hash)?.keyTables.keys() ?? [])]),
  );
  return new Set([...named.map(({ name }) => name), ...declared]);
}

export async function personOf(source: RecordTable, question: PersonQuestion): Promise<PersonFound> {
  const { db, strange } = source;
  const { subject, key, keys } = question.sought;
  const ids = keys.map((each) => subjectId(each, subject, key)).join(' ');
  const parameters = { ...parametersOf(question), subject, ids, keys: keys.map(({ name }) => name).join(' ') };
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, parameters);
  await db.run(HITS, parameters);
  await db.run(RAN, parameters);
  const functions = await judgePolicies(db, question);
  return {
    coverage: await coverageOf(source, question.since),
    certainly: await rows(CERTAINLY),
    perhaps: await rows(PERHAPS),
    keysMissing: await rows(KEYS_MISSING),
    functions,
    strange,
  };
}

/** Statements that name one of the ids: in their outcome, or while they ran. */
const HITS = `CREATE OR REPLACE TEMP TABLE hits AS SELECT DISTINCT id FROM records
  WHERE kind IN ('outcome', 'seen') AND list_has_any(coalesce(subjects[$subject].ids, []), string_split($ids, ' '))`;

/** A row for each statement that ran, or was to run, in the time and was not refused. */
const RAN = `CREATE OR REPLACE TEMP TABLE ran AS
  SELECT * FROM (
    SELECT coalesce(d.id, o.id) AS id, coalesce(d.time, o.time) AS started, coalesce(o.time, d.time) AS ended,
      coalesce(d.principal, o.principal) AS principal, d."user", d.role, d.policy, d.command, coalesce(d.tables, []) AS tables, d.would,
      d.id IS NULL AS undecided, o.status, coalesce(o."rows", 0) AS "rows", coalesce(o.changed, 0) AS changed,
      coalesce(d.effect IN ('refuse', 'lock') OR o.status IN ('refused', 'skipped'), false) AS refused,
      o.id IS NULL AND coalesce(d.effect, '') NOT IN ('refuse', 'lock') AND ${takesSomething('d.command')} AS unended,
      coalesce(len(o.subjects[$subject].ids), 0) + coalesce(s.ids, 0) AS ids,
      list_concat(coalesce(list_distinct(list_transform(o.subjects[$subject].ids, lambda one: split_part(one, ':', 1))), []), coalesce(s.keys, [])) AS keys,
      ${subjectCounts('o.subjects[$subject].')}
    FROM (SELECT * FROM records WHERE kind = 'decision' AND time < ${instant('$until')}) AS d
    FULL JOIN (SELECT * FROM records WHERE kind = 'outcome' AND time >= ${instant('$since')}) AS o ON d.id = o.id
    LEFT JOIN (SELECT id, sum(len(subjects[$subject].ids)) AS ids,
        list_distinct(flatten(list(list_transform(subjects[$subject].ids, lambda one: split_part(one, ':', 1))))) AS keys
      FROM records WHERE kind = 'seen' AND subjects[$subject].ids IS NOT NULL GROUP BY id) AS s ON s.id = coalesce(d.id, o.id)
    WHERE coalesce(d.time, o.time) < ${instant('$until')} AND coalesce(o.time, d.time) >= ${instant('$since')}
  ) WHERE NOT refused AND (command IS NULL OR ${takesSomething('command')})`;

const CERTAINLY = `SELECT ran.id, epoch_ms(ran.started) AS "at",
    CASE WHEN ran.changed > 0 THEN 'changed' WHEN ran."rows" > 0 OR ran.unended THEN 'shown' ELSE 'asked' END AS what,
    ran.principal, ran."user", d.client, ran.role, ran.command, d.statement, coalesce(d.columns, []) AS columns, ran."rows", ran.changed
  FROM ran JOIN hits USING (id) LEFT JOIN (SELECT id, client, statement, columns FROM records WHERE kind = 'decision' AND id IN (SELECT id FROM hits)) AS d USING (id)
  ORDER BY "at", ran.id`;

/** In the order of DOUBTS. A broken connection may have left a change that no command tag counted. */
const PERHAPS = `SELECT doubt, principal, "user", role, tables, count(*) AS statements, epoch_ms(min(started)) AS first, epoch_ms(max(ended)) AS last FROM (
    SELECT ran.*, CASE
      WHEN unended THEN 'unended'
      WHEN undecided THEN 'undecided'
      WHEN status = 'lost' THEN 'lost'
      WHEN standing IS NULL OR standing = 'unknown' THEN 'policy-unknown'
      WHEN standing = 'undeclared' THEN 'subject-undeclared'
      WHEN standing = 'unrestricted' THEN 'unrestricted'
      WHEN would IS NOT NULL THEN 'observed'
      WHEN people > ids THEN 'counted'
      WHEN questions + "values" > 0 THEN 'unnamed'
      WHEN changed > 0 AND people = 0 AND NOT list_has_all(coalesce(outside.names, []), tables) THEN 'changed'
      WHEN people = 0 AND list_has_any(coalesce(unsettled.names, []), tables) THEN 'table-without-key' END AS doubt
    FROM ran LEFT JOIN standings USING (policy, role)
      LEFT JOIN table_lists AS unsettled ON unsettled.policy = ran.policy AND unsettled.what = 'unsettled'
      LEFT JOIN table_lists AS outside ON outside.policy = ran.policy AND outside.what = 'outside'
    WHERE ran.id NOT IN (SELECT id FROM hits)
  ) WHERE doubt IS NOT NULL GROUP BY ALL ORDER BY statements DESC, doubt, role, principal, "user", tables`;

const KEYS_MISSING = `SELECT name, count(*) AS statements, epoch_ms(min(started)) AS first, epoch_ms(max(ended)) AS last
  FROM (SELECT *, unnest(list_distinct(keys)) AS name FROM ran) WHERE NOT list_contains(string_split($keys, ' '), name) GROUP BY name ORDER BY name`;

/** By hash of a policy: the hashes under which its files were kept. */
async function policiesInForce(db: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db.rows<{ policy: string; kept: string[] }>(
    `SELECT "to" AS policy, list_sort(list(DISTINCT kept)) AS kept FROM records WHERE kind = 'policy' AND kept IS NOT NULL AND "to" IS NOT NULL GROUP BY "to"`,
  );
  return new Map(rows.map(({ policy, kept }) => [policy, kept]));
}

type Standing = 'restricted' | 'unrestricted' | 'undeclared' | 'unknown';

/** Makes the tables `standings` and `table_lists` from the policies at the time. @returns functions about which nothing is known. */
async function judgePolicies(db: Database, question: PersonQuestion): Promise<string[]> {
  const { policiesKept, sought } = question;
  const kept = await policiesInForce(db);
  const factsOf = (policy: string): readonly (PolicyFacts | undefined)[] => (kept.get(policy) ?? []).map(policiesKept);
  const roles = await db.rows<{ policy: string; role: string }>(
    'SELECT DISTINCT policy, role FROM ran WHERE policy IS NOT NULL AND role IS NOT NULL',
  );
  await db.run('CREATE OR REPLACE TEMP TABLE standings (policy VARCHAR, role VARCHAR, standing VARCHAR)');
  for (const { policy, role } of roles) {
    const standing = standingOf(factsOf(policy), role, sought.subject);
    await db.run('INSERT INTO standings VALUES ($policy, $role, $standing)', { policy, role, standing });
  }
  await db.run('CREATE OR REPLACE TEMP TABLE table_lists (policy VARCHAR, what VARCHAR, names VARCHAR[])');
  const tables = await db.rows<{ policy: string; names: string[] }>(
    'SELECT policy, list_distinct(flatten(list(tables))) AS names FROM ran WHERE policy IS NOT NULL GROUP BY policy',
  );
  for (const { policy, names } of tables) {
    const facts = factsOf(policy).filter((each) => each !== undefined);
    const unsettled = names.filter((table) => !isOutside(table, facts, question) && !isKeyed(table, facts, question));
    const outside = names.filter((table) => isOutside(table, facts, question));
    for (const [what, list] of Object.entries({ unsettled, outside }))
      await db.run('INSERT INTO table_lists VALUES ($policy, $what, string_split($names, chr(0)))', {
        ...{ policy, what },
        names: list.join('\0'),
      });
  }
  const known = new Set(roles.flatMap(({ policy }) => factsOf(policy).flatMap((facts) => facts?.functions ?? [])));
  const isOwn = (name: string): boolean => !name.startsWith('pg_catalog.');
  return [...known].filter((name) => isOwn(name) && question.returnsSubject(name) !== false).toSorted();
}

/** If several files share a hash, the one that proves least. */
function standingOf(all: readonly (PolicyFacts | undefined)[], role: string, subject: string): Standing {
  if (all.length === 0 || all.some((facts) => !facts?.roles.has(role))) return 'unknown';
  if (all.some((facts) => !facts?.keyTables.has(subject))) return 'undeclared';
  return all.some((facts) => facts?.unrestricted.has(role)) ? 'unrestricted' : 'restricted';
}

/** Whether rows of the table have a key of the subject, and are counted. */
function isKeyed(table: string, facts: readonly PolicyFacts[], { sought, searchPath }: PersonQuestion): boolean {
  const has = ({ keyTables }: PolicyFacts): boolean =>
    (keyTables.get(sought.subject) ?? []).some((parts) => isNamed(table, parts, searchPath));
  return facts.length > 0 && facts.every(has);
}

/**
 * Whether the table holds no rows of the subject: by the policy at the time, or by the catalog. Restricted roles see the server's own catalogs
 * filtered.
 */
function isOutside(table: string, facts: readonly PolicyFacts[], question: PersonQuestion): boolean {
  const { sought, searchPath, leadsToSubject } = question;
  if (/^(pg_catalog|information_schema)\./.test(table)) return true;
  const excluded = ({ about }: PolicyFacts): boolean =>
    about.some(({ table: parts, only }) => isNamed(table, parts, searchPath) && !only.includes(sought.subject));
  if (facts.length > 0 && facts.every(excluded)) return true;
  return !isKeyed(table, facts, question) && leadsToSubject(table) === false;
}

/** @param table from the log, with its schema. @param parts from a policy, perhaps without. */
function isNamed(table: string, parts: readonly string[], searchPath: readonly string[]): boolean {
  if (parts.length > 1) return table === parts.join('.');
  return searchPath.some((schema) => table === `${schema}.${parts[0]}`);
}
