/** Stage 4: everything that the statement touches, held against what the role was granted. */
import { type Refusal, refusal } from '../../errors.ts';
import type { RelationGrant, RolePolicy } from '../../policy/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import { reaches } from '../../sql/analyze/from.ts';
import type { Level } from '../../sql/analyze/model.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Fn, Operator, Relation, Type } from '../../sql/catalog.ts';
import { UNKNOWN } from '../../sql/types/oids.ts';
import {
  BUILTINS,
  DENIED,
  INFORMATION_SCHEMA_FUNCTIONS,
  KNOWN_EXTENSIONS,
  SETTING_FUNCTIONS,
} from '../builtin-functions.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { mayShow } from '../settings.ts';
import { verdict } from './classify-settings.ts';
import { isDefinition, namesVisible } from './definitions.ts';

export const authorizeStage: Stage = {
  name: 'authorize',
  run(draft: Draft): void {
    for (const statement of draft.statements) authorize(draft, statement);
  },
};

function authorize(draft: Draft, statement: DraftStatement): void {
  const { analysis } = statement;
  if (!analysis || statement.refusal) return;
  let first: Refusal | undefined;
  for (const use of analysis.uses) {
    note(statement, use);
    const found = judge(draft, use);
    if (!found || first) continue;
    const at = position(draft.text, use.at);
    first = { ...found, ...(at !== undefined && { position: at }) };
  }
  // As a Parse or PREPARE declares them, or as their places settled them: a domain's CHECK runs at Bind.
  for (const oid of analysis.parameterTypes) {
    const type = draft.catalog.typesByOid.get(oid);
    if (oid && oid !== UNKNOWN && (!type || !mayUseType(draft, type))) {
      first ??= refusal('type-not-granted', '42501', `permission denied for type ${type?.name ?? oid}`);
    }
  }
  if (statement.kind.kind === 'read' && readsCatalogsAlone(draft.role, analysis.uses)) {
    statement.kind = { kind: 'read', catalogs: true };
    statement.bounded = false;
  }
  if (statement.explains) first ??= estimates(draft, statement);
  // What policy refuses stands before what only does not exist: a relation that was not granted has no columns that could be found.
  statement.refusal = relationRefusal(first) ?? withRule(draft, analysis.refusals[0], analysis.uses) ?? first;
}

function readsCatalogsAlone(role: RolePolicy, uses: readonly Use[]): boolean {
  return uses.some((use) => use.kind === 'relation') && uses.every((use) => isOfServer(role, use));
}

/** INVARIANT: no relation that holds data is read, and nothing is called but the server's own: what users made could read one. */
function isOfServer(role: RolePolicy, use: Use): boolean {
  const isSystem = ({ oid }: { readonly oid: number }): boolean => oid < FIRST_USER_OID;
  switch (use.kind) {
    case 'relation':
    case 'column':
    case 'sample':
      return role.relations.get(use.relation.oid)?.system === true;
    case 'function':
    case 'operator':
      return use.candidates.every(isSystem);
    case 'type':
      return isSystem(use.type);
    case 'collects':
      return true;
  }
}

function relationRefusal(found: Refusal | undefined): Refusal | undefined {
  return found?.reason === 'relation-not-granted' || found?.reason === 'write-restricted' ? found : undefined;
}

/** A column refused while names were resolved gets the line of the grant that does not name it. */
function withRule(draft: Draft, found: Refusal | undefined, uses: readonly Use[]): Refusal | undefined {
  if (found?.reason !== 'column-withheld') return found;
  for (const use of uses) {
    if (use.kind !== 'column' || !found.message.includes(`"${use.column}"`)) continue;
    const grant = draft.role.relations.get(use.relation.oid);
    if (!grant) continue;
    return {
      ...found,
      rule: grant.select?.rule ?? grant.rule,
      hint: `Column "${use.column}" is not among the columns granted to role "${draft.role.name}".`,
    };
  }
  return found;
}

function note(statement: DraftStatement, use: Use): void {
  if (use.kind === 'relation') statement.tables.add(`${use.relation.schema}.${use.relation.name}`);
  if (use.kind === 'column') statement.columns.add(`${use.relation.schema}.${use.relation.name}.${use.column}`);
}

