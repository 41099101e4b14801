/** Stage 4: everything that the statement touches, held against what the role was granted. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { resolveType } from '../../policy/compile/functions.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import { reaches } from '../../sql/analyze/levels.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Fn, Operator, Relation, Type } from '../../sql/catalog/catalog.ts';
import { as } from '../../sql/parse/tree.ts';
import { OID, UNKNOWN } from '../../sql/types/oids.ts';
import { CLASSES } from '../builtin-functions.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { functionClass } from '../function-class.ts';
import { mayCall, mayUseOperator, mayUseType } from '../may-use.ts';
import { metadataFunction } from '../metadata/functions.ts';
import { regKind } from '../metadata/reg-types.ts';
import { isSequenceFunction, judgeSequence } from '../sequences.ts';
import { mayShow } from '../settings.ts';
import { authorizeOuterAggregates } from './authorize-aggregates.ts';
import { authorizeCollations } from './authorize-collations.ts';
import { authorizeCopy } from './authorize-copy.ts';
import { authorizeGroups } from './authorize-groups.ts';
import { judgeRelation, judgeWritten } from './authorize-relation.ts';
import { authorizeTemporary } from './authorize-temporary.ts';
import { callsOfAbsentSetting, verdict, verdictUnseen } from './classify-settings.ts';
import { reachesUnboundedData, readsCatalogsAlone } from './reads-data.ts';

export const authorizeStage: Stage = {
  name: 'authorize',
  each: authorize,
};

function authorize(draft: Draft, statement: DraftStatement): void {
  const { analysis } = statement;
  if (!analysis || statement.refusal) return;
  let first: Refusal | undefined;
  const absent = callsOfAbsentSetting(draft, statement);
  const judged = (use: Use): Refusal | undefined => {
    const found = absent.has(use) ? undefined : judge(draft, use, statement.copy?.is_from === true);
    const at = found && position(draft.text, use.at);
    return found && { ...found, ...(at !== undefined && { position: at }) };
  };
  for (const use of analysis.uses) {
    note(statement, use);
    first ??= judged(use);
  }
  // As a Parse or PREPARE declares them, or as their places settled them: a domain's CHECK runs at Bind.
  for (const oid of analysis.parameterTypes) {
    const type = draft.catalog.typesByOid.get(oid);
    if (oid && oid !== UNKNOWN && (!type || !mayUseType(draft, type))) {
      first ??= refusal('type-not-granted', '42501', `permission denied for type ${type?.name ?? oid}`, BY_TYPES);
    }
  }
  if (statement.kind.kind === 'read' && readsCatalogsAlone(draft.role, analysis.uses)) {
    statement.kind = { kind: 'read', catalogs: true };
    statement.bounded = false;
  }
  if (statement.explains) first ??= estimates(draft, statement);
  // Refusals by policy come before errors about missing objects: a relation that was not granted has no columns that could be found.
  const copied = relationRefusal(first) ? undefined : authorizeCopy(draft, statement, judged);
  const other = copied ?? withRule(draft, analysis.refusals[0], analysis.uses) ?? first;
  statement.refusal =
    relationRefusal(first) ??
    other ??
    authorizeCollations(draft, statement) ??
    authorizeOuterAggregates(draft, statement) ??
    authorizeGroups(draft, statement) ??
    authorizeTemporary(statement) ??
    formOnView(draft.role, analysis.marks.writes);
}

/** On a view that is partly withheld, only plain commands can be held to the policy. */
function formOnView(role: RolePolicy, writes: readonly Write[]): Refusal | undefined {
  for (const { target, command, node, events } of writes) {
    const relation = target?.source.kind === 'relation' ? target.source.view.relation : undefined;
    const grant = relation?.kind === 'v' ? role.relations.get(relation.oid) : undefined;
    const isMerge = command === 'MergeStmt';
    if (!grant || !(isMerge || as(node, 'InsertStmt')?.onConflictClause)) continue;
    const commands = isMerge ? events : (['insert', 'update'] as const);
    // Of a MERGE what it does; it reads the view as well.
    const isOpen = commands.every((command) => grant[command]?.through?.kind === 'open');
    if (!isOpen || (isMerge && grant.select?.whole !== true))
      return refusal(
        'write-restricted',
        '0A000',
        `${isMerge ? 'MERGE' : 'ON CONFLICT'} on view "${grant.relation.name}" is not supported`,
        {
          hint: isMerge ? 'Write UPDATE and INSERT.' : 'Grant the table behind it, and write that.',
          rule: grant.rule,
        },
      );
  }
  return undefined;
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
  if (use.kind === 'column' || use.kind === 'written')
    statement.columns.add(`${use.relation.schema}.${use.relation.name}.${use.column}`);
}

