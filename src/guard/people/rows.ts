/** Reads of a query, level by level, whose people of one subject can stand in a row that it gives. */
import type { Analysis } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import type { Cte, Entry, Level } from '../../sql/analyze/model.ts';
import type { Catalog } from '../../sql/catalog.ts';
import { as, type Node } from '../../sql/tree.ts';
import { behindJoins } from '../rewrite/group-keys.ts';
import { addedBy, type CallContext, callsIn, type Summarizing, walk } from './calls.ts';
import { fixedInGroups, movingIn } from './fixed.ts';
import type { Holders } from './holders.ts';
import { atMost, countOf, type InRow, NOBODY, Person, type RowPeople, Shown } from './person.ts';
import { Readers } from './readers.ts';
import { armsTogether, branches, recursiveRows } from './sets.ts';
import { collectsRows, comparedPerson, subqueriesOfLimit } from './subqueries.ts';
import { tiePeople } from './ties.ts';
import { isPlainInsert, keptUnderTheirKeys, listOf, whereOf } from './writes.ts';

/** People of a level's rows before they are grouped. */
interface Rows {
  /** Each once. */
  readonly people: readonly Person[];
  /** Those of FROM items and subqueries whose keys never show. */
  readonly unnamed: number;
  readonly gathers: string | undefined;
}

export class PeopleOfQuery {
  private readonly known = new Map<Level, RowPeople>();
  private readonly shown = new Shown();
  private readonly subqueries = new Map<Level, Node>();
  private readonly readers: Readers;
  private summary: boolean | undefined;
  /** Of rows that are written. */
  private readonly targets = new Set<Person>();

  constructor(
    private readonly analysis: Analysis,
    private readonly catalog: Catalog,
    private readonly holders: Holders,
  ) {
    for (const [node, level] of analysis.marks.sublinks) this.subqueries.set(level, node);
    this.readers = new Readers(this.context(), holders);
  }

  private readonly spend = (): void => this.analysis.parsed.patience.spend();

  of(level: Level): RowPeople {
    const known = this.known.get(level);
    if (known) return known;
    this.spend();
    // A recursive query that is met in its own: its rows are those of the step before, which `recursiveRows` counts.
    this.known.set(level, NOBODY);
    const found = atMost(this.read(level));
    this.known.set(level, found);
    return found;
  }

  /** How many people from elsewhere each row that is written can be about. */
  moved(write: Write): Pick<RowPeople, 'unnamed' | 'gathers'> {
    if (write.command === 'DeleteStmt') return NOBODY;
    const { people, unnamed, gathers } = this.rowsOf(write.level, write);
    const own = new Set([...this.targets].map((person) => person.one));
    const others = people.filter((person) => !own.has(person)).length;
    return { unnamed: unnamed + others - this.kept(write), gathers };
  }

  private kept(write: Write): number {
    const { target, source } = write;
    if (!source || !isPlainInsert(write) || target?.source.kind !== 'relation') return 0;
    const { keys } = this.holders.of(target.source.view.relation);
    return keptUnderTheirKeys(this.catalog, write, keys, this.of(source).people);
  }

  private read(level: Level): RowPeople {
    switch (level.kind) {
      case 'set': {
        const [left, right] = level.arms.map((arm) => this.of(arm));
        if (!left || !right) return NOBODY;
        const op = level.select?.op;
        if (op === 'SETOP_UNION') return branches(left, right);
        return armsTogether(left, right, op === 'SETOP_INTERSECT' ? 'intersect' : 'except');
      }
      case 'values':
        return this.ofValues(level);
      case 'select':
      case 'write':
        return this.ofRows(level);
    }
  }

  /** The row with the most. */
  private ofValues(level: Level): RowPeople {
    if (level.subqueries.length === 0 && !this.readers.any) return NOBODY;
    let [unnamed, gathers]: [number, string | undefined] = [0, undefined];
    for (const list of level.select?.valuesLists ?? []) {
      const inside = new Set<Level>();
      const readers = { count: 0 };
      walk(list, this.context(), (node) => {
        const inner = this.analysis.marks.sublinks.get(node);
        if (inner) inside.add(inner);
        if (this.readers.isCall(node)) readers.count += 1;
      });
      const row = this.ofSubqueries([...inside]);
      unnamed = Math.max(unnamed, row.unnamed + readers.count);
      gathers ??= row.gathers;
    }
    return { ...NOBODY, unnamed, gathers };
  }

  private ofRows(level: Level): RowPeople {
    const write = level.kind === 'write' ? this.analysis.marks.writes.find((w) => w.level === level) : undefined;
    const rows = this.rowsOf(level, write);
    const calls = this.summarizes() ? callsIn(listOf(level, write), level, this.context()) : [];
    const fixed: ReadonlySet<Person> =
      level.aggregated || calls.length > 0 ? fixedInGroups(this.analysis, this.shown, level, rows) : new Set<Person>();
    const moving = (call: Summarizing) => rows.unnamed + movingIn(this.analysis, this.shown, rows, call, fixed);
    const added = addedBy(calls, moving);
    const { columns, passed } = this.columnsOf(level);
    return {
      people: rows.people.map((person): InRow => {
        const named = !level.aggregated || (fixed.has(person) && !level.groupingSets);
        return { keys: named ? (columns.get(person) ?? []) : [], outer: person.outer, pinned: person.pinned };
      }),
      unnamed: rows.unnamed + added.unnamed,
      passed,
      gathers: rows.gathers ?? added.gathers,
    };
  }

