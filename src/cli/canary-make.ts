/** Makes up people for a table of the database: reads a sample of it, and writes nothing. */
import { randomInt, randomUUID } from 'node:crypto';
import pg from 'pg';
import { connected } from '../app/ask-server.ts';
import { readPolicies } from '../app/read-policies.ts';
import { readCatalog } from '../catalog/read.ts';
import type { Config } from '../config/config.ts';
import { qualifiedName, quoteIdentifier, resolveRelation } from '../policy/compile/names.ts';
import { canaryHash } from '../policy/model/canaries.ts';
import type { Subject } from '../policy/model/policy.ts';
import { Catalog, type Column, type Relation } from '../sql/catalog/catalog.ts';
import { type ColumnKind, type SampledColumn, SampledPeople, type SampleRow } from './plausible-person.ts';

export interface MadeCanary {
  readonly subject: string;
  /** One INSERT for each person, for an account that may write to the table. */
  readonly inserts: readonly string[];
  /** For `subjects.yaml`. */
  readonly canaries: readonly string[];
}

/** Nothing could be made; the message is for the DBA. */
export class CannotMake extends Error {}

const SAMPLE_ROWS = 5_000;
const MOST_TRIES = 200;

/** @param given values of columns that must be so. Throws CannotMake. The parser must be loaded. */
export async function makeCanaries(
  config: Config,
  key: Uint8Array,
  table: string,
  count: number,
  given: SampleRow,
): Promise<MadeCanary> {
  const client = await connected(config.upstream);
  try {
    const query = async (sql: string) => (await client.query<Record<string, unknown>>(sql)).rows;
    const catalog = new Catalog(await readCatalog(query));
    const { policy } = await readPolicies(config, catalog);
    const found = resolveRelation(catalog, config.searchPath, table);
    if ('problem' in found) throw new CannotMake(found.problem);
    const subjects = [...(policy.subjects?.values() ?? [])];
    const { subject, column } = subjectOf(found.value, table, subjects);
    const place = new Table(client, found.value, column, await columnsOf(client, found.value, column));
    for (const name of Object.keys(given)) {
      if (!place.columns.some((one) => one.name === name && one.kind !== 'key'))
        throw new CannotMake(`column "${name}" of relation "${found.value.name}" cannot be set`);
    }
    const people = new SampledPeople(await place.sample(), place.columns, (n) => randomInt(n));
    const inserts: string[] = [];
    const canaries: string[] = [];
    for (let n = 0; n < count; n += 1) {
      const person: Record<string, string | null> = { ...people.make(given) };
      for (const { name, kind } of place.columns) {
        if (kind === 'unique' && given[name] === undefined) person[name] = await place.unused(name, people);
      }
      const own = await place.newKey(people);
      inserts.push(place.insert({ [column.name]: own, ...person }));
      canaries.push(canaryHash(key, subject, own));
    }
    return { subject, inserts, canaries };
  } finally {
    await client.end().catch(() => {});
  }
}

function subjectOf(
  relation: Relation,
  table: string,
  subjects: readonly Subject[],
): { subject: string; column: Column } {
  for (const { name, keys } of subjects) {
    const [first] = keys;
    if (first?.relation.oid === relation.oid) return { subject: name, column: first.column };
  }
  const tables = subjects.map(({ keys }) => keys[0]?.relation.name).filter((name) => name !== undefined);
  const known = tables.length > 0 ? `: ${tables.join(', ')}` : '';
  throw new CannotMake(
    `"${table}" does not hold one row for each person of a subject; subjects.yaml says which do${known}`,
  );
}

/** Columns that an INSERT must or may name, and what they are. */
async function columnsOf(client: pg.Client, relation: Relation, key: Column): Promise<SampledColumn[]> {
  const named = async (sql: string): Promise<Set<number>> =>
    new Set((await client.query<{ attnum: number }>(sql, [relation.oid])).rows.map(({ attnum }) => attnum));
  const unique = await named(
    'SELECT indkey[0]::int AS attnum FROM pg_index WHERE indrelid = $1 AND indisunique AND indnkeyatts = 1',
  );
  const references = await named(
    "SELECT unnest(conkey)::int AS attnum FROM pg_constraint WHERE conrelid = $1 AND contype = 'f'",
  );
  const shown = relation.columns.filter(({ generated, identity, attnum }) => {
    if (attnum === key.attnum) return true;
    return generated === '' && identity === '';
  });
  return shown.map(({ attnum, name, typeName, notNull }) => {
    let kind: ColumnKind = kindOf(typeName);
    if (attnum === key.attnum) kind = 'key';
    else if (unique.has(attnum)) kind = 'unique';
    else if (references.has(attnum)) kind = 'reference';
    return { name, kind, notNull };
  });
}