/** `copies`: into the relation, by COPY. */
function judge(draft: Draft, use: Use, copies: boolean): Refusal | undefined {
  switch (use.kind) {
    case 'relation':
      return judgeRelation(draft.role, use.relation, copies ? 'copy' : use.action);
    case 'column':
      // Judged when names were resolved: what is not granted could not be found.
      return undefined;
    case 'written':
      return judgeWritten(draft.role, use);
    case 'function':
      return judgeFunction(draft, use);
    case 'operator':
      for (const operator of use.candidates)
        if (!mayUseOperator(draft.role, operator, draft.catalog)) return operatorDenied(operator);
      return undefined;
    case 'type':
      return mayUseType(draft, use.type) ? undefined : typeDenied(draft.role, use.type);
    case 'sample':
      return judgeSample(draft, use);
    case 'collects':
      return draft.role.collect === 'deny' && reachesUnboundedData(draft, use.level)
        ? refusal('collects', '42501', `permission denied for ${use.what}: it collects values of several rows in one`, {
            hint: 'It is granted by collect: allow.',
            rule: draft.role.rule,
          })
        : undefined;
  }
}

/**
 * INVARIANT 193: a sample of what is held in part is drawn among what may be seen, by chances that cannot be found out later. The server's own tells
 * where rows lie: SYSTEM takes pages, and BERNOULLI draws by a row's place and 32 random bits, which the rows that came let one find.
 */
function judgeSample({ role }: Draft, { relation, drawn }: Extract<Use, { kind: 'sample' }>): Refusal | undefined {
  if (role.relations.get(relation.oid)?.select?.whole || drawn) return undefined;
  return refusal(
    'unsupported',
    '0A000',
    `TABLESAMPLE of "${relation.name}" is not supported: rows or columns of it are withheld`,
    { hint: 'Write BERNOULLI with a number from 0 to 100, without REPEATABLE.' },
  );
}

function typeDenied(role: RolePolicy, type: Type): Refusal {
  const row = role.relations.get(type.relation);
  if (row?.select) {
    return refusal(
      'type-not-granted',
      '0A000',
      `the row type of "${type.name}" is not supported: rows or columns of it are withheld`,
      {
        hint: 'Name the columns, or build a value with ROW(…) or row_to_json.',
        rule: row.rule,
      },
    );
  }
  return refusal('type-not-granted', '42501', `permission denied for type ${type.schema}.${type.name}`, {
    ...BY_TYPES,
    rule: role.rule,
  });
}

const BY_TYPES = { hint: 'Types that no granted table or function uses are granted by types: […].' };

function judgeFunction(draft: Draft, use: Extract<Use, { kind: 'function' }>): Refusal | undefined {
  for (const fn of use.candidates) {
    const found = functionClass(fn, draft.catalog);
    if (found === 'settings') {
      const denied = judgeSetting(draft, fn.name, use.literals());
      if (denied) return denied;
    } else if (isSequenceFunction(fn)) {
      const denied = judgeSequence(draft, fn, use.subject?.());
      if (denied) return denied;
    } else if (!mayCall(draft.role, fn, draft.catalog)) {
      const what = fn.kind === 'p' ? 'procedure' : 'function';
      return refusal('function-not-granted', '42501', `permission denied for ${what} ${use.name}`, {
        detail: found && `It ${CLASSES[found].reason}.`,
        hint: 'Functions beyond the built-in safe set, and procedures, are granted by functions: […].',
        rule: draft.role.rule,
      });
    } else if (found === 'types' || found === 'parsers') {
      const denied = judgeNamed(draft, fn, found, use.literals());
      if (denied) return denied;
    } else if (use.candidates.length > 1 && metadataFunction(fn)) {
      // Functions that read the catalogs past our filters are called only if their arguments can be determined.
      return refusal('function-not-granted', '42501', `permission denied for function ${use.name} here`, {
        hint: 'The types of its arguments cannot be told.',
      });
    }
  }
  return undefined;
}

