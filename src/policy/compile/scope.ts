/** Scope: whose data a role may touch, written once by subject and turned into a condition on every table with a key of it. */
import type { Column, Relation } from '../../sql/catalog/catalog.ts';
import type { Subject } from '../model/policy.ts';
import type { SqlText } from '../source/document.ts';
import type { RuleRef } from '../source/rule.ts';
import type { SqlSource } from '../source/sql-source.ts';
import { qualifiedName, quoteIdentifier } from './names.ts';

/** A role's scope of one subject. `broken`: its condition was reported already, and stands for nothing. */
export type ScopeRule =
  | { readonly kind: 'all' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'condition'; readonly text: SqlText; readonly rule: RuleRef };

/**
 * The conditions that put `relation`, with these keys of the subject, in scope. On the first key's table the condition as it
 * stands; elsewhere through that table; with several keys at least one not null, and each that is not null in scope.
 */
export function scopeSources(
  subject: Subject,
  scope: Extract<ScopeRule, { kind: 'condition' }>,
  relation: Relation,
  keys: readonly Column[],
): SqlSource[] {
  const first = subject.keys[0];
  if (!first) return [];
  const { rule } = scope;
  const own = relation.oid === first.relation.oid;
  const sources: SqlSource[] = own ? [{ sql: scope.text.sql, rule }] : [];
  const others = own ? keys.filter((key) => key.attnum !== first.column.attnum) : keys;
  const alone = others.length === 1 && !own;
  for (const key of others) {
    sources.push(throughParent(first.relation, first.column, scope, relation, key, alone));
  }
  if (others.length > 1 && !own) {
    // A row that belongs to nobody is in nobody's scope.
    const known = others.map((key) => `${quoteIdentifier(key.name)} IS NOT NULL`).join(' OR ');
    sources.push({ sql: known, rule });
  }
  return sources;
}

/** `key IN (SELECT first key FROM first table WHERE scope)`, and the same asked of one row. */
function throughParent(
  parent: Relation,
  parentKey: Column,
  scope: Extract<ScopeRule, { kind: 'condition' }>,
  relation: Relation,
  key: Column,
  alone: boolean,
): SqlSource {
  const column = quoteIdentifier(key.name);
  const parentColumn = quoteIdentifier(parentKey.name);
  const from = `FROM ${qualifiedName(parent)} WHERE (`;
  // The line break ends a `--` comment in the writer's condition.
  const head = `${alone ? '' : `${column} IS NULL OR `}${column} IN (SELECT ${parentColumn} ${from}`;
  const sql = `${head}${scope.text.sql}\n))`;
  const row = `${quoteIdentifier(relation.name)}.${column}`;
  const seen =
    `(SELECT true FROM (SELECT ${parentColumn} AS rowgate_key ${from}${scope.text.sql}\n)) AS rowgate_p` +
    ` WHERE rowgate_p.rowgate_key = ${row} LIMIT 1)`;
  const okSql = alone ? seen : `${column} IS NULL OR ${seen}`;
  return { sql, okSql, rule: scope.rule };
}
