/** Reads a statement level by level: which keys are in the rows of each, which keys are equal, and which parts of the rows depend on others. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Cte, OutputColumn, QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import { as, type Node, strings } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { Conditions, columnOf, conjuncts, someIn } from './conditions.ts';
import { allReachTheAnswer } from './cut-rows.ts';
import { endsOf, Key } from './key.ts';
import { type LevelKeys, tieKeys } from './key-equivalence.ts';
import { isOneKey } from './key-types.ts';
import { distinctOf, RowChoice } from './row-choice.ts';
import { isOthersChoice, NO_ROWS, type ProvenRows, type RowsKey, unknownRows } from './rows.ts';
import { combinedRows } from './set-operations.ts';
import { type ColumnOf, ShownKeys } from './shown-keys.ts';
import { readers, type SubjectRelations } from './subject-relations.ts';
import { type LevelProofs, Values } from './values.ts';
import { WrittenRows } from './written-rows.ts';

export class LevelReader {
  /** A key for each key column of each place where the statement reads a table of the subject. */
  readonly references: Key[] = [];
  /** It reads people whose keys are unknown. */
  opaque = false;
  /** Columns of FROM items that have one value, which the statement gives. */
  readonly fixed: ColumnOf[] = [];
  readonly shown = new ShownKeys();
  readonly values: Values;
  /** The keys of each level's rows before they are grouped. */
  readonly keysOf = new Map<QueryLevel, readonly Key[]>();
  readonly written: WrittenRows;
  private readonly known = new Map<QueryLevel, ProvenRows>();
  private unknown: boolean | undefined;
  private readonly conditions: Conditions;
  private readonly choice: RowChoice;

  constructor(
    readonly analysis: Analysis,
    private readonly catalog: Catalog,
    readonly relations: SubjectRelations,
  ) {
    this.conditions = new Conditions(analysis, catalog);
    const proofs: LevelProofs = {
      rowsOf: (level) => this.rowsOf(level),
      keysOf: (level) => this.keysOf.get(level) ?? [],
    };
    this.values = new Values(analysis, this.shown, proofs);
    this.choice = new RowChoice(analysis, catalog, this.values, proofs);
    this.written = new WrittenRows(analysis, catalog, relations, this.shown, this.values, proofs);
  }

  /** The rows that the statement returns; `top` is its level. */
  readAll(top: QueryLevel): ProvenRows {
    const rows = this.rowsOf(top);
    const read = this.references.length;
    let { loose } = rows;
    for (const level of this.analysis.marks.levels) loose = this.isUnread(level) || loose;
    // INVARIANT 62: a reference at a place that no rule has looked at belongs to no key.
    return { ...rows, loose: loose || this.references.length > read };
  }

  /** Reads levels that were not read: a WITH that is never named. Whether any of it depends on people. */
  private isUnread(level: QueryLevel): boolean {
    if (this.known.has(level)) return false;
    const { keys, values, loose } = this.rowsOf(level);
    return keys.length > 0 || values.size > 0 || loose;
  }

  /**
   * INVARIANT 206: functions of operators and casts have no place of their own: any row may be theirs, those that are written or locked too. TABLESAMPLE
   * returns rows that are stored together.
   */
  private runsUnknown(): boolean {
    const { uses, marks } = this.analysis;
    const called = new Set([...marks.calls.values()].map(({ fn }) => fn));
    if (readers(this.analysis, this.catalog).some((fn) => !fn || !called.has(fn))) return true;
    return uses.some((use) => use.kind === 'sample' && this.relations.holds(use.relation));
  }

  rowsOf(level: QueryLevel): ProvenRows {
    const known = this.known.get(level);
    if (known) return known;
    this.analysis.parsed.workLimit.spend();
    // A recursive query that is met in its own: `ofCte` says nothing good of it.
    this.known.set(level, NO_ROWS);
    const read = this.read(level);
    this.unknown ??= this.runsUnknown();
    const rows = this.unknown ? unknownRows(read, level.outputs.length) : read;
    this.known.set(level, rows);
    return rows;
  }

  private read(level: QueryLevel): ProvenRows {
    if (level.kind === 'values') return this.ofValues(level);
    if (level.kind === 'set') return this.ofSet(level);
    return this.ofSelect(
      level,
      this.analysis.marks.writes.find((write) => write.level === level),
    );
  }

  private ofValues(level: QueryLevel): ProvenRows {
    const values = new Set<number>();
    for (const list of level.select?.valuesLists ?? [])
      as(list, 'List')?.items?.forEach((item, i) => {
        if (this.values.isIn(item, level)) values.add(i);
      });
    const limits = this.choice.limitsOf(level);
    return { ...NO_ROWS, values, loose: limits === 'loose' || this.choice.sortsByValues(level, values) };
  }

  private ofSet(level: QueryLevel): ProvenRows {
    const arms = level.arms.map((arm) => this.rowsOf(arm));
    const [left, right] = arms;
    if (!left || !right) return unknownRows({ keys: arms.flatMap(({ keys }) => keys) }, level.outputs.length);
    const rows = combinedRows(level, left, right, this.catalog);
    const limits = this.choice.limitsOf(level);
    const loose = rows.loose || this.choice.sortsByValues(level, rows.values);
    if (limits === 'none') return { ...rows, loose };
    const open = rows.keys.length > 0;
    const openOrder = rows.openOrder || open;
    return { ...rows, loose: loose || limits === 'loose' || (open && rows.cut), cut: open, openOrder };
  }

  private ofSelect(level: QueryLevel, write?: Write): ProvenRows {
    const keys: Key[] = [];
    const found: FromItems = {
      loose: false,
      cut: [],
      cutAtSource: false,
      queries: [],
      choices: 0,
      openOrder: false,
    };
    for (const entry of level.entries) this.enter(level, entry, keys, found, write);
    if (write) {
      const inserted = write.source && this.take(level, undefined, this.rowsOf(write.source), false, keys, found);
      this.written.enter(level, write, inserted);
    }
    this.keysOf.set(level, keys);
    const { analysis, catalog, conditions, shown, fixed } = this;
    const where = level.select?.whereClause ?? whereOf(write);
    const context: LevelKeys = { level, analysis, catalog, conditions, shown, keys, fixed };
    tieKeys(context, where);
    const chosen = this.tieMembers(level, where);
    const limits = this.choice.limitsOf(level);
    const ends = keys.map(endsOf);
    const own = new Set(ends.flatMap((one) => [...one.own]));
    const open = own.size > 0;
    const values = this.valuesIn(level);
    const distinct = distinctOf(level);
    const cuts = limits !== 'none' || distinct === 'on';
    const allReach = (items: readonly RangeTableEntry[]): boolean =>
      items.length + (chosen ? 1 : 0) === 0 ||
      (!this.values.givesRows(level) && allReachTheAnswer(analysis, { level, items, chosen, chooses: cuts }));
    const openOrder = found.openOrder || this.choice.leavesOrderOpen(level, cuts) || !allReach(found.queries);
    const isOpen = open && cuts && openOrder;
    const choices = found.choices + (chosen ? 1 : 0) + (isOpen ? 1 : 0);
    const isCutBelow = found.cut.length > 0 || chosen !== undefined;
    const loose =
      found.loose ||
      // A key that leads nowhere.
      ends.some((one) => one.own.size + one.outer.size === 0) ||
      // MERGE does different things with rows that it finds and that it does not find.
      (write?.command === 'MergeStmt' && (keys.length > 0 || found.loose)) ||
      limits === 'loose' ||
      choices > 1 ||
      (isOpen && distinct === 'on' && this.choice.choosesForEach(level, [...own], this.shown)) ||
      (open && !allReach(found.cut)) ||
      this.choice.byValues(level, this.written.assigned) ||
      this.choice.sortsByValues(level, values) ||
      (distinct === 'all' && values.size > 0);
    const columns = this.columnsOf(level, own, cuts || distinct !== 'none');
    const plain = !cuts && distinct === 'none' && isPlain(level) && !this.values.hasWindow(level);
    return {
      ...columns,
      values,
      loose,
      cut: open && (cuts || isCutBelow || found.cutAtSource || columns.keys.some(({ list }) => list)),
      openOrder: open && openOrder,
      open: plain,
    };
  }

  private enter(
    level: QueryLevel,
    entry: RangeTableEntry,
    keys: Key[],
    found: FromItems,
    write: Write | undefined,
  ): void {
    const { source } = entry;
    // A function's arguments are among the level's expressions; joins and rows of the target show others' columns.
    if (source.kind === 'query') this.take(level, entry, this.rowsOf(source.level), true, keys, found);
    else if (source.kind === 'cte')
      this.take(level, entry, this.ofCte(source.cte), this.isReadOnce(source.cte), keys, found);
    // What is inserted the client gives: the table is not read.
    else if (source.kind === 'relation' && (source.use === 'read' || this.written.readsTarget(write)))
      this.enterRelation(level, entry, keys, found);
  }

  private enterRelation(level: QueryLevel, entry: RangeTableEntry, all: Key[], found: FromItems): void {
    if (entry.source.kind !== 'relation' || entry.source.view.system) return;
    const { view } = entry.source;
    const { keys, opaque } = this.relations.of(view.relation);
    if (opaque) {
      this.opaque = true;
      found.loose = true;
    }
    view.columns.forEach(({ column, access, masked }, index) => {
      if (!keys.has(column.name)) return;
      const own = entry.columns[index];
      const comparable = own !== undefined && isOneKey(this.catalog, own, own);
      const key = new Key(level, column.type, comparable);
      all.push(key);
      this.references.push(key);
      // The value of a mask is not the key.
      if (!own || access !== 'granted' || own.access !== 'granted' || masked) return;
      this.shown.set({ entry, column: own }, key);
      key.standsIn({ entry, column: own });
    });
  }

  /** What a query gives, among the rows of the level that reads it. `alone`: nothing else reads it. */
  private take(
    level: QueryLevel,
    entry: RangeTableEntry | undefined,
    rows: ProvenRows,
    alone: boolean,
    keys: Key[],
    found: FromItems,
  ): ReadonlyMap<Key, Key> {
    const taken = new Map<Key, Key>();
    found.loose ||= rows.loose;
    if (isOthersChoice(rows)) found.choices += 1;
    // INVARIANT 168: a choice that each row beside it makes again would tell something each time.
    if (entry?.source.kind === 'query' && isOthersChoice(rows) && this.isCorrelated(entry.source.level))
      found.loose = true;
    if (rows.cut && entry) found.cut.push(entry);
    if (rows.cut && !entry) found.cutAtSource = true;
    if (entry) found.queries.push(entry);
    found.openOrder ||= rows.openOrder;
    const perhaps = new Map<number, Key[]>();
    const add = (column: number, key: Key) => perhaps.set(column, [...(perhaps.get(column) ?? []), key]);
    for (const inner of rows.keys) {
      const key = new Key(level, inner.key.type, inner.key.comparable);
      keys.push(key);
      taken.set(inner.key, key);
      if (alone && rows.open) inner.key.showAs(key);
      for (const index of inner.columns) {
        const column = entry?.columns[index];
        if (!entry || !column) continue;
        this.shown.set({ entry, column }, key);
        key.standsIn({ entry, column });
      }
      for (const index of inner.perhaps) add(index, key);
      if (entry) key.standsIn({ entry, inner: inner.key });
    }
    for (const { column, key } of rows.passed) add(column, key);
    for (const [index, leaders] of perhaps) {
      const column = entry?.columns[index];
      const [first] = leaders;
      if (!entry || !column || !first || this.shown.get({ entry, column })) continue;
      const key = new Key(
        level,
        first.type,
        leaders.every(({ comparable }) => comparable),
      );
      keys.push(key);
      for (const leader of leaders) key.follow(leader);
      this.shown.set({ entry, column }, key);
    }
    if (entry) this.values.note(entry, rows.values);
    return taken;
  }

  private isReadOnce(cte: Cte): boolean {
    const { cteReferences } = this.analysis.marks;
    return cteReferences.filter(({ entry }) => entry.source.kind === 'cte' && entry.source.cte === cte).length === 1;
  }

  private ofCte(cte: Cte): ProvenRows {
    if (!cte.level) return NO_ROWS;
    if (cte.recursions.length === 0) return this.rowsOf(cte.level);
    const before = this.references.length;
    const wasOpaque = this.opaque;
    this.opaque = false;
    const rows = this.rowsOf(cte.level);
    // INVARIANT 184: of a WITH that was read before it, people come without a new reference.
    const people = rows.keys.length + rows.passed.length + rows.values.size;
    const reads = this.references.length > before || this.opaque || rows.loose || people > 0;
    this.opaque ||= wasOpaque;
    // A step passes values of people on to the next, under other keys or none.
    const found = reads ? unknownRows(rows, cte.level.outputs.length + cte.extra.length) : rows;
    this.known.set(cte.level, found);
    return found;
  }

  /**
   * `key IN (SELECT key …)` as a condition: data under the keys of the subquery have influence if they are the row's own. Returns the FROM item whose
   * rows a subquery with LIMIT has chosen; undefined if there is none.
   */
  private tieMembers(level: QueryLevel, where: Node | undefined): RangeTableEntry | undefined {
    const joins = level.entries.flatMap(({ source }) => (source.kind === 'join' ? [source.join.quals] : []));
    let chosen: RangeTableEntry | undefined;
    for (const condition of [where, ...joins])
      for (const part of alternatives(condition)) {
        const link = as(part, 'SubLink');
        const inner = this.analysis.marks.sublinks.get(part);
        const operator = link?.operName && strings(link.operName).join('.');
        if (link?.subLinkType !== 'ANY_SUBLINK' || !inner || (operator !== undefined && operator !== '=')) continue;
        const tested = columnOf(this.analysis, link.testexpr);
        const key = tested && this.shown.comparable(tested);
        const rows = this.rowsOf(inner);
        const [member, another] = rows.keys;
        if (!tested || !key || !member || another || rows.loose || rows.values.has(0)) continue;
        if (![...member.columns, ...member.perhaps].includes(0) || !member.key.comparable) continue;
        if (!isOneKey(this.catalog, tested.column, inner.outputs[0]!)) continue;
        if (rows.cut) {
          const alone = conjuncts(where).length === 1 && where === part && tested.entry.level === level;
          if (!alone || !this.isSameTable(tested, inner.outputs[0]!) || this.isCorrelated(inner)) continue;
          chosen = tested.entry;
        }
        // INVARIANT 192: a LIMIT chooses among all, before its rows are held against a key that is given.
        if (!rows.cut) member.key.follow(key);
        this.values.tied.add(part);
      }
    return chosen;
  }

  /** Whether it uses columns of a query around it. */
  private isCorrelated({ select, outer }: QueryLevel): boolean {
    const around = new Set<QueryLevel>();
    for (let scope = outer; scope; scope = scope.outer) around.add(scope.level);
    const { references, wholeRows } = this.analysis.marks;
    const rows = new Map(wholeRows.map(({ node, entry }) => [node, entry]));
    const uses = (node: Node): boolean | undefined => {
      const entry = references.get(node)?.entry ?? rows.get(node);
      if (entry) return around.has(entry.level);
      // By itself it is an output column, or all of FROM.
      return 'ColumnRef' in node ? (as(node, 'ColumnRef')?.fields?.length ?? 0) > 1 : undefined;
    };
    return around.size > 0 && someIn(this.analysis, select, uses);
  }

  /** Each key that the subquery has chosen is that of a row here: the same table, with the same filter. */
  private isSameTable({ entry, column }: ColumnOf, { source }: OutputColumn): boolean {
    const other = source && behindJoins(source);
    if (!other || entry.source.kind !== 'relation' || other.entry.source.kind !== 'relation') return false;
    if (entry.source.use !== 'read' || entry.source.view !== other.entry.source.view) return false;
    return entry.columns.indexOf(column) === other.entry.columns.indexOf(other.column);
  }

  private columnsOf(level: QueryLevel, ends: ReadonlySet<Key>, chooses: boolean): Pick<ProvenRows, 'keys' | 'passed'> {
    const columns = new Map<Key, { readonly shown: number[]; readonly perhaps: number[] }>();
    for (const key of ends) columns.set(key, { shown: [], perhaps: [] });
    const passed: ProvenRows['passed'][number][] = [];
    level.outputs.forEach(({ source }, column) => {
      const key = source && this.shown.get(behindJoins(source));
      if (!key) return;
      if (key.level !== level) {
        passed.push({ column, key });
        return;
      }
      const { own, outer } = endsOf(key);
      for (const end of own) columns.get(end)?.[end === key.one ? 'shown' : 'perhaps'].push(column);
      for (const end of outer) passed.push({ column, key: end });
    });
    // Of groups that are all there: which ones are not, people would tell who are not named.
    const whole = !chooses && !level.groupingSets && !level.select?.havingClause;
    const list = whole && level.aggregated && this.values.collects(level);
    const keys = [...columns].map(([key, { shown, perhaps }]): RowsKey => {
      return { key, columns: shown, perhaps, list: list && shown.length + perhaps.length === 0 };
    });
    return { keys, passed };
  }

  private valuesIn(level: QueryLevel): Set<number> {
    const values = new Set<number>();
    level.outputs.forEach(({ source, node }, index) => {
      const isValue = source ? this.values.isColumn(source) : node !== undefined && this.values.isIn(node, level);
      if (isValue) values.add(index);
    });
    return values;
  }
}

