/**
 * What the log says about one data subject: statements that certainly concerned the person, those that perhaps did, and what is not known. A
 * statement is in none of the lists only if the log and the policy at the time prove that it concerned others only.
 */
import { subjectCounts } from '../read/columns.ts';
import { type Database, duckdbLiteral, type Parameter } from '../read/duckdb.ts';
import { type RecordTable, reading, recordsOf } from '../read/source.ts';
import { takesSomething } from '../read/statement-kinds.ts';
import { subjectId } from '../subject-ids.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { instant, type Period, parametersOf } from './period.ts';
import type { PolicyFacts } from './policy-texts.ts';
import type { PersonSearch } from './subject.ts';

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
  readonly sought: PersonSearch;
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
    `SELECT DISTINCT unnest(map_keys(subjects)) AS name FROM fresh WHERE subjects IS NOT NULL
     UNION SELECT subject FROM digests WHERE digest = 'subject'`,
  );
  const declared = [...(await policiesInForce(db)).values()].flatMap((kept) =>
    kept.flatMap((hash) => [...(policiesKept(hash)?.keyTables.keys() ?? [])]),
  );
  return new Set([...named.map(({ name }) => name), ...declared]);
}

/** See `PersonFound` for what the lists prove. Makes temporary tables in the source's database. */
export async function personOf(source: RecordTable, question: PersonQuestion): Promise<PersonFound> {
  const { db, strange } = source;
  const { subject, key, keys } = question.sought;
  const ids = keys.map((each) => subjectId(each, subject, key)).join(' ');
  const parameters = { ...parametersOf(question), subject, ids, keys: keys.map(({ name }) => name).join(' ') };
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, parameters);
  await makeRan(source, parameters);
  const functions = await judgePolicies(db, question);
  await tellApart(db, parameters);
  return {
    coverage: await coverageOf(source, question.since),
    certainly: await rows(CERTAINLY),
    perhaps: await rows(PERHAPS),
    keysMissing: await rows(KEYS_MISSING),
    functions,
    strange,
  };
}

/** Whether a record names one of the ids. */
const NAMED = `kind IN ('outcome', 'seen') AND list_has_any(coalesce(subjects[$subject].ids, []), string_split($ids, ' '))`;

/**
 * Makes `hits`, the ids of statements that name the person: in their outcome, or while they ran; and `ran`, of those that ran, or were to run, in the time and
 * were not refused, a row each, or one for `n` that are alike (without `id`, from a digest).
 */
async function makeRan(source: RecordTable, parameters: Record<string, Parameter>): Promise<void> {
  const { db } = source;
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, parameters);
  // Of a file that the time begins or ends in, some of what its digest adds up is meant, and some is not.
  const cut = (
    await rows<{ index: string }>(
      `SELECT DISTINCT index FROM digests WHERE digest = 'ran' AND time < ${instant('$until')} AND ended >= ${instant('$since')}
       AND NOT (last_started < ${instant('$until')} AND first_ended >= ${instant('$since')})`,
    )
  ).map(({ index }) => index);
  const digested = source.indexes.filter((index) => !cut.includes(index));
  const beside = [
    `SELECT ${NEEDED} FROM digests WHERE digest = 'loose' AND index NOT IN (${listed(cut)})`,
    ...(cut.length > 0 ? [`SELECT ${NEEDED} FROM (${recordsOf(cut)}) WHERE ${OF_STATEMENTS}`] : []),
  ].join(' UNION ALL ');
  await db.run(`CREATE OR REPLACE TEMP TABLE beside AS ${beside}`);
  await db.run(
    `CREATE OR REPLACE TEMP VIEW apart AS SELECT ${NEEDED} FROM fresh WHERE ${OF_STATEMENTS} UNION ALL SELECT * FROM beside`,
  );
  await findDecisions(db, digested);
  await db.run(`CREATE OR REPLACE TEMP TABLE hits AS SELECT DISTINCT id FROM apart WHERE ${NAMED}`, parameters);
  await db.run(
    `CREATE OR REPLACE TEMP TABLE ran AS SELECT *, 1::BIGINT AS n, CAST(NULL AS VARCHAR) AS index FROM (${ranOf('apart')})`,
    parameters,
  );
  await findHits(db, digested, parameters);
  await db.run(
    `INSERT INTO ran BY NAME SELECT principal, "user", role, policy, tables, would, status, changed, n, time AS started, ended, index, false AS undecided, false AS unended,
       coalesce(one.counted, false) AS counted, coalesce(one.told, false) AS told, NOT coalesce(one.people, false) AS nobody, coalesce(one.ids, false) AS named,
       coalesce(one.keys, []) AS keys
     FROM (SELECT *, list_filter(told, lambda one: one.name = $subject)[1] AS one FROM digests
       WHERE digest = 'ran' AND index NOT IN (${listed(cut)}) AND time < ${instant('$until')} AND ended >= ${instant('$since')})`,
    parameters,
  );
}

