/** What a view or function finally reads, through all views and functions that it uses. For warnings and reviews, not for decisions. */
import type { Catalog, Column, Fn, FunctionBody, Oid, Reach, Relation } from '../../sql/catalog/catalog.ts';
import { type MentionedName, type Mentions, mentionsOfPlpgsql, mentionsOfSql } from '../../sql/text/mentions.ts';

/** What is read by a view, a function, or an object that runs implicitly. */
export interface Reached {
  /** Tables (and other relations with rows), each with the columns that are read. */
  readonly tables: ReadonlyMap<Relation, ReadonlySet<Column>>;
  /** Functions that cannot be analysed, in whole or in part. */
  readonly opaque: readonly Fn[];
  /** Functions that visibly change a setting beyond their own end. */
  readonly setting: readonly Fn[];
}

export class Closure {
  private readonly rules = new Map<Oid, Reach[]>();
  private readonly functions = new Map<Oid, Reach>();
  private readonly bodies = new Map<Oid, FunctionBody>();

  /** `searchPath`: for functions without one of their own. */
  constructor(
    private readonly catalog: Catalog,
    private readonly searchPath: readonly string[],
  ) {
    for (const reach of catalog.data.reaches ?? []) {
      if (reach.kind === 'rule') this.rules.set(reach.of, [...(this.rules.get(reach.of) ?? []), reach]);
      if (reach.kind === 'function') this.functions.set(reach.of, reach);
    }
    for (const body of catalog.data.bodies ?? []) this.bodies.set(body.fn, body);
  }

  ofRelation(relation: Relation): Reached {
    const walk = new Walk();
    this.readRelation(relation, relation.columns, walk);
    return walk;
  }

  ofFunction(fn: Fn): Reached {
    const walk = new Walk();
    this.runFunction(fn, walk);
    return walk;
  }

  /** For a trigger, rule, default or check. */
  ofReach(reach: Reach): Reached {
    const walk = new Walk();
    this.follow(reach, walk);
    return walk;
  }

  private follow({ reads, calls }: Reach, walk: Walk): void {
    for (const { relation: oid, attnum } of reads) {
      const relation = this.catalog.relationsByOid.get(oid);
      if (relation)
        this.readRelation(
          relation,
          relation.columns.filter((column) => column.attnum === attnum),
          walk,
        );
    }
    for (const oid of calls) {
      const fn = this.catalog.functionsByOid.get(oid);
      if (fn) this.runFunction(fn, walk);
    }
  }

  private readRelation(relation: Relation, columns: readonly Column[], walk: Walk): void {
    if (relation.kind === 'v' || relation.kind === 'm') {
      if (!walk.enter(relation)) return;
      for (const rule of this.rules.get(relation.oid) ?? []) {
        if (rule.events?.includes('select')) this.follow(rule, walk);
      }
    } else if (relation.kind !== 'S' && relation.kind !== 'c') walk.read(relation, columns);
  }

  private runFunction(fn: Fn, walk: Walk): void {
    // Functions of extensions are covered by Rowgate's lists.
    if (fn.extension !== '' || !walk.enter(fn)) return;
    const parsed = this.functions.get(fn.oid);
    if (parsed) {
      this.follow(parsed, walk);
      return;
    }
    const body = this.bodies.get(fn.oid);
    const mentions = body && mentionsOf(body);
    if (!mentions || mentions.opaque) walk.cannotSee(fn);
    if (body && changesSettings(body)) walk.sets(fn);
    if (!body || !mentions) return;
    const path = pathOf(body) ?? this.searchPath;
    for (const name of mentions.relations) {
      const relation = this.relationNamed(name, path);
      const columns = relation?.columns.filter((column) => mentions.every || mentions.words.has(column.name));
      if (relation && columns) this.readRelation(relation, columns, walk);
    }
    for (const name of mentions.functions)
      for (const called of this.functionsNamed(name, path)) this.runFunction(called, walk);
  }

  private relationNamed({ schema, name }: MentionedName, path: readonly string[]): Relation | undefined {
    for (const candidate of schema === undefined ? path : [schema]) {
      const relation = this.catalog.relation(candidate, name);
      if (relation) return relation;
    }
    return undefined;
  }

  /** All functions that the name may mean: the choice between them depends on the arguments. */
  private functionsNamed({ schema, name }: MentionedName, path: readonly string[]): Fn[] {
    const schemas = schema === undefined ? path : [schema];
    return this.catalog.functionsNamed(name).filter((fn) => fn.schema !== 'pg_catalog' && schemas.includes(fn.schema));
  }
}

class Walk implements Reached {
  readonly tables = new Map<Relation, Set<Column>>();
  readonly opaque: Fn[] = [];
  readonly setting: Fn[] = [];
  private readonly entered = new Set<Relation | Fn>();

  /** False if it was entered before. */
  enter(what: Relation | Fn): boolean {
    if (this.entered.has(what)) return false;
    this.entered.add(what);
    return true;
  }

  read(relation: Relation, columns: readonly Column[]): void {
    const known = this.tables.get(relation) ?? new Set();
    for (const column of columns) known.add(column);
    this.tables.set(relation, known);
  }

  cannotSee(fn: Fn): void {
    this.opaque.push(fn);
  }

  sets(fn: Fn): void {
    this.setting.push(fn);
  }
}

function mentionsOf({ language, source }: FunctionBody): Mentions | undefined {
  if (language === 'sql') return mentionsOfSql(source);
  return language === 'plpgsql' ? mentionsOfPlpgsql(source) : undefined;
}

/** Judged by words, for a warning: SET at the beginning of a statement, or a call of set_config. A SET clause of the function itself ends with it. */
function changesSettings({ source }: FunctionBody): boolean {
  const inside = /\bAS (\$\w*\$)(.*)\1\s*$/s.exec(source)?.[2] ?? source;
  const words = inside.replace(/--.*$/gm, ' ').replace(/\/\*.*?\*\//gs, ' ');
  const set = /(?:^|;|\b(?:begin|then|else|loop)\b)\s*(?:set|reset|discard)\s+(?!constraints\b|transaction\b)/i;
  return set.test(words) || /\bset_config\s*\(/i.test(words);
}

/** `"$user", public`, as a function's setting has it. */
function pathOf({ searchPath }: FunctionBody): string[] | undefined {
  if (searchPath === undefined) return undefined;
  const names = [...searchPath.matchAll(/"((?:[^"]|"")*)"|([^\s",]+)/g)];
  return names.map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '').filter((name) => name !== '');
}
