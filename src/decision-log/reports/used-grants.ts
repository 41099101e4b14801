/** What statements have used, by role: tables and columns for each command, and the words in their texts. To find unused grants. */
import { TABLE_COMMANDS, type TableCommand } from '../../policy/model/policy.ts';
import { type RecordTable, recordsOf } from '../read/source.ts';
import { takesSomething } from '../read/statement-kinds.ts';
import { type Coverage, coverageOf } from './coverage.ts';
import { instant } from './period.ts';

/** A table or column, and the commands that may have used it: a statement counts for each command that its text may contain. */
type Used = { readonly role: string; readonly name: string } & Readonly<Record<TableCommand, boolean>>;

export interface RoleUse {
  /** `public.students`, `public.students.ine`: the commands that may have used it. */
  readonly names: ReadonlyMap<string, ReadonlySet<TableCommand>>;
  /** In lower case. */
  readonly words: ReadonlySet<string>;
  /** Some text was cut or is missing, so words may be missing too. */
  readonly isCut: boolean;
  /** The largest amounts of one statement. */
  readonly mostRows: number;
  readonly mostBytes: number;
}

export interface GrantUse {
  readonly coverage: Coverage;
  readonly roles: ReadonlyMap<string, RoleUse>;
  /** Roles that were in observe mode at some time. */
  readonly observed: readonly string[];
  /** Statements without an outcome. */
  readonly unended: number;
  /** `2026-03`, in the given time zone: months with a record. */
  readonly months: ReadonlySet<string>;
  /** By the hash of the kept text: policies in force in the time; undefined: one that was not kept. */
  readonly policies: readonly (string | undefined)[];
}

/** @param since milliseconds since the epoch. */
export async function grantUse(source: RecordTable, since: number, timeZone: string): Promise<GrantUse> {
  const { db } = source;
  const rows = <T>(sql: string): Promise<T[]> => db.rows<T>(sql, { since, zone: timeZone });
  await makeUsed(source, since);
  const names = new Map<string, Map<string, Set<TableCommand>>>();
  const ors = TABLE_COMMANDS.map((command) => `bool_or("${command}") AS "${command}"`).join(', ');
  for (const list of ['tables', 'columns']) {
    for (const used of await rows<Used>(
      `SELECT role, name, ${ors} FROM (SELECT *, unnest(${list}) AS name FROM done) GROUP BY role, name`,
    )) {
      const ofRole = names.get(used.role) ?? new Map<string, Set<TableCommand>>();
      names.set(used.role, ofRole.set(used.name, new Set(TABLE_COMMANDS.filter((command) => used[command]))));
    }
  }
  const texts = await rows<{ role: string; statement?: string }>('SELECT DISTINCT role, statement FROM done');
  const most = await rows<{ role: string; rows: number; bytes: number }>(
    `SELECT role, max("rows") AS "rows", max(bytes) AS bytes FROM (
       SELECT role, "rows", bytes FROM digests WHERE ${ADDED_UP} UNION ALL
       SELECT d.role, o."rows", o.bytes FROM apart AS d JOIN apart AS o USING (id)
       WHERE d.kind = 'decision' AND o.kind = 'outcome' AND d.role IS NOT NULL AND d.time >= ${instant('$since')}) GROUP BY role`,
  );
  const roles = new Map<string, RoleUse>();
  for (const role of new Set(texts.map((text) => text.role))) {
    const ofRole = texts.filter((text) => text.role === role).map(({ statement }) => statement);
    const taken = most.find((each) => each.role === role);
    roles.set(role, {
      names: names.get(role) ?? new Map(),
      words: new Set(ofRole.flatMap((text) => text?.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? [])),
      isCut: ofRole.some((text) => text === undefined || text.endsWith('…')),
      mostRows: taken?.rows ?? 0,
      mostBytes: taken?.bytes ?? 0,
    });
  }
  const observed = await rows<{ role: string }>('SELECT DISTINCT role FROM done WHERE would IS NOT NULL ORDER BY role');
  const [{ unended } = { unended: 0 }] = await rows<{ unended: number }>(
    `SELECT count(*) AS unended FROM apart AS d WHERE kind = 'decision' AND effect NOT IN ('refuse', 'lock') AND ${takesSomething('command')}
       AND time >= ${instant('$since')} AND NOT EXISTS (FROM apart AS o WHERE o.kind = 'outcome' AND o.id = d.id)`,
  );
  const months = await rows<{ month: string }>(
    `SELECT DISTINCT strftime(timezone($zone, timezone('UTC', time)), '%Y-%m') AS month
     FROM (SELECT time FROM fresh UNION ALL SELECT time FROM digests WHERE digest = 'quarter')`,
  );
  const policies = await rows<{ kept?: string }>(
    `SELECT DISTINCT p.kept FROM (SELECT DISTINCT policy FROM done) AS d
     LEFT JOIN (SELECT "to" AS policy, kept FROM events WHERE kind = 'policy') AS p USING (policy)`,
  );
  return {
    coverage: await coverageOf(source, since),
    roles,
    observed: observed.map(({ role }) => role),
    unended,
    months: new Set(months.map(({ month }) => month)),
    policies: policies.map(({ kept }) => kept),
  };
}

/** Of files whose statements were all decided in the time. */
const ADDED_UP = `digest = 'use' AND index NOT IN (SELECT index FROM cut)`;

/** Makes `done`, what allowed statements named; and `apart`, the records of statements that digests do not add up. */
async function makeUsed({ db }: RecordTable, since: number): Promise<void> {
  await db.run(
    `CREATE OR REPLACE TEMP TABLE cut AS SELECT DISTINCT index FROM digests WHERE digest = 'use' AND time < ${instant('$since')}`,
    { since },
  );
  const cut = await db.rows<{ index: string }>('SELECT index FROM cut');
  const needed = 'kind, time, id, role, command, statement, tables, columns, would, policy, effect, "rows", bytes';
  const ofCut =
    cut.length === 0
      ? ''
      : `UNION ALL SELECT ${needed} FROM (${recordsOf(cut.map(({ index }) => index))}) WHERE kind IN ('decision', 'outcome')`;
  await db.run(
    `CREATE OR REPLACE TEMP VIEW apart AS SELECT ${needed} FROM fresh WHERE kind IN ('decision', 'outcome') ${ofCut}
     UNION ALL SELECT ${needed} FROM digests WHERE digest = 'loose' AND index NOT IN (SELECT index FROM cut)`,
  );
  const used = 'role, command, statement, tables, columns, would, policy';
  await db.run(
    `CREATE OR REPLACE TEMP TABLE done AS SELECT ${used}, ${TABLE_COMMANDS.map((command) => `${mayBe(command)} AS "${command}"`).join(', ')} FROM (
       SELECT ${used}, effect FROM digests WHERE ${ADDED_UP} UNION ALL
       SELECT ${used}, effect FROM apart WHERE kind = 'decision' AND time >= ${instant('$since')})
     WHERE role IS NOT NULL AND effect NOT IN ('refuse', 'lock')`,
    { since },
  );
}

/**
 * Every statement may read. Commands that the text cannot exclude count too: EXECUTE and FETCH run prepared statements and cursors, and COPY FROM
 * inserts.
 */
function mayBe(command: TableCommand): string {
  if (command === 'select') return 'true';
  const also = command === 'insert' ? " OR command = 'COPY'" : '';
  return `(statement IS NULL OR ends_with(statement, '…') OR regexp_matches(statement, '\\b(${command}|merge)\\b', 'i')
    OR command IN ('EXECUTE', 'FETCH', 'CALL', 'DO')${also})`;
}