interface FromItems {
  loose: boolean;
  /** Items whose rows LIMIT or a similar clause chose. */
  readonly cut: RangeTableEntry[];
  /** The same for the query whose rows are inserted. */
  cutAtSource: boolean;
  /** Items whose rows a query gives, which may have sorted or hashed them. */
  readonly queries: RangeTableEntry[];
  openOrder: boolean;
  /** How many of them others have chosen. */
  choices: number;
}

/** A condition that every row of a write fulfils. For a MERGE there is none: some of its rows do not meet its condition. */
function whereOf(write: Write | undefined): Node | undefined {
  return (as(write?.node, 'UpdateStmt') ?? as(write?.node, 'DeleteStmt'))?.whereClause;
}

/** A key above its aggregates is not a condition on its rows; nor is one above FOR UPDATE, which locks them all. */
function isPlain({ kind, aggregated, select }: QueryLevel): boolean {
  return kind === 'select' && !aggregated && !select?.lockingClause?.length;
}

/** The parts of a condition for which NULL is as good as FALSE. */
function alternatives(condition: Node | undefined): Node[] {
  const bool = as(condition, 'BoolExpr');
  if (bool && bool.boolop !== 'NOT_EXPR') return (bool.args ?? []).flatMap(alternatives);
  return condition ? [condition] : [];
}
