/** A role that grows by what statements need: its own file without its grants, plus added ones. Existing masks, rows and scopes stay. */

import { parse } from 'yaml';
import { type SequenceRight, TABLE_COMMANDS, type TableCommand } from '../../policy/model/policy.ts';
import { SEQUENCE_RIGHTS } from '../../policy/schema/role-schema.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import { type Naming, relationText } from '../init/names.ts';
import { keyOf, type Need } from './needs.ts';

type Mapping = Record<string, unknown>;

/** The entry that the file had for a table. */
interface OldEntry {
  readonly table: Mapping;
  readonly commands: Readonly<Partial<Record<TableCommand, Mapping>>>;
}

/** Keys that are learned again from nothing. */
const LEARNED: ReadonlySet<string> = new Set(['tables', 'sequences', 'functions', 'statements', 'collect', 'limits']);

export class GrownRole {
  private readonly file: Mapping;
  private readonly old = new Map<number, OldEntry>();
  private readonly needs = new Map<string, Need>();

  /** @param keeps whether what is granted now stays, and only more comes. */
  constructor(
    private readonly text: string,
    private readonly naming: Naming,
    private readonly keeps = false,
  ) {
    this.file = (parse(text) ?? {}) as Mapping;
    for (const [name, entry] of Object.entries((this.file.tables ?? {}) as Mapping)) {
      const relation = this.relationNamed(name);
      if (!relation) continue;
      const { select, insert, update, delete: remove, ...table } = (entry ?? {}) as Mapping;
      this.old.set(relation.oid, {
        table,
        commands: { select, insert, update, delete: remove } as OldEntry['commands'],
      });
    }
  }

  get all(): ReadonlyMap<string, Need> {
    return this.needs;
  }

  /** @returns whether it is new. */
  add(need: Need): boolean {
    const key = keyOf(need);
    if (this.needs.has(key)) return false;
    this.needs.set(key, need);
    return true;
  }

  /** The same role without that line. */
  without(key: string): GrownRole {
    const other = new GrownRole(this.text, this.naming, this.keeps);
    for (const [own, need] of this.needs) if (own !== key) other.needs.set(own, need);
    return other;
  }

  remove(isGone: (need: Need) => boolean): void {
    for (const [key, need] of this.needs) if (isGone(need)) this.needs.delete(key);
  }

  /** What stays of the role's file, limits apart. */
  get kept(): Mapping {
    return Object.fromEntries(Object.entries(this.file).filter(([key]) => !LEARNED.has(key)));
  }

  get limits(): unknown {
    return this.file.limits;
  }

  /** The tables, in the order of their names. */
  tables(): { readonly relation: Relation; readonly name: string; readonly entry: Mapping }[] {
    const relations = new Map<number, Relation>();
    for (const need of this.needs.values()) if ('table' in need) relations.set(need.table.oid, need.table);
    if (this.keeps) for (const oid of this.old.keys()) relations.set(oid, this.naming.catalog.relationsByOid.get(oid)!);
    return [...relations.values()]
      .map((relation) => ({ relation, name: relationText(relation, this.naming), entry: this.entryOf(relation) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** With their rights, in the order of their names. */
  sequences(): { readonly name: string; readonly relation: Relation; readonly rights: readonly SequenceRight[] }[] {
    const rights = new Map<Relation, Set<SequenceRight>>();
    const add = (relation: Relation, right: SequenceRight): void => {
      rights.set(relation, (rights.get(relation) ?? new Set()).add(right));
    };
    for (const need of this.needs.values()) if (need.kind === 'sequence') add(need.sequence, need.right);
    for (const [name, old] of Object.entries((this.keeps ? (this.file.sequences ?? {}) : {}) as Mapping)) {
      const relation = this.relationNamed(name);
      if (relation) for (const right of listOf(old)) add(relation, right as SequenceRight);
    }
    return [...rights]
      .map(([relation, own]) => ({
        name: relationText(relation, this.naming),
        relation,
        rights: SEQUENCE_RIGHTS.filter((right) => own.has(right)),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  functions(): string[] {
    const learned = [...this.needs.values()].flatMap((need) => (need.kind === 'function' ? [need.text] : []));
    return [...new Set([...(this.keeps ? listOf(this.file.functions) : []), ...learned])].sort();
  }

  statements(): string[] {
    const learned = [...this.needs.values()].flatMap((need) => (need.kind === 'statement' ? [need.word] : []));
    return [...new Set([...(this.keeps ? listOf(this.file.statements) : []), ...learned])].sort();
  }

  get collects(): boolean {
    return this.needs.has('collect') || (this.keeps && this.file.collect === 'allow');
  }

  /** As a role file has it. */
  asFile(limits: unknown = 'none'): Mapping {
    const tables = Object.fromEntries(this.tables().map(({ name, entry }) => [name, entry]));
    const sequences = Object.fromEntries(this.sequences().map(({ name, rights }) => [name, rights]));
    const [functions, statements] = [this.functions(), this.statements()];
    return {
      ...this.kept,
      ...(Object.keys(tables).length > 0 && { tables }),
      ...(Object.keys(sequences).length > 0 && { sequences }),
      ...(functions.length > 0 && { functions }),
      ...(statements.length > 0 && { statements }),
      ...(this.collects && { collect: 'allow' }),
      limits,
    };
  }

  private entryOf(relation: Relation): Mapping {
    const old = this.old.get(relation.oid);
    const entry: Mapping = { ...old?.table };
    for (const command of TABLE_COMMANDS) {
      const needs = [...this.needs.values()].filter(
        (need) => need.kind === command && 'table' in need && need.table.oid === relation.oid,
      );
      const before = old?.commands[command];
      if (needs.length === 0) {
        if (this.keeps && before !== undefined) entry[command] = before ?? {};
        continue;
      }
      const { columns, masks = {}, ...rest } = (before ?? {}) as Mapping & { masks?: Mapping };
      if (command === 'delete') {
        entry.delete = rest;
        continue;
      }
      const named = needs.flatMap((need) => ('column' in need && need.column !== undefined ? [need.column] : []));
      const own = new Set(this.keeps ? listOf(columns) : []);
      if (own.has('*')) {
        entry[command] = before;
        continue;
      }
      // A column that is seen behind a mask stays masked.
      const seen = Object.fromEntries(Object.entries(masks).filter(([name]) => named.includes(name) || this.keeps));
      for (const name of named) if (command !== 'select' || !(name in seen)) own.add(name);
      const sorted = relation.columns.map(({ name }) => name).filter((name) => own.has(name));
      entry[command] = { columns: sorted, ...(Object.keys(seen).length > 0 && { masks: seen }), ...rest };
    }
    return entry;
  }

  private relationNamed(name: string): Relation | undefined {
    const { catalog } = this.naming;
    const exact = catalog.data.relations.find(
      (relation) => relationText(relation, this.naming) === name || `${relation.schema}.${relation.name}` === name,
    );
    return exact;
  }
}

function listOf(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
