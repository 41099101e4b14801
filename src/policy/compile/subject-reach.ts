/** What the catalog reveals about data subjects beyond declared keys: columns that reference a key, and tables that lead to one. */
import type { Catalog, Column, Fn, Oid, Relation } from '../../sql/catalog/catalog.ts';
import { baseType } from '../../sql/types/type.ts';
import type { Subject } from '../model/policy.ts';
import { type SubjectKeys, subjectKeys } from '../model/subject-keys.ts';
import type { AboutEntries } from './about.ts';
import { descendants, inheritanceRelatives } from './names.ts';

/** A column that holds a key of a subject, and how the catalog shows that. */
export interface ReachedKey {
  readonly column: Column;
  /** The key that it references, or that it is named after. */
  readonly key: Column;
  readonly of: Relation;
}

/** A step from a relation to one that it references, reads as a view, or whose rows it shows because it is inherited. */
export interface ReachStep {
  readonly from: Relation;
  readonly to: Relation;
  /** The columns of a foreign key; absent for a view and a parent. */
  readonly by?: { readonly columns: readonly Column[]; readonly referenced: readonly Column[] };
}

/** The OID of pg_class, as in pg_depend. */
const PG_CLASS = 1259;
/** Column names of any table: they do not tell which key the column holds. */
const COMMON_NAMES = new Set(['id', 'uuid', 'guid', 'key', 'code', 'name', 'number', 'no', 'nr', 'type']);

export class SubjectReach {
  private readonly keys: SubjectKeys;
  private readonly families = new Map<Oid, readonly Relation[]>();
  private readonly edges = new Map<Oid, readonly ReachStep[]>();
  private readonly paths = new Map<string, readonly ReachStep[] | undefined>();
  private readonly viewReads: ReadonlyMap<Oid, ReadonlyMap<Oid, ReadonlySet<number>>>;

  constructor(
    private readonly catalog: Catalog,
    subjects: Iterable<Subject>,
    private readonly about: AboutEntries,
  ) {
    this.keys = subjectKeys(catalog, subjects);
    this.viewReads = viewReads(catalog);
  }

  /** Whether the subjects file says that the relation is not about this subject. */
  isExcluded(subject: Subject, { oid }: Relation): boolean {
    const only = this.about.relations.get(oid);
    return only !== undefined && !only.has(subject.name);
  }

  /** Undeclared columns that hold a key of the subject by a foreign key, or as a view's column with the key's name. */
  undeclaredKeys(subject: Subject, relation: Relation): ReachedKey[] {
    if (this.isExcluded(subject, relation)) return [];
    const found = new Map<string, ReachedKey>();
    for (const { to, by } of this.edgesOf(relation)) {
      if (by) {
        by.columns.forEach((column, index) => {
          const key = by.referenced[index];
          if (key && this.isKey(subject, to, key)) found.set(column.name, { column, key, of: to });
        });
        continue;
      }
      for (const key of to.columns) {
        if (!this.isKey(subject, to, key) || !this.readsColumn(relation, to, key)) continue;
        const column = relation.columns.find(({ name }) => name === key.name);
        if (column && this.sameType(column.type, key.type)) found.set(column.name, { column, key, of: to });
      }
    }
    return [...found.values()].filter(({ column }) => !this.isKey(subject, relation, column));
  }

  /** Columns without a foreign key that have the name and type of a key of the subject. */
  evidentKeys(subject: Subject, relation: Relation): ReachedKey[] {
    if (this.isExcluded(subject, relation)) return [];
    return relation.columns.flatMap((column) => {
      if (this.isKey(subject, relation, column)) return [];
      const like = this.keyCalled(subject, column.name, column.type);
      return like ? [{ column, key: like.column, of: like.relation }] : [];
    });
  }

  /** A path from the relation to one that holds a key of the subject; undefined if there is none, or if it holds a key itself. */
  pathTo(subject: Subject, relation: Relation): readonly ReachStep[] | undefined {
    if (this.holds(subject, relation) || this.isExcluded(subject, relation)) return undefined;
    const id = `${subject.name}\0${relation.oid}`;
    if (!this.paths.has(id)) this.paths.set(id, this.search(subject, relation));
    return this.paths.get(id);
  }

  /** Whether the relation holds rows about the subject, by a key or through other relations. */
  isAbout(subject: Subject, relation: Relation): boolean {
    if (this.isExcluded(subject, relation)) return false;
    return this.holds(subject, relation) || this.pathTo(subject, relation) !== undefined;
  }

  /**
   * Whether the function returns rows about the subject, as far as its return type tells; for a type with columns, the first that is named after a
   * key.
   */
  returned(subject: Subject, fn: Fn): { readonly rows: Relation } | { readonly column: string } | undefined {
    const only = this.about.functions.get(fn.oid);
    if (only && !only.has(subject.name)) return undefined;
    for (const type of [fn.result, ...fn.outColumns.map((column) => column.type)]) {
      const rows = this.rowsOf(type);
      if (rows && this.isAbout(subject, rows)) return { rows };
    }
    const column = fn.outColumns.find(({ name, type }) => this.keyCalled(subject, name, type));
    return column && { column: column.name };
  }

