/** Finds how the keys of those in each row of a query can be written in its select list, through subqueries and CTEs that give one row for each of theirs. */

import { keysOn } from '../../policy/compile/subjects.ts';
import type { RolePolicy, Subject } from '../../policy/model/policy.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { spell } from '../../sql/analyze/column.ts';
import type { Cte, QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Column, Relation } from '../../sql/catalog/catalog.ts';
import { as, quoteName } from '../../sql/parse/tree.ts';
import { baseType } from '../../sql/types/type.ts';
import type { Draft } from '../draft.ts';
import { KEY_WIDTHS } from '../subjects/key-types.ts';
import { isDistinct, isTable } from './export-ok.ts';
import { type CarriedColumn, ROW } from './names.ts';

const MOST_KEYS = 32;
/** Nested queries: each writes all keys again. */
const MOST_DEEP = 8;
/** As PostgreSQL has it for a select list, with some to spare. */
const MOST_COLUMNS = 1_600;

const CARRIED = 'rowgate_canary_';

interface Found {
  readonly subject: string;
  readonly width: number;
  readonly text: string;
}

/** Of one statement. What is found is noted, and so what carries it. */
export class KeySearch {
  readonly exported = new Map<RangeTableEntry, CarriedColumn[]>();
  readonly inside = new Map<QueryLevel, CarriedColumn[]>();
  /** Stars that cannot be written out. */
  private readonly unspelled: readonly { readonly level: QueryLevel; readonly entries: ReadonlySet<RangeTableEntry> }[];
  private names = 0;
  private found = 0;

  constructor(
    private readonly draft: Draft,
    private readonly analysis: Analysis,
    private readonly subjects: readonly Subject[],
  ) {
    this.unspelled = analysis.marks.stars
      .filter((star) => star.columns.some(({ entry, column }) => spell(entry, column) === undefined))
      .map(({ level, columns }) => ({ level, entries: new Set(columns.map(({ entry }) => entry)) }));
  }

  in(level: QueryLevel, depth = 0): Found[] {
    if (depth > MOST_DEEP || this.found >= MOST_KEYS || !takesAnother(level)) return [];
    return level.entries.flatMap((entry) => this.behind(level, entry, depth));
  }

  private behind(level: QueryLevel, entry: RangeTableEntry, depth: number): Found[] {
    const { source } = entry;
    if (!entry.nameVisible) return [];
    switch (source.kind) {
      case 'relation':
        return source.use === 'read' ? this.subjects.flatMap((subject) => this.ofRelation(level, entry, subject)) : [];
      case 'query':
        return this.through(level, entry, source.level, depth);
      case 'cte':
        return this.isAlone(source.cte) ? this.through(level, entry, source.cte.level, depth) : [];
      case 'function':
      case 'join':
      case 'excluded':
        return [];
    }
  }

  private ofRelation(level: QueryLevel, entry: RangeTableEntry, subject: Subject): Found[] {
    if (entry.source.kind !== 'relation') return [];
    const { relation, system } = entry.source.view;
    const { catalog, role } = this.draft;
    if (relation.persistence === 't' || system) return [];
    const found: Found[] = [];
    for (const column of keysOn(catalog, subject, relation)) {
      const width = widthOf(catalog, column);
      if (width === undefined || this.found >= MOST_KEYS) continue;
      const text =
        plain(entry, column) ?? (isReadBy(role, relation, column) ? this.carried(level, entry, column) : undefined);
      if (text === undefined) continue;
      this.found += 1;
      found.push({ subject: subject.name, width, text });
    }
    return found;
  }

  /** What a query of its own finds, it gives as columns. */
  private through(level: QueryLevel, entry: RangeTableEntry, query: QueryLevel | undefined, depth: number): Found[] {
    if (!query || entry.name === undefined || !this.mayCarry(level, entry)) return [];
    return this.in(query, depth + 1).map((found) => {
      const name = this.newName();
      this.inside.set(query, [...(this.inside.get(query) ?? []), { text: found.text, name }]);
      return { ...found, text: this.carriedBy(entry, name) };
    });
  }

  /** Read in one place, and not by itself: others would have more columns, too. */
  private isAlone(cte: Cte): boolean {
    const { cteReferences } = this.analysis.marks;
    const places = cteReferences.filter(({ entry: { source } }) => source.kind === 'cte' && source.cte === cte);
    return places.length === 1 && cte.recursions.length === 0;
  }

  /** Of a key that is masked or withheld the guarded subquery gives one more column, under a name that no client may use. */
  private carried(level: QueryLevel, entry: RangeTableEntry, { name }: Column): string | undefined {
    if (entry.source.kind !== 'relation' || !entry.source.view.guarded || !this.mayCarry(level, entry))
      return undefined;
    const own = this.newName();
    this.exported.set(entry, [...(this.exported.get(entry) ?? []), { text: `${ROW}.${quoteName(name)}`, name: own }]);
    return this.carriedBy(entry, own);
  }

  private carriedBy(entry: RangeTableEntry, name: string): string {
    entry.carries = true;
    return `${quoteName(entry.rename ?? entry.name ?? '')}.${name}`;
  }

  private newName(): string {
    this.names += 1;
    return `${CARRIED}${this.names}`;
  }

  /** Rows as a whole would have it in them, and stars must be written out, which some cannot. */
  private mayCarry(level: QueryLevel, entry: RangeTableEntry): boolean {
    const { marks } = this.analysis;
    if (entry.name === undefined && entry.rename === undefined) return false;
    if (marks.wholeRows.some((row) => row.entry === entry || row.entry.source.kind === 'join')) return false;
    if (marks.rowStars.length > 0 || marks.rowFields.some((field) => field.entry === entry)) return false;
    return this.unspelled.every((star) => star.level !== level && !star.entries.has(entry));
  }
}

/** undefined: of another type than those that can be told. */
export function widthOf(catalog: Catalog, { type }: Column): number | undefined {
  return KEY_WIDTHS.get(baseType(catalog, type));
}

/** An account that was given no more than the policies need (`rowgate compile`) can run what is added, too. */
export function isReadBy(role: RolePolicy, { oid }: Relation, { name }: Column): boolean {
  const select = role.relations.get(oid)?.select;
  const own = select?.columns.get(name);
  if (!select || (own && !own.mask)) return select !== undefined;
  const needs = [
    ...select.conditions.map((one) => one.needs),
    ...[...select.columns.values()].map((one) => one.maskNeeds),
  ];
  return needs.some((one) => one?.columns.includes(name));
}

/** One row of the result is one row of FROM, and another column does not change that. */
function takesAnother({ kind, select, aggregated, groupKeys, outputs }: QueryLevel): boolean {
  if (kind !== 'select' || !select || aggregated || groupKeys.length > 0) return false;
  if (isDistinct(select) || select.groupClause?.length || select.havingClause || select.intoClause) return false;
  if (!select.targetList?.length || outputs.length >= MOST_COLUMNS) return false;
  return !isTable(select.targetList);
}

/** As a client could write it. */
function plain(entry: RangeTableEntry, { name }: Column): string | undefined {
  if (entry.source.kind !== 'relation') return undefined;
  // Under a list of aliases its name may be another column's.
  if (as(entry.source.node, 'RangeVar')?.alias?.colnames?.length) return undefined;
  const shown = entry.source.view.columns.find(({ column }) => column.name === name);
  const own = entry.columns.find((column) => column.name === name && column.access === 'granted');
  return shown?.access === 'granted' && !shown.masked && own ? spell(entry, own) : undefined;
}