function judge(draft: Draft, use: Use): Refusal | undefined {
  switch (use.kind) {
    case 'relation':
      return judgeRelation(draft.role, use.relation, use.action);
    case 'column':
      // Judged where names were resolved: what is not granted could not be found.
      return undefined;
    case 'function':
      return judgeFunction(draft, use);
    case 'operator':
      for (const operator of use.candidates) if (!mayUseOperator(draft.role, operator)) return operatorDenied(operator);
      return undefined;
    case 'type':
      return mayUseType(draft, use.type)
        ? undefined
        : refusal('type-not-granted', '42501', `permission denied for type ${use.type.schema}.${use.type.name}`, {
            rule: draft.role.rule,
          });
    case 'sample': {
      const select = draft.role.relations.get(use.relation.oid)?.select;
      return select?.whole
        ? undefined
        : refusal(
            'unsupported',
            '0A000',
            `TABLESAMPLE of "${use.relation.name}" is not supported: rows or columns of it are withheld`,
          );
    }
    case 'collects':
      return draft.role.collect === 'deny' && reachesData(draft.role, use.level)
        ? refusal('collects', '42501', `permission denied for ${use.what}: it collects values of several rows in one`, {
            hint: 'It is granted by collect: allow.',
            rule: draft.role.rule,
          })
        : undefined;
  }
}

/** What an action on a relation needs. */
const NEEDED: Readonly<Record<string, string>> = {
  select: 'SELECT',
  insert: 'INSERT',
  update: 'UPDATE',
  delete: 'DELETE',
  lock: 'UPDATE or DELETE, which FOR UPDATE and its kin need,',
};

function judgeRelation(role: RolePolicy, relation: Relation, action: string): Refusal | undefined {
  const grant = role.relations.get(relation.oid);
  const kind =
    relation.kind === 'v'
      ? 'view'
      : relation.kind === 'm'
        ? 'materialized view'
        : relation.kind === 'S'
          ? 'sequence'
          : 'table';
  const none = (): Refusal =>
    refusal('relation-not-granted', '42501', `permission denied for ${kind} ${relation.name}`, {
      hint: `Role "${role.name}" was not granted ${NEEDED[action] ?? action} on ${relation.schema}.${relation.name}.`,
      rule: grant?.rule ?? role.rule,
    });
  switch (action) {
    case 'select':
      return grant?.select ? undefined : none();
    case 'lock':
      return grant?.update || grant?.delete ? undefined : none();
    case 'insert':
    case 'update':
    case 'delete': {
      const write = grant?.[action];
      if (!grant || !write) return none();
      return restricted(grant, action, write.whole) ? writeRestricted(role, relation, action, write.rule) : undefined;
    }
    default:
      return none();
  }
}

/** Until restricted writes are judged as they are stored, a table with any restriction is not written at all. */
function restricted(grant: RelationGrant, action: string, whole: boolean): boolean {
  if (!whole || !grant.relation.columns.length || grant.relation.kind === 'v') return true;
  if (action === 'insert') return grant.select !== undefined && grant.select.conditions.length > 0;
  return grant.select?.whole !== true;
}

function writeRestricted(role: RolePolicy, relation: Relation, action: string, rule: string): Refusal {
  return refusal(
    'write-restricted',
    '0A000',
    `${action.toUpperCase()} on "${relation.name}" is not supported yet: role "${role.name}" is restricted on it`,
    {
      hint: 'Writes are supported on tables of which the role holds every column and every row.',
      rule,
    },
  );
}

function judgeFunction(draft: Draft, use: Extract<Use, { kind: 'function' }>): Refusal | undefined {
  for (const fn of use.candidates) {
    const special = fn.schema === 'pg_catalog' && SETTING_FUNCTIONS.has(fn.name);
    if (special) {
      const found = judgeSetting(draft, fn.name, use.literals);
      if (found) return found;
    } else if (!mayCall(draft.role, fn)) {
      return refusal('function-not-granted', '42501', `permission denied for function ${use.name}`, {
        hint: 'Functions beyond the built-in safe set are granted by functions: […].',
        rule: draft.role.rule,
      });
    } else if (isDefinition(fn.schema, fn.name) && !asksOfVisible(draft, use.subject)) {
      return refusal('function-not-granted', '42501', `permission denied for function ${use.name} here`, {
        hint: "Its first argument must be a column of a system catalog as it stands, or a granted relation's OID or name as a constant.",
      });
    }
  }
  return undefined;
}