function kindOf(typeName: string): ColumnKind {
  if (/^(text|character|name)/.test(typeName)) return typeName.endsWith(']') ? 'other' : 'text';
  if (/^(date|timestamp)/.test(typeName)) return typeName.endsWith(']') ? 'other' : 'date';
  return /^(smallint|integer|bigint|numeric|real|double|boolean)[^[]*$/.test(typeName) ? 'plain' : 'other';
}

class Table {
  /** Values generated so far, which must not repeat. */
  private readonly taken = new Set<string>();

  constructor(
    private readonly client: pg.Client,
    private readonly relation: Relation,
    private readonly key: Column,
    readonly columns: readonly SampledColumn[],
  ) {}

  async sample(): Promise<SampleRow[]> {
    const { rows: size } = await this.client.query<{ n: number }>(
      'SELECT greatest(sum(reltuples), 0)::float8 AS n FROM pg_class WHERE oid IN (SELECT relid FROM pg_partition_tree($1) UNION SELECT $1::oid)',
      [this.relation.oid],
    );
    const percent = (100 * 4 * SAMPLE_ROWS) / Math.max(1, size[0]?.n ?? 0);
    const list = this.columns.map(({ name }) => `${quoteIdentifier(name)}::text`).join(', ');
    const from = `${qualifiedName(this.relation)}${percent < 100 ? ` TABLESAMPLE SYSTEM (${percent.toFixed(4)})` : ''}`;
    await this.client.query("SET DateStyle = 'ISO'");
    const { rows } = await this.client.query<SampleRow>(
      `SELECT ${list} FROM ${from} ORDER BY random() LIMIT ${SAMPLE_ROWS}`,
    );
    if (rows.length === 0) throw new CannotMake(`"${this.relation.name}" holds no row yet to resemble`);
    return rows;
  }

  /** A key between others, where one is free, or the next one of its sequence. */
  async newKey(people: SampledPeople): Promise<string> {
    const { name, typeName } = this.key;
    if (typeName === 'uuid') return randomUUID();
    if (!/^(smallint|integer|bigint)$/.test(typeName)) return this.unused(name, people);
    const column = quoteIdentifier(name);
    const table = qualifiedName(this.relation);
    const { rows } = await this.client.query<{ least: string; most: string }>(
      `SELECT min(${column})::text AS least, max(${column})::text AS most FROM ${table}`,
    );
    const [least, most] = [Number(rows[0]?.least), Number(rows[0]?.most)];
    if (Number.isSafeInteger(most) && most - least > 1 && most - least < 2 ** 47) {
      const tries = Array.from({ length: MOST_TRIES }, () => String(randomInt(least, most)));
      const free = await this.free(name, tries);
      if (free !== undefined) return free;
    }
    return this.nextKey(table, name);
  }

  private async nextKey(table: string, name: string): Promise<string> {
    try {
      const { rows } = await this.client.query<{ next: string }>(
        'SELECT nextval(pg_get_serial_sequence($1, $2))::text AS next',
        [table, name],
      );
      const next = rows[0]?.next;
      if (typeof next === 'string') return next;
    } catch (error) {
      throw new CannotMake(
        `no key of "${this.relation.name}" is free, and its sequence cannot be asked: ${(error as Error).message}`,
      );
    }
    throw new CannotMake(
      `no key of "${this.relation.name}" is free between others, and there is no sequence that gives the next`,
    );
  }

  /** A value in the pattern of the others that is not in the table. */
  async unused(name: string, people: SampledPeople): Promise<string> {
    const free = await this.free(
      name,
      Array.from({ length: MOST_TRIES }, () => people.inPattern(name)),
    );
    if (free === undefined)
      throw new CannotMake(`no value that is not in use could be made up for "${name}"; give one by --set`);
    return free;
  }

  private async free(name: string, tries: readonly string[]): Promise<string | undefined> {
    const column = quoteIdentifier(name);
    const { rows } = await this.client.query<{ value: string }>(
      `SELECT value FROM unnest($1::text[]) WITH ORDINALITY AS t (value, n)
       WHERE NOT EXISTS (SELECT FROM ${qualifiedName(this.relation)} WHERE ${column} = value::${this.typeOf(name)}) ORDER BY n`,
      [tries],
    );
    const free = rows.map(({ value }) => value).find((value) => !this.taken.has(`${name}\0${value}`));
    if (free !== undefined) this.taken.add(`${name}\0${free}`);
    return free;
  }

  private typeOf(name: string): string {
    return this.relation.columns.find((column) => column.name === name)?.typeName ?? 'text';
  }

  insert(person: SampleRow): string {
    const names = this.columns.map(({ name }) => name).filter((name) => person[name] !== undefined);
    const values = names.map((name) => {
      const value = person[name];
      return value === null || value === undefined ? 'NULL' : pg.escapeLiteral(value);
    });
    const overriding = this.key.identity === 'a' ? ' OVERRIDING SYSTEM VALUE' : '';
    return `INSERT INTO ${qualifiedName(this.relation)} (${names.map(quoteIdentifier).join(', ')})${overriding} VALUES (${values.join(', ')});`;
  }
}