  private search(subject: Subject, relation: Relation): readonly ReachStep[] | undefined {
    const seen = new Set<Oid>([relation.oid]);
    let ways: (readonly ReachStep[])[] = [[]];
    while (ways.length > 0) {
      const longer: (readonly ReachStep[])[] = [];
      for (const way of ways) {
        for (const step of this.edgesOf(way.at(-1)?.to ?? relation)) {
          if (seen.has(step.to.oid) || this.isExcluded(subject, step.to)) continue;
          seen.add(step.to.oid);
          if (this.holds(subject, step.to)) return [...way, step];
          longer.push([...way, step]);
        }
      }
      ways = longer;
    }
    return undefined;
  }

  private holds(subject: Subject, { oid }: Relation): boolean {
    if (subject.lost.relations.has(oid)) return true;
    return [...(this.keys.get(oid)?.values() ?? [])].some((names) => names.includes(subject.name));
  }

  private isKey(subject: Subject, { oid }: Relation, { attnum }: Column): boolean {
    return this.keys.get(oid)?.get(attnum)?.includes(subject.name) === true;
  }

  private sameType(a: Oid, b: Oid): boolean {
    const text = (type: Oid): string =>
      this.catalog.typesByOid.get(baseType(this.catalog, type))?.category ?? `${type}`;
    // Keys of int4 and int8 can be equal, as those of text and varchar; for uuid and others the type category is too wide.
    const category = text(a);
    return baseType(this.catalog, a) === baseType(this.catalog, b) || (/^[NS]$/.test(category) && category === text(b));
  }

  /** The key that a column of this name and type would be named after. */
  private keyCalled(subject: Subject, name: string, type: Oid): { column: Column; relation: Relation } | undefined {
    const [first] = subject.keys;
    const called = subject.keys.find(({ column }) => column.name === name && !COMMON_NAMES.has(name.toLowerCase()));
    const stem = first && [subject.name, first.relation.name, first.relation.name.replace(/s$/, '')];
    const ofFirst = stem?.some((word) => name.toLowerCase() === `${word}_${first?.column.name}`.toLowerCase());
    const key = called ?? (ofFirst ? first : undefined);
    return key && this.sameType(type, key.column.type) ? key : undefined;
  }

  /** The relation that a composite type is the row type of. */
  private rowsOf(type: Oid): Relation | undefined {
    for (let of = this.catalog.typesByOid.get(type); of; of = this.catalog.typesByOid.get(of.element || of.base)) {
      if (of.relation !== 0) return this.catalog.relationsByOid.get(of.relation);
    }
    return undefined;
  }

  private familyOf(relation: Relation): readonly Relation[] {
    const known = this.families.get(relation.oid) ?? [relation, ...inheritanceRelatives(this.catalog, relation)];
    this.families.set(relation.oid, known);
    return known;
  }

  /** Foreign keys of the relation and of those that share rows with it, those that inherit from it, and the relations that a view reads. */
  private edgesOf(relation: Relation): readonly ReachStep[] {
    const known = this.edges.get(relation.oid);
    if (known) return known;
    const edges = new Map<string, ReachStep>();
    const named = (of: Relation, attnums: readonly number[]): Column[] =>
      attnums.flatMap((attnum) => of.columns.find((column) => column.attnum === attnum) ?? []);
    for (const member of this.familyOf(relation)) {
      for (const { columns, relation: oid, referenced } of member.foreignKeys) {
        const to = this.catalog.relationsByOid.get(oid);
        if (!to) continue;
        const own = named(member, columns).flatMap(({ name }) => relation.columns.find((c) => c.name === name) ?? []);
        if (own.length !== columns.length) continue;
        const by = { columns: own, referenced: named(to, referenced) };
        edges.set(`${oid} ${own.map(({ attnum }) => attnum).join(' ')}`, { from: relation, to, by });
      }
    }
    for (const to of descendants(this.catalog, relation)) edges.set(`${to.oid}`, { from: relation, to });
    for (const oid of this.viewReads.get(relation.oid)?.keys() ?? []) {
      const to = this.catalog.relationsByOid.get(oid);
      if (to && oid !== relation.oid) edges.set(`${oid}`, { from: relation, to });
    }
    const found = [...edges.values()];
    this.edges.set(relation.oid, found);
    return found;
  }

  private readsColumn(view: Relation, of: Relation, { attnum }: Column): boolean {
    const columns = this.viewReads.get(view.oid)?.get(of.oid);
    // Column number 0 means the whole row. Without numbers, the catalog knows only the relation.
    return columns === undefined || columns.size === 0 || columns.has(attnum) || columns.has(0);
  }
}

/** By view: the relations in its query, each with the numbers of the columns. */
function viewReads(catalog: Catalog): Map<Oid, Map<Oid, Set<number>>> {
  const views = new Map<Oid, Map<Oid, Set<number>>>();
  const add = (view: Oid, relation: Oid, attnum?: number): void => {
    const reads = views.get(view) ?? new Map<Oid, Set<number>>();
    views.set(view, reads);
    const columns = reads.get(relation) ?? new Set<number>();
    reads.set(relation, columns);
    if (attnum !== undefined) columns.add(attnum);
  };
  for (const { oid, view } of catalog.data.relations) for (const relation of view?.relations ?? []) add(oid, relation);
  for (const { kind, relation, names } of catalog.data.dependents) {
    if (kind !== 'view') continue;
    for (const [of, oid, attnum] of names) if (of === PG_CLASS && oid !== relation) add(relation, oid, attnum);
  }
  return views;
}
