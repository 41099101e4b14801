/** Reads a statement level by level: which keys stand in the rows of each, what ties them, and what of the rows hangs on others. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Cte, OutputColumn, QueryLevel, RangeTableEntry } from '../../sql/analyze/range-table.ts';
import type { Catalog, Column } from '../../sql/catalog/catalog.ts';
import { askInteger } from '../../sql/parse/constants.ts';
import { as, fieldsOf, type Node, stringOf, strings } from '../../sql/parse/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { Conditions, columnOf, conjuncts } from './conditions.ts';
import { type Conflict, conflictOf } from './conflicts.ts';
import { allReachTheAnswer } from './cut-rows.ts';
import { endsOf, Key } from './key.ts';
import { type LevelKeys, tieKeys } from './key-equivalence.ts';
import { isOneKey } from './key-types.ts';
import { NO_ROWS, type ProvenRows, type RowsKey, unknownRows } from './rows.ts';
import { combinedRows } from './set-operations.ts';
import { type ColumnOf, ShownKeys } from './shown-keys.ts';
import { readers, type SubjectRelations } from './subject-relations.ts';
import { ordersAll } from './total-order.ts';
import { Values } from './values.ts';
import { assignedValue, insertColumns, setItems } from './written-columns.ts';

const NO_KEYS: ReadonlySet<string> = new Set();

const isZero = (number: number): boolean => number === 0;

export class LevelReader {
  /** A key for each key column of each place where the statement reads a table of the subject. */
  readonly references: Key[] = [];
  /** Something reads people of whom nothing says who they are. */
  opaque = false;
  /** Columns of FROM items that have one value, which the statement gives. */
  readonly fixed: ColumnOf[] = [];
  readonly shown = new ShownKeys();
  readonly values: Values;
  /** The keys of each level's rows before they are grouped. */
  readonly keysOf = new Map<QueryLevel, readonly Key[]>();
  /** What ON CONFLICT tells, by the statement that has it. */
  readonly conflicts = new Map<Write, Conflict>();
  private readonly known = new Map<QueryLevel, ProvenRows>();
  /** What SET lists put into columns: it chooses no rows. */
  private readonly assigned = new Set<Node>();
  private readonly conditions: Conditions;
  /** Keys of a query whose rows are inserted, among the rows that are written. */
  private readonly takenAs = new Map<Key, Key>();

  constructor(
    readonly analysis: Analysis,
    private readonly catalog: Catalog,
    readonly relations: SubjectRelations,
  ) {
    this.conditions = new Conditions(analysis, catalog);
    for (const write of analysis.marks.writes) {
      const { target } = write;
      for (const item of setItems(write)) for (const node of assignedBy(item)) this.assigned.add(node);
      const keys = target?.source.kind === 'relation' ? relations.of(target.source.view.relation).keys : NO_KEYS;
      const conflict = conflictOf(analysis, write, keys, catalog);
      if (conflict) this.conflicts.set(write, conflict);
    }
    this.values = new Values(analysis, this.shown, {
      rowsOf: (level) => this.rowsOf(level),
      keysOf: (level) => this.keysOf.get(level) ?? [],
    });
  }

  /** What the statement gives, whose level it is. */
  readAll(top: QueryLevel): ProvenRows {
    const rows = this.rowsOf(top);
    const read = this.references.length;
    let { loose } = rows;
    for (const level of this.analysis.marks.levels) loose = this.isUnread(level) || loose;
    // INVARIANT: what stands at a place that no rule has looked at is held to nobody.
    return { ...rows, loose: loose || this.references.length > read || this.runsUnknown() };
  }

  /** Reads what was not read: a WITH that nothing names. Whether anything in it hangs on people. */
  private isUnread(level: QueryLevel): boolean {
    if (this.known.has(level)) return false;
    const { keys, values, loose } = this.rowsOf(level);
    return keys.length > 0 || values.size > 0 || loose;
  }

  /** Functions behind operators and casts stand at no place of their own; of TABLESAMPLE the rows are those that lie together. */
  private runsUnknown(): boolean {
    const { uses, marks } = this.analysis;
    const called = new Set([...marks.calls.values()].map(({ fn }) => fn));
    if (readers(this.analysis, this.catalog).some((fn) => !fn || !called.has(fn))) return true;
    return uses.some((use) => use.kind === 'sample' && this.relations.holds(use.relation));
  }

  rowsOf(level: QueryLevel): ProvenRows {
    const known = this.known.get(level);
    if (known) return known;
    this.analysis.parsed.patience.spend();
    // A recursive query that is met in its own: `ofCte` says nothing good of it.
    this.known.set(level, NO_ROWS);
    const rows = this.read(level);
    this.known.set(level, rows);
    return rows;
  }

  private read(level: QueryLevel): ProvenRows {
    switch (level.kind) {
      case 'select':
        return this.ofSelect(level);
      case 'write':
        return this.ofSelect(
          level,
          this.analysis.marks.writes.find((write) => write.level === level),
        );
      case 'values':
        return this.ofValues(level);
      case 'set':
        return this.ofSet(level);
    }
  }

  private ofValues(level: QueryLevel): ProvenRows {
    const values = new Set<number>();
    for (const list of level.select?.valuesLists ?? [])
      as(list, 'List')?.items?.forEach((item, i) => {
        if (this.values.isIn(item, level)) values.add(i);
      });
    const { limits } = this.limitsOf(level);
    return { ...NO_ROWS, values, loose: limits === 'loose' || this.sortsByValues(level, values) };
  }

  private ofSet(level: QueryLevel): ProvenRows {
    const arms = level.arms.map((arm) => this.rowsOf(arm));
    const [left, right] = arms;
    if (!left || !right) return unknownRows({ keys: arms.flatMap(({ keys }) => keys) }, level.outputs.length);
    const rows = combinedRows(level, left, right, this.catalog);
    const { limits, skips } = this.limitsOf(level);
    const sorted = level.select?.sortClause !== undefined;
    if (limits === 'none' && !this.sortsByValues(level, rows.values))
      return sorted ? { ...rows, arranged: true } : rows;
    const open = rows.keys.length > 0;
    const loose = limits === 'loose' || (open && rows.cut) || this.sortsByValues(level, rows.values);
    return {
      ...rows,
      loose: rows.loose || loose,
      cut: rows.cut || open,
      skips: rows.skips || (skips && open),
      arranged: true,
      openOrder: rows.openOrder || open,
    };
  }

  private ofSelect(level: QueryLevel, write?: Write): ProvenRows {
    const keys: Key[] = [];
    const found: FromItems = {
      loose: false,
      skips: false,
      cut: [],
      cutAtSource: false,
      arranged: [],
      openOrder: false,
    };
    for (const entry of level.entries) this.enter(level, entry, keys, found, write);
    if (write) this.enterWritten(level, write, keys, found);
    this.keysOf.set(level, keys);
    const { analysis, catalog, conditions, shown, fixed } = this;
    const where = level.select?.whereClause ?? whereOf(write);
    const context: LevelKeys = { level, analysis, catalog, conditions, shown, keys, fixed };
    tieKeys(context, where);
    const chosen = this.tieMembers(level, where);
    const { limits, skips } = this.limitsOf(level);
    const ends = this.endsIn(keys);
    const open = ends.keys.size > 0;
    const values = this.valuesIn(level);
    const distinct = distinctOf(level);
    const cuts = limits !== 'none' || distinct === 'on';
    const isCutBelow = found.cut.length > 0 || chosen !== undefined;
    const reaches =
      !this.values.givesRows(level) && allReachTheAnswer(analysis, { level, items: found.cut, chosen, chooses: cuts });
    const loose =
      found.loose ||
      ends.lost ||
      // INVARIANT: MERGE does different things with rows that it finds and that it does not find.
      (write?.command === 'MergeStmt' && (keys.length > 0 || found.loose)) ||
      limits === 'loose' ||
      (open && isCutBelow && !reaches) ||
      this.choosesByValues(level) ||
      this.sortsByValues(level, values) ||
      (distinct === 'all' && values.size > 0);
    const columns = this.columnsOf(level, ends.keys, cuts || distinct !== 'none');
    const plain = !cuts && distinct === 'none' && isPlain(level) && !this.values.hasWindow(level);
    return {
      ...columns,
      values,
      loose,
      cut: open && (cuts || isCutBelow || found.cutAtSource || columns.keys.some(({ list }) => list)),
      skips: open && (found.skips || skips),
      open: plain,
      arranged: open && (!plain || level.select?.sortClause !== undefined),
      openOrder: open && (found.openOrder || this.leavesOrderOpen(level, found.arranged, cuts)),
    };
  }

  /**
   * INVARIANT: rows that are left out behind a sort or a hash table decide how those that are sorted alike lie, and where a hash table begins: HAVING, a
   * LIMIT whose order leaves something open, a condition above, a subquery of people by which rows are chosen.
   */
  private leavesOrderOpen(level: QueryLevel, arranged: readonly RangeTableEntry[], chooses: boolean): boolean {
    if (level.select?.havingClause || (chooses && !ordersAll(this.analysis, level, this.catalog))) return true;
    if (level.roots.some(({ node, target }) => !target && this.asksPeople(node))) return true;
    const items = { level, items: arranged, chosen: undefined, chooses };
    return arranged.length > 0 && !allReachTheAnswer(this.analysis, items);
  }

  /** Whether a subquery over people stands in it. */
  private asksPeople(part: unknown): boolean {
    if (typeof part !== 'object' || part === null) return false;
    this.analysis.parsed.patience.spend();
    const inner = this.analysis.marks.sublinks.get(part as Node);
    if (!inner) return fieldsOf(part).some(([, more]) => this.asksPeople(more));
    const { keys, loose } = this.rowsOf(inner);
    return inner.kind === 'set' || loose || keys.length > 0 || (this.keysOf.get(inner)?.length ?? 0) > 0;
  }

  private enter(
    level: QueryLevel,
    entry: RangeTableEntry,
    keys: Key[],
    found: FromItems,
    write: Write | undefined,
  ): void {
    const { source } = entry;
    switch (source.kind) {
      case 'relation':
        // What is inserted the client gives: the table is not read.
        if (source.use === 'read' || write?.command !== 'InsertStmt' || this.meetsRows(write))
          this.enterRelation(level, entry, keys, found);
        return;
      case 'query':
        this.take(level, entry, this.rowsOf(source.level), true, keys, found);
        return;
      case 'cte':
        this.take(level, entry, this.ofCte(source.cte), this.isReadOnce(source.cte), keys, found);
        return;
      // What a function is given stands among the level's expressions; joins and rows of the target show others' columns.
      case 'function':
      case 'join':
      case 'excluded':
        return;
    }
  }

  /** Whether an INSERT reads rows of its table: those in its way. */
  private meetsRows(write: Write): boolean {
    const conflict = this.conflicts.get(write);
    return conflict !== undefined && conflict.kind !== 'nothing';
  }

  /** Rows that are inserted: what they are made of, and whose they are. */
  private enterWritten(level: QueryLevel, write: Write, keys: Key[], found: FromItems): void {
    const { source, target } = write;
    if (target?.source.kind !== 'relation') return;
    const { view } = target.source;
    const rows = source && this.rowsOf(source);
    const inner = rows && this.take(level, undefined, rows, false, keys, found);
    const conflict = this.conflicts.get(write);
    const names = insertColumns(write);
    const filled = new Set<number>();
    view.columns.forEach(({ column }, index) => {
      const at = names.indexOf(column.name);
      if (at >= 0 && rows?.values.has(at)) filled.add(index);
      const own = target.columns[index];
      if (!own || !this.relations.of(view.relation).keys.has(column.name)) return;
      const place = { entry: target, column: own };
      const read = this.shown.get(place);
      if (conflict?.kind === 'given') {
        const given = conflict.keys.find((one) => one.column === at);
        if (given) read?.give(given);
      }
      const kept = this.keptAt(rows, source, column, at);
      const key = kept && inner?.get(kept.key);
      // Whose rows are in the way of a query's rows nothing tells, where the keys of these are nobody's.
      if (!key && conflict?.kind === 'given' && conflict.keys.length === 0)
        this.conflicts.set(write, { kind: 'others' });
      if (!key) return;
      // INVARIANT: ON CONFLICT that finds rows by this key alone, and leaves it as it is, finds rows of the same person.
      if (read && conflict?.kind === 'given') read.unite(key);
      else if (!read && own.access === 'granted') this.shown.set(place, key);
    });
    for (const item of setItems(write)) {
      const index = view.columns.findIndex(({ column }) => column.name === as(item, 'ResTarget')?.name);
      if (index >= 0 && this.values.isIn(assignedValue(item), level)) filled.add(index);
    }
    this.values.note(target, filled);
  }

  /** The key of a query's rows that goes into a key column of the table that they are inserted into. */
  private keptAt(
    rows: ProvenRows | undefined,
    source: QueryLevel | undefined,
    column: Column,
    at: number,
  ): RowsKey | undefined {
    const type = source?.outputs[at]?.type;
    if (type === undefined || !isOneKey(this.catalog, { type: column.type }, { type })) return undefined;
    return rows?.keys.find(({ key, columns }) => key.comparable && columns.includes(at));
  }

  /** Whether all people on whom the rows of a write hang are those whose keys its rows have in the end. */
  areOfTarget({ target, source, ...write }: Write, rows: ProvenRows): boolean {
    if (target?.source.kind !== 'relation') return rows.keys.length === 0;
    const names = insertColumns(write);
    const { relation } = target.source.view;
    const keys = this.relations.of(relation).keys;
    const isKept = ({ key }: RowsKey): boolean =>
      key.origins.some(({ entry }) => entry === target) ||
      (source !== undefined &&
        relation.columns.some((column) => {
          const at = names.indexOf(column.name);
          const kept =
            keys.has(column.name) && at >= 0 ? this.keptAt(this.rowsOf(source), source, column, at) : undefined;
          return kept !== undefined && this.takenAs.get(kept.key)?.one === key.one;
        }));
    return rows.keys.every(isKept);
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
      if (column.notNull) key.setCertain();
      all.push(key);
      this.references.push(key);
      // INVARIANT: what stands behind a mask is not the key.
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
    found.skips ||= rows.skips;
    if (rows.cut && entry) found.cut.push(entry);
    if (rows.cut && !entry) found.cutAtSource = true;
    if (rows.arranged && entry) found.arranged.push(entry);
    found.openOrder ||= rows.openOrder;
    const perhaps = new Map<number, Key[]>();
    const add = (column: number, key: Key) => perhaps.set(column, [...(perhaps.get(column) ?? []), key]);
    for (const inner of rows.keys) {
      const key = new Key(level, inner.key.type, inner.key.comparable);
      keys.push(key);
      if (inner.key.certain) key.setCertain();
      taken.set(inner.key, key);
      if (!entry) this.takenAs.set(inner.key, key);
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
    const reads = this.references.length > before || this.opaque || rows.loose || rows.values.size > 0;
    this.opaque ||= wasOpaque;
    // INVARIANT: a step hands values of people on to the next, under other keys or none.
    const found = reads ? unknownRows(rows, cte.level.outputs.length + cte.extra.length) : rows;
    this.known.set(cte.level, found);
    return found;
  }

  /**
   * `key IN (SELECT key …)` as a condition: data under the keys of the subquery have bearing where they are the row's own. Returns the FROM item whose
   * rows a subquery with LIMIT has chosen; undefined where there is none.
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
          const alone = conjuncts(where).length === 1 && where === part;
          if (!alone || !this.isSameTable(tested, inner.outputs[0]!)) continue;
          chosen = tested.entry;
        }
        member.key.follow(key);
        this.values.tied.add(part);
      }
    return chosen;
  }

  /** INVARIANT: each key that the subquery has chosen is that of a row here: the same table, with the same filter. */
  private isSameTable({ entry, column }: ColumnOf, { source }: OutputColumn): boolean {
    const other = source && behindJoins(source);
    if (!other || entry.source.kind !== 'relation' || other.entry.source.kind !== 'relation') return false;
    if (entry.source.use !== 'read' || entry.source.view !== other.entry.source.view) return false;
    return entry.columns.indexOf(column) === other.entry.columns.indexOf(other.column);
  }

  /** Where keys end that follow others; `lost`: some lead nowhere. */
  private endsIn(keys: readonly Key[]): { readonly keys: ReadonlySet<Key>; readonly lost: boolean } {
    const all = new Set<Key>();
    let lost = false;
    for (const key of keys) {
      const { own, outer } = endsOf(key);
      for (const one of own) all.add(one);
      lost ||= own.size === 0 && outer.size === 0;
    }
    return { keys: all, lost };
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
    // INVARIANT: of groups that are all there: which ones are not, people would tell who are not named.
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
      if (isValue && !this.isPlaceInAnswer(level, node)) values.add(index);
    });
    return values;
  }

  /** `row_number()` by the order of the whole answer is the place of a row in it. */
  private isPlaceInAnswer(level: QueryLevel, node: Node | undefined): boolean {
    // INVARIANT: no row of those that are numbered is left out, nor stands there twice.
    if (!node || level !== this.analysis.level || distinctOf(level) !== 'none' || this.values.givesRows(level))
      return false;
    return this.values.numbersRows(node, level);
  }

  /** Whether other people's data stand in what decides which rows there are: conditions, keys of groups and windows, arguments that give rows. */
  private choosesByValues(level: QueryLevel): boolean {
    const { values } = this;
    return level.roots.some(({ node, target }) => {
      if (this.assigned.has(node)) return false;
      if (target && !level.groupKeys.includes(node)) return values.givesRowsIn(node) && values.isIn(node, level);
      return values.isIn(node, level);
    });
  }

  /** ORDER BY and DISTINCT ON of an output column. */
  private sortsByValues(level: QueryLevel, values: ReadonlySet<number>): boolean {
    if (values.size === 0) return false;
    const { sortClause = [], distinctClause = [] } = level.select ?? {};
    const sorts = sortClause.map((sort) => as(sort, 'SortBy')?.node);
    const distinct = distinctClause.filter((node) => Object.keys(node).length > 0);
    return [...sorts, ...distinct].some((node) => {
      if (!node || this.analysis.marks.expressions.has(node)) return false;
      const name = stringOf(as(node, 'ColumnRef')?.fields?.[0]);
      // INVARIANT: a number may mean any of them.
      return name === undefined || level.outputs.some((output, i) => output.name === name && values.has(i));
    });
  }

  private limitsOf({ select }: QueryLevel): { readonly limits: 'none' | 'some' | 'loose'; readonly skips: boolean } {
    const { limitCount, limitOffset, limitOption } = select ?? {};
    if (!limitCount && !limitOffset) return { limits: 'none', skips: false };
    const parts = [limitCount, limitOffset].filter((node) => node !== undefined);
    const plain =
      limitOption === undefined || limitOption === 'LIMIT_OPTION_COUNT' || limitOption === 'LIMIT_OPTION_DEFAULT';
    const limits = plain && !parts.some((node) => this.values.isIn(node, undefined)) ? 'some' : 'loose';
    const zero = as(limitOffset, 'A_Const')?.ival;
    return { limits, skips: limitOffset !== undefined && !(zero && askInteger(zero, isZero)) };
  }
}

