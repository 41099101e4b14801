/** Scope: the data subjects that a role may reach, written once for each subject and turned into a condition on every table with a key of it. */
import type { Column, Relation } from '../../sql/catalog/catalog.ts';
import type { Subject } from '../model/policy.ts';
import type { SqlText } from '../source/document.ts';
import type { RuleRef } from '../source/rule.ts';
import type { SqlSource } from '../source/sql-source.ts';
import { qualifiedName, quoteIdentifier } from './names.ts';

/** A role's scope of one subject. `broken`: the error in its condition was already reported. */
export type ScopeRule =
  | { readonly kind: 'all' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'condition'; readonly text: SqlText; readonly rule: RuleRef };

/**
 * The conditions that restrict `relation`, which has these keys of the subject, to the scope. On the first key's table this is the condition itself;
 * elsewhere a subquery on that table. With several keys, at least one must not be null, and each that is not null must be in scope.
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
    // A row without any key is in no scope.
    const known = others.map((key) => `${quoteIdentifier(key.name)} IS NOT NULL`).join(' OR ');
    sources.push({ sql: known, rule });
  }
  return sources;
}

/** `key IN (SELECT first key FROM first table WHERE scope)`, and the same for one row. */
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
  // The line break ends a `--` comment in the condition.
  const head = `${alone ? '' : `${column} IS NULL OR `}${column} IN (SELECT ${parentColumn} ${from}`;
  const sql = `${head}${scope.text.sql}\n))`;
  const row = `${quoteIdentifier(relation.name)}.${column}`;
  const seen =
    `(SELECT true FROM (SELECT ${parentColumn} AS rowgate_key ${from}${scope.text.sql}\n)) AS rowgate_p` +
    ` WHERE rowgate_p.rowgate_key = ${row} LIMIT 1)`;
  const okSql = alone ? seen : `${column} IS NULL OR ${seen}`;
  return { sql, okSql, rule: scope.rule };
}