  /** Result columns by whose key they show. */
  private columnsOf(level: Level): Pick<RowPeople, 'passed'> & { readonly columns: ReadonlyMap<Person, number[]> } {
    const columns = new Map<Person, number[]>();
    const passed: RowPeople['passed'][number][] = [];
    level.outputs.forEach(({ source }, index) => {
      const person = source && this.shown.get(behindJoins(source));
      if (!person) return;
      if (person.level !== level) passed.push({ index, person });
      else columns.set(person, [...(columns.get(person) ?? []), index]);
    });
    return { columns, passed };
  }

  private rowsOf(level: Level, write: Write | undefined): Rows {
    const people: Person[] = [];
    let [unnamed, gathers]: [number, string | undefined] = [0, undefined];
    const adopt = (entry: Entry | undefined, row: RowPeople): void => {
      unnamed += row.unnamed;
      gathers ??= row.gathers;
      for (const each of row.people) people.push(this.adopted(level, entry, each));
      for (const { index, person } of row.passed) {
        const column = entry?.columns[index];
        if (entry && column) this.shown.set(entry, column, person);
      }
    };
    if (write?.source) adopt(undefined, this.of(write.source));
    for (const entry of level.entries) {
      const { source } = entry;
      if (source.kind === 'query') adopt(entry, this.of(source.level));
      else if (source.kind === 'cte') adopt(entry, this.ofCte(source.cte));
      // What is inserted the client has given: nobody is shown to it.
      else if (source.kind === 'relation' && !(source.use === 'target' && isPlainInsert(write)))
        people.push(...this.ofRelation(level, entry));
    }
    tiePeople({ level, shown: this.shown, ...this.context() }, whereOf(level, write));
    const inner = this.ofSubqueries([...level.subqueries, ...subqueriesOfLimit(level, this.context())]);
    return {
      people: [...new Set(people.map((person) => person.one))],
      unnamed: unnamed + inner.unnamed + this.readers.countIn(level.roots.map(({ node }) => node)),
      gathers: gathers ?? inner.gathers,
    };
  }

  /** One of a FROM item's people among those of the level. */
  private adopted(level: Level, entry: Entry | undefined, { keys, outer, pinned }: InRow): Person {
    const person = outer?.level === level ? outer : new Person(level);
    if (person !== outer && outer) person.tieOutside(outer);
    if (person !== outer && pinned) person.pin();
    for (const key of keys) {
      const column = entry?.columns[key];
      if (entry && column) this.shown.set(entry, column, person);
    }
    return person;
  }

  private ofRelation(level: Level, entry: Entry): Person[] {
    if (entry.source.kind !== 'relation' || entry.source.view.system) return [];
    const { view, use } = entry.source;
    const { keys, inside } = this.holders.of(view.relation);
    const people = Array.from({ length: inside }, () => new Person(level));
    const write = use === 'target' ? this.analysis.marks.writes.find((one) => one.target === entry) : undefined;
    view.columns.forEach(({ column, access, masked }, index) => {
      if (!keys.has(column.name)) return;
      const person = new Person(level);
      people.push(person);
      // INVARIANT: whose row is put under another key stands there without a name.
      if (write?.sets.has(column.name)) return;
      const own = entry.columns[index];
      if (use === 'target') this.targets.add(person);
      // INVARIANT: what stands behind a mask is not the key.
      if (own && access === 'granted' && own.access === 'granted' && !masked) this.shown.set(entry, own, person);
    });
    return people;
  }

  private ofCte(cte: Cte): RowPeople {
    if (!cte.level) return NOBODY;
    if (cte.recursions.length === 0) return this.of(cte.level);
    const known = this.known.get(cte.level);
    if (known) return known;
    this.known.set(cte.level, NOBODY);
    const [first, step] = cte.level.arms;
    const builds = this.analysis.uses.some((use) => use.kind === 'collects' && use.level === cte.level);
    const rows = first && step ? recursiveRows(cte, this.of(first), this.of(step), step, this.analysis.marks) : NOBODY;
    const gathers = builds && countOf(rows) > 0 ? 'a recursive query that builds values' : rows.gathers;
    const found = atMost({ ...rows, gathers });
    this.known.set(cte.level, found);
    return found;
  }

  /** Of subqueries in expressions: who is not in the row already is one more of whom it tells. */
  private ofSubqueries(levels: readonly Level[]): Pick<RowPeople, 'unnamed' | 'gathers'> {
    let [unnamed, gathers]: [number, string | undefined] = [0, undefined];
    for (const level of levels) {
      const node = this.subqueries.get(level);
      const row = this.of(level);
      const compared = comparedPerson(this.analysis, this.catalog, this.shown, as(node, 'SubLink'), level, row);
      const others = row.people.filter((person) => !person.outer && person !== compared);
      unnamed += row.unnamed + others.length;
      gathers ??= row.gathers;
      if (collectsRows(node) && (row.unnamed > 0 || others.some(({ pinned }) => !pinned))) gathers ??= 'ARRAY(…)';
    }
    return { unnamed, gathers };
  }

  /** Whether the statement calls an aggregate or window function anywhere. */
  private summarizes(): boolean {
    if (this.summary === undefined) {
      this.summary = false;
      for (const { barrier } of this.analysis.marks.expressions.values())
        this.summary ||= barrier === 'aggregate' || barrier === 'window';
    }
    return this.summary;
  }

  private context(): CallContext {
    return { marks: this.analysis.marks, catalog: this.catalog, spend: this.spend };
  }
}