const OF_STATEMENTS = "kind IN ('decision', 'outcome', 'seen') AND id IS NOT NULL";

/** Fields that statements are told from. */
const NEEDED = `kind, time, id, principal, "user", role, client, policy, command, statement, tables, columns, would, effect, status, "rows", changed, subjects`;

/** Statements of these records; each has one row, also where its decision or its outcome is not among them. */
function ranOf(records: string): string {
  return `SELECT id, started, ended, principal, "user", role, policy, command, tables, would, undecided, status, "rows", changed, unended, keys,
      people > ids AS counted, questions + "values" > 0 AS told, people = 0 AS nobody, ids > 0 AS named FROM (
    SELECT coalesce(d.id, o.id) AS id, coalesce(d.time, o.time) AS started, coalesce(o.time, d.time) AS ended,
      coalesce(d.principal, o.principal) AS principal, d."user", d.role, d.policy, d.command, coalesce(d.tables, []) AS tables, d.would,
      d.id IS NULL AS undecided, o.status, coalesce(o."rows", 0) AS "rows", coalesce(o.changed, 0) AS changed,
      coalesce(d.effect IN ('refuse', 'lock') OR o.status IN ('refused', 'skipped'), false) AS refused,
      o.id IS NULL AND coalesce(d.effect, '') NOT IN ('refuse', 'lock') AND ${takesSomething('d.command')} AS unended,
      coalesce(len(o.subjects[$subject].ids), 0) + coalesce(s.ids, 0) AS ids,
      list_concat(coalesce(list_distinct(list_transform(o.subjects[$subject].ids, lambda one: split_part(one, ':', 1))), []), coalesce(s.keys, [])) AS keys,
      ${subjectCounts('o.subjects[$subject].')}
    FROM (SELECT * FROM ${records} WHERE kind = 'decision' AND time < ${instant('$until')}) AS d
    FULL JOIN (SELECT * FROM ${records} WHERE kind = 'outcome' AND time >= ${instant('$since')}) AS o ON d.id = o.id
    LEFT JOIN (SELECT id, sum(len(subjects[$subject].ids)) AS ids,
        list_distinct(flatten(list(list_transform(subjects[$subject].ids, lambda one: split_part(one, ':', 1))))) AS keys
      FROM ${records} WHERE kind = 'seen' AND subjects[$subject].ids IS NOT NULL GROUP BY id) AS s ON s.id = coalesce(d.id, o.id)
    WHERE coalesce(d.time, o.time) < ${instant('$until')} AND coalesce(o.time, d.time) >= ${instant('$since')}
  ) WHERE NOT refused AND (command IS NULL OR ${takesSomething('command')})`;
}

