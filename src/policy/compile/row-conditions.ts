/** The row conditions of a granted table: its own `rows`, those of a command, and the role's scope, all joined with AND. */
import type { Column, Relation } from '../../sql/catalog/catalog.ts';
import type { AttributeType, Condition, Subject } from '../model/policy.ts';
import type { TableGrant } from '../schema/role-schema.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import type { PolicyEnvironment } from '../source/sql-source.ts';
import { type ScopeRule, scopeSources } from './scope.ts';
import type { SubjectReach } from './subject-reach.ts';

/** One file's part in a role: the role's own `tables`, or those of a grants file that it uses. */
export interface GrantsPart {
  readonly env: PolicyEnvironment;
  readonly document: PolicyDocument;
  readonly report: DiagnosticReport;
  readonly attributes: ReadonlyMap<string, AttributeType>;
  readonly scopes: ReadonlyMap<string, ScopeRule>;
  /** The subjects that the relation has keys of, and these keys. */
  subjectsOf(relation: Relation): readonly SubjectKeys[];
  readonly subjects: readonly Subject[];
  readonly reach: SubjectReach;
  /** The subjects that the relation has data of, by a key that no longer exists. */
  lostOn(relation: Relation): readonly Subject[];
}

interface SubjectKeys {
  readonly subject: Subject;
  readonly keys: readonly Column[];
}

/** The conditions for every command on a table, compiled once. */
export interface TableConditions {
  readonly rows: readonly Condition[];
  readonly scope: readonly Condition[];
}

/** Compiles the row conditions and scopes of one table's entry; errors are reported at `path`. */
export function tableConditions(entry: TableGrant, relation: Relation, path: Path, part: GrantsPart): TableConditions {
  const commands = [entry.select, entry.insert, entry.update, entry.delete].filter((grant) => grant !== undefined);
  const scoped = commands.some((grant) => grant.scope === undefined);
  return {
    rows: entry.rows === undefined ? [] : compileRows(relation, [...path, 'rows'], part),
    scope: scoped ? scopeConditions(relation, path, part) : [],
  };
}

/** The conditions of one command; its grant is at `path`. */
export function commandConditions(
  table: TableConditions,
  hasRows: boolean,
  scope: 'none' | undefined,
  relation: Relation,
  path: Path,
  part: GrantsPart,
): Condition[] {
  // INVARIANT 36: scope applies to a command unless its own grant says `scope: none`.
  const scoped = scope === 'none' ? [] : table.scope;
  return [...scoped, ...table.rows, ...(hasRows ? compileRows(relation, [...path, 'rows'], part) : [])];
}

function compileRows(relation: Relation, path: Path, part: GrantsPart): Condition[] {
  const { env, document, report, attributes } = part;
  const text = document.sql(path, report);
  if (!text) return [];
  const { catalog, searchPath } = env;
  const compiled = env.compileCondition(
    { sql: text.sql, rule: document.rule(path) },
    { catalog, searchPath, relation, attributes },
  );
  if ('rule' in compiled) return [compiled];
  for (const problem of compiled) report.error(text.place(problem.offset), problem.message);
  return [];
}

function scopeConditions(relation: Relation, path: Path, part: GrantsPart): Condition[] {
  const { env, document, report, attributes } = part;
  return part.subjectsOf(relation).flatMap(({ subject, keys }) => {
    const scope = part.scopes.get(subject.name);
    if (!scope) {
      const way = `write "scope: { ${subject.name}: … }" in the role, or "all" where it may see everyone`;
      report.error(
        document.place(path),
        `"${relation.name}" holds data of subject "${subject.name}" but the role has no scope for it; ${way}`,
      );
      return [];
    }
    if (scope.kind !== 'condition') return [];
    const { catalog, searchPath } = env;
    return scopeSources(subject, scope, relation, keys).flatMap((source) => {
      const compiled = env.compileCondition(source, { catalog, searchPath, relation, attributes });
      if ('rule' in compiled) return [withScopedRows(compiled, subject, scope.text.sql, relation, part)];
      // The condition itself was already compiled on the first table: an error here comes from how the tables are connected.
      for (const { message } of compiled) {
        report.error(
          document.place(path),
          `scope of subject "${subject.name}" cannot be asked of "${relation.name}": ${message}`,
        );
      }
      return [];
    });
  });
}

/** Notes that the condition reads only the rows in scope of the subject's first table. */
function withScopedRows(
  condition: Condition,
  subject: Subject,
  scope: string,
  relation: Relation,
  { env, attributes }: GrantsPart,
): Condition {
  const parent = subject.keys[0]?.relation;
  if (!condition.needs || !parent || parent.oid === relation.oid) return condition;
  const { catalog, searchPath } = env;
  const inScope = env.compileCondition(
    { sql: scope, rule: condition.rule },
    { catalog, searchPath, relation: parent, attributes },
  );
  // If the scope itself reads that table again, the rows that it reads are not known.
  if (!('rule' in inScope) || inScope.needs?.elsewhere.some((read) => read.relation.oid === parent.oid))
    return condition;
  const elsewhere = condition.needs.elsewhere.map((read) =>
    read.relation.oid === parent.oid ? { ...read, rows: [inScope] } : read,
  );
  return { ...condition, needs: { ...condition.needs, elsewhere } };
}