/** INVARIANT: these functions look into the catalogs behind our filters: they are asked only about what the filters show. */
function asksOfVisible(draft: Draft, subject: Extract<Use, { kind: 'function' }>['subject']): boolean {
  if (!subject || subject.catalog) return subject?.catalog === true;
  return subject.text !== undefined && namesVisible(subject.text, draft.role, draft.catalog, draft.searchPath);
}

function judgeSetting(draft: Draft, name: string, literals: readonly (string | undefined)[]): Refusal | undefined {
  const [setting, value] = literals;
  if (setting === undefined)
    return refusal(
      'setting-not-allowed',
      '42501',
      `${name} takes the name of a setting as a constant for restricted roles`,
    );
  if (name === 'current_setting') {
    return mayShow(setting)
      ? undefined
      : refusal('setting-not-allowed', '42501', `permission denied for parameter "${setting}"`);
  }
  if (value === undefined)
    return refusal('setting-not-allowed', '42501', 'set_config takes constants for restricted roles');
  return verdict(draft, setting, setting.toLowerCase() === 'search_path' ? value.split(',') : [value]);
}

function mayCall(role: RolePolicy, fn: Fn): boolean {
  if (role.functions.has(fn.oid)) return true;
  if (fn.extension !== '' && KNOWN_EXTENSIONS.has(fn.extension)) return !DENIED.has(fn.name) && fn.volatility !== 'v';
  if (fn.schema === 'pg_catalog') return fn.oid < FIRST_USER_OID && BUILTINS.has(fn.name);
  return fn.schema === 'information_schema' && fn.oid < FIRST_USER_OID && INFORMATION_SCHEMA_FUNCTIONS.has(fn.name);
}

/** PostgreSQL's FirstNormalObjectId: objects below it came with the server. */
const FIRST_USER_OID = 16384;

function mayUseOperator(role: RolePolicy, operator: Operator): boolean {
  if (operator.schema === 'pg_catalog' && operator.oid < FIRST_USER_OID) return true;
  return role.functions.has(operator.fn) || (operator.extension !== '' && KNOWN_EXTENSIONS.has(operator.extension));
}

function operatorDenied(operator: Operator): Refusal {
  return refusal(
    'operator-not-granted',
    '42501',
    `permission denied for operator ${operator.schema}.${operator.name}`,
    {
      hint: 'An operator is its function: grant that by functions: […].',
    },
  );
}

/** System types, enums, and what extensions bring; types of granted columns; a domain only where it is one of those, for its CHECK is code. */
function mayUseType(draft: Draft, type: Type): boolean {
  if (type.schema === 'pg_catalog' || type.schema === 'information_schema') return type.oid < FIRST_USER_OID;
  if (type.kind === 'e') return true;
  const element = type.element !== 0 ? draft.catalog.typesByOid.get(type.element) : undefined;
  if (element) return mayUseType(draft, element);
  for (const grant of draft.role.relations.values()) {
    if (grant.system) continue;
    for (const column of grant.select?.columns.values() ?? []) if (column.column.type === type.oid) return true;
  }
  return type.kind === 'b' && draft.catalog.functionsNamed(type.name).some((f) => KNOWN_EXTENSIONS.has(f.extension));
}

/** Whether rows of a granted user relation flow into this level. */
function reachesData(role: RolePolicy, level: Level, seen: Set<Level> = new Set()): boolean {
  if (seen.has(level)) return false;
  seen.add(level);
  for (const { source } of level.entries) {
    if (source.kind === 'relation' && !source.view.system) return true;
    if (source.kind === 'query' && reachesData(role, source.level, seen)) return true;
    if (source.kind === 'cte' && (!source.cte.level || reachesData(role, source.cte.level, seen))) return true;
  }
  // INVARIANT: a subquery in an expression brings values as well: string_agg((SELECT name FROM students WHERE id = i)) over a series.
  return [...level.arms, ...level.subqueries].some((inner) => reachesData(role, inner, seen));
}

/** EXPLAIN shows estimates, which come from statistics over every row. */
function estimates(draft: Draft, statement: DraftStatement): Refusal | undefined {
  if (draft.role.statements.has('explain') || !statement.analysis) return undefined;
  if (!statement.analysis.marks.levels.some(reaches)) return undefined;
  return refusal(
    'estimates',
    '42501',
    'permission denied for EXPLAIN: its estimates would tell of rows that are withheld',
    {
      hint: 'It is granted by statements: [explain].',
      rule: draft.role.rule,
    },
  );
}