/** Adds the decisions of outcomes that stand alone in `apart`: a digest leaves out decisions that show nothing and have no outcome in their file. */
async function findDecisions(db: Database, digested: readonly string[]): Promise<void> {
  const alone = `SELECT id, principal FROM apart WHERE kind = 'outcome' AND id NOT IN (SELECT id FROM apart WHERE kind = 'decision')`;
  const principals = await db.rows<{ principal?: string }>(`SELECT DISTINCT principal FROM (${alone})`);
  if (principals.length === 0 || digested.length === 0) return;
  await db.run(
    `INSERT INTO beside SELECT ${NEEDED} FROM (${recordsOf(digested)}) WHERE kind = 'decision' AND ${among(
      'principal',
      principals.map(({ principal }) => principal),
    )}
       AND id IN (SELECT id FROM (${alone}))`,
  );
}

/** Finds the person in the files of digests; these statements are in `ran` with `n` 0: their digests count them. */
async function findHits(
  db: Database,
  digested: readonly string[],
  parameters: Record<string, Parameter>,
): Promise<void> {
  const places = await db.rows<{ index: string; principal?: string; seqs: number[] }>(
    `SELECT index, principal, seqs FROM digests WHERE digest = 'person' AND index IN (${listed(digested)}) AND subject = $subject
       AND person IN (${listed(String(parameters.ids).split(' '))})`,
    parameters,
  );
  const indexes = [...new Set(places.map(({ index }) => index))];
  const ofThese = among(
    'principal',
    places.map(({ principal }) => principal),
  );
  const seqs = places.flatMap((place) => place.seqs);
  const found = `SELECT DISTINCT id, index, principal FROM ${reading(indexes)}
    WHERE digest IS NULL AND ${ofThese} AND seq IN (${seqs.join(', ')}) AND ${NAMED}`;
  const none = 'SELECT id, CAST(NULL AS VARCHAR) AS index, principal FROM apart WHERE false';
  await db.run(`CREATE OR REPLACE TEMP TABLE found AS ${seqs.length > 0 ? found : none}`, parameters);
  // INVARIANT 144: a statement that named the person is one of theirs, whatever other records bear its id.
  await db.run('INSERT INTO hits SELECT DISTINCT id FROM found WHERE id NOT IN (SELECT id FROM hits)');
  const met = `SELECT ${NEEDED} FROM (${recordsOf(indexes)}) WHERE kind IN ('decision', 'outcome') AND ${ofThese}
    AND id IN (SELECT id FROM found) AND id NOT IN (${looseIn(indexes)})`;
  await db.run(`CREATE OR REPLACE TEMP TABLE met AS ${seqs.length > 0 ? met : 'SELECT * FROM apart WHERE false'}`);
  await db.run(`INSERT INTO ran BY NAME SELECT *, 0::BIGINT AS n FROM (${ranOf('met')})`, parameters);
}

/** Rows that are in doubt, and may add up the person's own statements with others: they are made again, a row for each statement. */
async function tellApart(db: Database, parameters: Record<string, Parameter>): Promise<void> {
  const mixed = await db.rows<{ index: string; principal?: string }>(
    `SELECT DISTINCT index, principal FROM (${IN_DOUBT}) AS r WHERE id IS NULL AND named AND doubt IS NOT NULL
       AND EXISTS (FROM found AS f WHERE f.index = r.index AND f.principal IS NOT DISTINCT FROM r.principal)`,
  );
  for (const { index, principal } of mixed) {
    const own = among('principal', [principal]);
    await db.run(
      `CREATE OR REPLACE TEMP TABLE again AS SELECT ${NEEDED} FROM (${recordsOf([index])}) WHERE ${own} AND ${OF_STATEMENTS} AND id NOT IN (${looseIn([index])})`,
    );
    await db.run(
      `DELETE FROM ran WHERE ${own} AND (index = ${duckdbLiteral(index)} OR n = 0 AND id IN (SELECT id FROM again))`,
    );
    await db.run(`INSERT INTO ran BY NAME SELECT *, 1::BIGINT AS n FROM (${ranOf('again')})`, parameters);
  }
}

