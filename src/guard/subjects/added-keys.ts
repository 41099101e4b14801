/** Finds how keys that a client did not ask for can be written in its query, so that the rows are named: for the guard alone, which takes them out again. */

import { spell } from '../../sql/analyze/column.ts';
import type { QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Oid } from '../../sql/catalog/catalog.ts';
import { quoteName } from '../../sql/parse/tree.ts';
import type { Template } from '../../sql/text/template.ts';
import { baseType } from '../../sql/types/type.ts';
import { isDistinct, isTable } from '../rewrite/export-ok.ts';
import type { AddedKeys } from './disclosure.ts';
import { KEY_WIDTHS } from './key-types.ts';
import type { LevelReader } from './level-reader.ts';
import type { RowsKey } from './rows.ts';

const MOST_KEYS = 32;
/** Nested queries: each writes all keys again. */
const MOST_DEEP = 12;
/** As PostgreSQL has it for a select list, with some to spare. */
const MOST_COLUMNS = 1_600;

const CARRIED = 'rowgate_key_';

/** What is added at the end of the lists of a statement's queries. */
export interface KeyPlan {
  readonly added: AddedKeys;
  /** The last column of the statement. */
  readonly expression: Template;
  /** What queries inside it give besides, under names that no client may use. */
  readonly inside: ReadonlyMap<QueryLevel, readonly { readonly text: string; readonly name: string }[]>;
  /** FROM items that have more columns by it. */
  readonly carrying: ReadonlySet<RangeTableEntry>;
}

interface Spelled {
  readonly text: string;
  /** It is a JSON array of the keys of many. */
  readonly list: boolean;
  readonly type: Oid;
}

/** For one statement, whose subjects are looked for one after the other. */
export class KeySpelling {
  private keys: Spelled[] = [];
  private readonly inside = new Map<QueryLevel, readonly { readonly text: string; readonly name: string }[]>();
  private readonly carrying = new Set<RangeTableEntry>();
  private names = 0;

  constructor(private readonly catalog: Catalog) {}

  /** The numbers of the keys among those that are added; undefined if one of them cannot be added: then none is. */
  add(reader: LevelReader, top: QueryLevel, keys: readonly RowsKey[]): readonly number[] | undefined {
    const before = { names: this.names, inside: [...this.inside] };
    const found = keys.map((key) => this.in(reader, top, key, 0));
    if (this.keys.length + keys.length > MOST_KEYS || found.some((one) => one === undefined)) {
      this.names = before.names;
      this.inside.clear();
      for (const [level, list] of before.inside) this.inside.set(level, list);
      return undefined;
    }
    const first = this.keys.length;
    this.keys.push(...(found as Spelled[]));
    return keys.map((_, i) => first + i);
  }

  /** undefined: nothing is added. */
  plan(): KeyPlan | undefined {
    const { keys, inside, carrying } = this;
    if (keys.length === 0) return undefined;
    const widths = keys.flatMap(({ list, type }) => (list ? [] : (KEY_WIDTHS.get(baseType(this.catalog, type)) ?? [])));
    if (widths.length === keys.length) {
      const parts = keys.map(
        ({ text }, i) => `pg_catalog.lpad(COALESCE((${text})::pg_catalog.text, ''), ${widths[i]!})`,
      );
      return {
        added: { format: 'fixed', widths },
        expression: [`pg_catalog.concat(${parts.join(', ')})`],
        inside,
        carrying,
      };
    }
    const parts = keys.map(({ text, list }) => (list ? text : `(${text})::pg_catalog.text`));
    const expression = [`pg_catalog.json_build_array(${parts.join(', ')})::pg_catalog.text`];
    return { added: { format: 'json', count: keys.length }, expression, inside, carrying };
  }

  private in(reader: LevelReader, level: QueryLevel, key: RowsKey, depth: number): Spelled | undefined {
    if (depth > MOST_DEEP || !(takesAnother(level, key.list) || (depth === 0 && mayReturn(reader, level))))
      return undefined;
    for (const { entry, column, inner } of key.key.origins) {
      if (entry.level !== level || !entry.nameVisible) continue;
      const text = column && spell(entry, column);
      const found = text !== undefined ? { text, list: false, type: key.key.type } : undefined;
      const spelled = found ?? (inner && this.through(reader, level, entry, inner, depth));
      if (!spelled) continue;
      if (!key.list) return spelled;
      const item = spelled.list ? 'json' : 'text';
      return { ...spelled, text: `pg_catalog.json_agg((${spelled.text})::pg_catalog.${item})`, list: true };
    }
    return undefined;
  }

  /** What a query of its own finds, it gives as a column. */
  private through(
    reader: LevelReader,
    level: QueryLevel,
    entry: RangeTableEntry,
    inner: RowsKey['key'],
    depth: number,
  ): Spelled | undefined {
    const query = queryOf(reader, entry);
    if (!query || !mayCarry(reader, level, entry)) return undefined;
    const key = reader.rowsOf(query).keys.find((one) => one.key === inner);
    const found = key && this.in(reader, query, key, depth + 1);
    if (!found) return undefined;
    this.names += 1;
    const name = `${CARRIED}${this.names}`;
    this.inside.set(query, [...(this.inside.get(query) ?? []), { text: found.text, name }]);
    this.carrying.add(entry);
    return { ...found, text: `${quoteName(entry.rename ?? entry.name ?? '')}.${name}` };
  }
}

/** A query that is read in one place: others would have more columns, too. */
function queryOf({ analysis }: LevelReader, { source }: RangeTableEntry): QueryLevel | undefined {
  if (source.kind === 'query') return source.level;
  if (source.kind !== 'cte' || source.cte.recursions.length > 0) return undefined;
  const { cteReferences } = analysis.marks;
  const places = cteReferences.filter(({ entry }) => entry.source.kind === 'cte' && entry.source.cte === source.cte);
  return places.length === 1 ? source.cte.level : undefined;
}

/** Rows as a whole would have it in them, and stars must be written out, which some cannot. */
function mayCarry({ analysis: { marks } }: LevelReader, level: QueryLevel, entry: RangeTableEntry): boolean {
  if (entry.name === undefined && entry.rename === undefined) return false;
  if (marks.wholeRows.some((row) => row.entry === entry || row.entry.source.kind === 'join')) return false;
  if (marks.rowStars.length > 0 || marks.rowFields.some((field) => field.entry === entry)) return false;
  return marks.stars.every((star) => {
    const concerned = star.level === level || star.columns.some((column) => column.entry === entry);
    return !concerned || star.columns.every((found) => spell(found.entry, found.column) !== undefined);
  });
}

/** Another column does not change its rows. `list`: the column is beside aggregates. */
function takesAnother({ kind, select, aggregated, groupingSets, outputs }: QueryLevel, list: boolean): boolean {
  if (kind !== 'select' || !select || aggregated !== list || groupingSets || isDistinct(select)) return false;
  if (select.intoClause || !select.targetList?.length || outputs.length >= MOST_COLUMNS) return false;
  return !isTable(select.targetList);
}

/** An UPDATE or DELETE can return the keys of its rows. A rule that has no RETURNING of its own would make it fail. */
function mayReturn({ analysis }: LevelReader, level: QueryLevel): boolean {
  const write = analysis.marks.writes.find((one) => one.level === level);
  if (write?.target?.source.kind !== 'relation' || !['UpdateStmt', 'DeleteStmt'].includes(write.command)) return false;
  const { rules } = write.target.source.view.relation;
  return !rules.some((event) => write.events.includes(event));
}