function judgeSetting(
  draft: Draft,
  name: string,
  [setting, value]: ReturnType<Extract<Use, { kind: 'function' }>['literals']>,
): Refusal | undefined {
  if (name === 'current_setting') {
    // If the name is not a constant, the rewritten call only asks for shown settings.
    return typeof setting !== 'string' || mayShow(setting, draft.role)
      ? undefined
      : refusal('setting-not-allowed', '42501', `permission denied for parameter "${setting}"`, {
          hint: 'It tells of the server: no restricted role may read it.',
        });
  }
  if (typeof setting !== 'string')
    return refusal(
      'setting-not-allowed',
      '42501',
      'set_config takes the name of a setting as a constant for restricted roles',
      { hint: 'Write the name as a constant.' },
    );
  // A value computed from rows would be kept in the setting from one row to the next: it could collect them.
  if (value === undefined)
    return refusal('setting-not-allowed', '42501', 'set_config takes constants for restricted roles', {
      hint: 'Write the value as a constant, or send it as a parameter.',
    });
  if (typeof value !== 'string') return verdictUnseen(draft, setting);
  return verdict(draft, setting, setting.toLowerCase() === 'search_path' ? value.split(',') : [value]);
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

/**
 * EXPLAIN shows estimates, which come from statistics over every row, of a catalog too, and from the pages of a table, which columns
 * that are withheld fill as well.
 */
function estimates(draft: Draft, statement: DraftStatement): Refusal | undefined {
  if (draft.role.statements.has('explain') || !statement.analysis) return undefined;
  const { uses, marks } = statement.analysis;
  const { levels, writes } = marks;
  // At any place, also in the FROM of a write.
  const inPart = uses.some((use) => use.kind === 'relation' && !isHeldWhole(draft.role, use.relation));
  if (!inPart && !levels.some(reaches) && !writes.some((write) => isFiltered(draft.role, write))) return undefined;
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

/** Every row and column of it may be read; what may only be written may not. */
function isHeldWhole(role: RolePolicy, { oid }: Relation): boolean {
  const grant = role.relations.get(oid);
  return grant !== undefined && (grant.select?.whole ?? false);
}

/** Whether a statement that writes has a condition: on the rows that it finds, or on those that it leaves. */
function isFiltered(role: RolePolicy, { target }: Write): boolean {
  const grant = target?.source.kind === 'relation' ? role.relations.get(target.source.view.relation.oid) : undefined;
  const writes = [grant?.insert, grant?.update, grant?.delete];
  // Behind a view there are relations that were not granted.
  if (writes.some((write) => write?.through?.kind === 'held')) return true;
  return [grant?.select, ...writes].some((command) => command !== undefined && command.conditions.length > 0);
}

/** @param literals of the call: a text where it is a constant. */
function judgeNamed(
  draft: Draft,
  fn: Fn,
  found: 'types' | 'parsers',
  literals: readonly unknown[],
): Refusal | undefined {
  const name = literals[found === 'types' ? 1 : 0];
  const known = typeof name === 'string' && (found === 'types' ? isPlainType(draft, name) : PARSERS.includes(name));
  // By number, it is looked up in the rewritten text.
  const lookedUp = fn.name === 'ts_token_type' && fn.args[0] === OID;
  if (known || lookedUp || draft.role.functions.has(fn.oid)) return undefined;
  return refusal('function-not-granted', '42501', `permission denied for function ${fn.name} here`, {
    detail: `It ${CLASSES[found].reason}.`,
    hint: 'Write the name as a constant.',
    rule: draft.role.rule,
  });
}

const PARSERS = ['default', 'pg_catalog.default'];

/** `numeric(8, 2)`, `interval(3)` */
const MODIFIER = /\(\s*\d+\s*(?:,\s*-?\d+\s*)?\)/;

/** INVARIANT 101: a type whose text looks nothing up (`regclass` would reveal which tables exist) and runs no users' code. */
function isPlainType(draft: Draft, text: string): boolean {
  const oid = resolveType(draft.catalog, draft.searchPath, text.replace(MODIFIER, ''));
  const type = oid === undefined ? undefined : draft.catalog.typesByOid.get(oid);
  if (!type || regKind(draft.catalog, type.oid).kind !== 'no' || !mayUseType(draft, type)) return false;
  return type.oid < FIRST_USER_OID || type.kind === 'e';
}