/** Of statements that are not whole in these files, and so in `apart`. */
function looseIn(indexes: readonly string[]): string {
  return `SELECT id FROM digests WHERE digest = 'loose' AND index IN (${listed(indexes)}) AND id IS NOT NULL`;
}

function listed(texts: readonly string[]): string {
  return texts.length === 0 ? "''" : texts.map(duckdbLiteral).join(', ');
}

/** As an SQL condition that row groups can be passed over by. */
function among(column: string, values: readonly (string | undefined)[]): string {
  const named = values.filter((value) => value !== undefined);
  return `(${column} IN (${listed([...new Set(named)])})${named.length < values.length ? ` OR ${column} IS NULL` : ''})`;
}

const CERTAINLY = `SELECT ran.id, epoch_ms(ran.started) AS "at",
    CASE WHEN ran.changed > 0 THEN 'changed' WHEN ran."rows" > 0 OR ran.unended THEN 'shown' ELSE 'asked' END AS what,
    ran.principal, ran."user", d.client, ran.role, ran.command, d.statement, coalesce(d.columns, []) AS columns, ran."rows", ran.changed
  FROM ran JOIN hits USING (id) LEFT JOIN (
      SELECT id, client, statement, columns FROM (SELECT * FROM apart UNION ALL SELECT * FROM met) WHERE kind = 'decision' AND id IN (SELECT id FROM hits)
    ) AS d USING (id)
  ORDER BY "at", ran.id`;

/** In the order of DOUBTS. A broken connection may have left a change that no command tag counted. */
const IN_DOUBT = `SELECT ran.*, CASE
      WHEN unended THEN 'unended'
      WHEN undecided THEN 'undecided'
      WHEN status = 'lost' THEN 'lost'
      WHEN standing IS NULL OR standing = 'unknown' THEN 'policy-unknown'
      WHEN standing = 'undeclared' THEN 'subject-undeclared'
      WHEN standing = 'unrestricted' THEN 'unrestricted'
      WHEN would IS NOT NULL THEN 'observed'
      WHEN counted THEN 'counted'
      WHEN told THEN 'unnamed'
      WHEN changed > 0 AND nobody AND NOT list_has_all(coalesce(outside.names, []), tables) THEN 'changed'
      WHEN nobody AND list_has_any(coalesce(unsettled.names, []), tables) THEN 'table-without-key' END AS doubt
    FROM ran LEFT JOIN standings USING (policy, role)
      LEFT JOIN table_lists AS unsettled ON unsettled.policy = ran.policy AND unsettled.what = 'unsettled'
      LEFT JOIN table_lists AS outside ON outside.policy = ran.policy AND outside.what = 'outside'
    WHERE ran.id IS NULL OR ran.id NOT IN (SELECT id FROM hits)`;

const PERHAPS = `SELECT doubt, principal, "user", role, tables, sum(n)::BIGINT AS statements, epoch_ms(min(started)) AS first, epoch_ms(max(ended)) AS last
  FROM (${IN_DOUBT}) WHERE doubt IS NOT NULL GROUP BY ALL ORDER BY statements DESC, doubt, role, principal, "user", tables`;

const KEYS_MISSING = `SELECT name, sum(n)::BIGINT AS statements, epoch_ms(min(started)) AS first, epoch_ms(max(ended)) AS last
  FROM (SELECT *, unnest(list_distinct(keys)) AS name FROM ran) WHERE NOT list_contains(string_split($keys, ' '), name) GROUP BY name HAVING sum(n) > 0 ORDER BY name`;

/** By hash of a policy: the hashes under which its files were kept. */
async function policiesInForce(db: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db.rows<{ policy: string; kept: string[] }>(
    `SELECT "to" AS policy, list_sort(list(DISTINCT kept)) AS kept FROM events WHERE kind = 'policy' AND kept IS NOT NULL AND "to" IS NOT NULL GROUP BY "to"`,
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
