/** What holds people of a subject: relations with its keys, views over them, and functions that read them. */

import type { RolePolicy, Subject } from '../../policy/policy.ts';
import { keysOn } from '../../policy/subjects.ts';
import { FIRST_USER_OID } from '../../policy/visible-types.ts';
import type { Catalog, Fn, Relation } from '../../sql/catalog.ts';
import * as t from '../../sql/types/oids.ts';
import { baseType, rowRelation } from '../../sql/types/type.ts';

/** What a row of a relation holds. */
export interface Held {
  /** Names of its columns that are keys: each is one person. */
  readonly keys: ReadonlySet<string>;
  /** Of a view without a key: how many relations with one it reads. */
  readonly inside: number;
}

const NONE: Held = { keys: new Set(), inside: 0 };

const SMALL: ReadonlySet<number> = new Set([
  ...[t.BOOL, t.INT2, t.INT4, t.INT8, t.FLOAT4, t.FLOAT8, t.DATE, t.TIME, t.TIMETZ, t.TIMESTAMP, t.TIMESTAMPTZ],
  2278, // void
]);

/** Of one subject; remembers what it was asked. */
export class Holders {
  private readonly relations = new Map<Relation, Held>();
  private readonly functions = new Map<Fn, boolean>();

  constructor(
    readonly subject: Subject,
    private readonly catalog: Catalog,
    private readonly role: RolePolicy,
  ) {}

  of(relation: Relation): Held {
    let held = this.relations.get(relation);
    if (!held) {
      held = this.look(relation);
      this.relations.set(relation, held);
    }
    return held;
  }

  private look(relation: Relation): Held {
    if (relation.persistence === 't' || this.role.relations.get(relation.oid)?.system === true) return NONE;
    const keys = new Set(keysOn(this.catalog, this.subject, relation).map(({ name }) => name));
    if (keys.size > 0) return { keys, inside: 0 };
    if (relation.kind !== 'v' && relation.kind !== 'm') return NONE;
    return { keys, inside: this.inside(relation, new Set()) };
  }

  /** INVARIANT: of a view that cannot be seen through somebody may stand in each row. */
  private inside(view: Relation, seen: Set<Relation>): number {
    if (seen.has(view)) return 0;
    seen.add(view);
    if (!view.view) return 1;
    let count = 0;
    for (const oid of view.view.relations) {
      const relation = this.catalog.relationsByOid.get(oid);
      if (!relation || relation === view) continue;
      if (this.holds(relation)) count += 1;
      else if (relation.kind === 'v' || relation.kind === 'm') count += this.inside(relation, seen);
    }
    return count;
  }

  private holds(relation: Relation): boolean {
    return this.subject.lost.relations.has(relation.oid) || keysOn(this.catalog, this.subject, relation).length > 0;
  }

  /** Whether what a function gives may be about somebody. */
  reads(fn: Fn): boolean {
    if (fn.oid < FIRST_USER_OID || fn.extension !== '') return false;
    const known = this.functions.get(fn);
    if (known !== undefined) return known;
    const row = rowRelation(this.catalog, fn.result);
    const ofRows = row !== undefined && this.holds(row);
    // What it reads is not known. A number or a truth is counted by its bytes alone, and an immutable one reads nothing.
    const found = ofRows || (fn.volatility !== 'i' && !SMALL.has(baseType(this.catalog, fn.result)));
    this.functions.set(fn, found);
    return found;
  }
}