interface FromItems {
  loose: boolean;
  skips: boolean;
  /** Items whose rows LIMIT and its kin have chosen. */
  readonly cut: RangeTableEntry[];
  /** The same of the query whose rows are inserted. */
  cutAtSource: boolean;
  /** Items whose rows were sorted or hashed. */
  readonly arranged: RangeTableEntry[];
  openOrder: boolean;
}

/** What every row of a write fulfils. A MERGE has rows of which its condition does not hold. */
function whereOf(write: Write | undefined): Node | undefined {
  return (as(write?.node, 'UpdateStmt') ?? as(write?.node, 'DeleteStmt'))?.whereClause;
}

/** INVARIANT: neither is a key above its aggregates a condition on its rows, nor one above FOR UPDATE, which locks them all. */
function isPlain({ kind, aggregated, select }: QueryLevel): boolean {
  return kind === 'select' && !aggregated && !select?.lockingClause?.length;
}

/** The expressions of an item of SET. */
function assignedBy(item: Node): Node[] {
  const value = assignedValue(item);
  const row = as(value, 'RowExpr')?.args;
  return value ? [value, ...(row ?? [])] : [];
}

function distinctOf({ select }: QueryLevel): 'none' | 'all' | 'on' {
  const [first] = select?.distinctClause ?? [];
  if (!first) return 'none';
  return Object.keys(first).length === 0 ? 'all' : 'on';
}

/** The parts of a condition for which NULL is as good as FALSE. */
function alternatives(condition: Node | undefined): Node[] {
  const bool = as(condition, 'BoolExpr');
  if (bool && bool.boolop !== 'NOT_EXPR') return (bool.args ?? []).flatMap(alternatives);
  return condition ? [condition] : [];
}
