/** Stage 4: everything that the statement touches, held against what the role was granted. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { Write } from '../../sql/analyze/findings.ts';
import { reaches } from '../../sql/analyze/levels.ts';
import { position } from '../../sql/analyze/resolver.ts';
import type { Operator, Relation, Type } from '../../sql/catalog/catalog.ts';
import { UNKNOWN } from '../../sql/types/oids.ts';
import { SETTING_FUNCTIONS } from '../builtin-functions.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';
import { mayCall, mayUseOperator, mayUseType } from '../may-use.ts';
import { metadataFunction } from '../metadata/functions.ts';
import { isSequenceFunction, judgeSequence } from '../sequences.ts';
import { mayShow } from '../settings.ts';
import { authorizeCopy } from './authorize-copy.ts';
import { authorizeGroups } from './authorize-groups.ts';
import { judgeRelation, judgeWritten } from './authorize-relation.ts';
import { authorizeTemporary } from './authorize-temporary.ts';
import { verdict, verdictUnseen } from './classify-settings.ts';
import { reachesUnboundedData, readsCatalogsAlone } from './reads-data.ts';

export const authorizeStage: Stage = {
  name: 'authorize',
  each: authorize,
};

function authorize(draft: Draft, statement: DraftStatement): void {
  const { analysis } = statement;
  if (!analysis || statement.refusal) return;
  let first: Refusal | undefined;
  for (const use of analysis.uses) {
    note(statement, use);
    const found = judge(draft, use, statement.copy?.is_from === true);
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
  const copied = relationRefusal(first) ? undefined : authorizeCopy(draft, statement);
  const other = copied ?? withRule(draft, analysis.refusals[0], analysis.uses) ?? first;
  statement.refusal =
    relationRefusal(first) ?? other ?? authorizeGroups(draft, statement) ?? authorizeTemporary(statement);
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
      // Judged where names were resolved: what is not granted could not be found.
      return undefined;
    case 'written':
      return judgeWritten(draft.role, use);
    case 'function':
      return judgeFunction(draft, use);
    case 'operator':
      for (const operator of use.candidates) if (!mayUseOperator(draft.role, operator)) return operatorDenied(operator);
      return undefined;
    case 'type':
      return mayUseType(draft, use.type) ? undefined : typeDenied(draft.role, use.type);
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
      return draft.role.collect === 'deny' && reachesUnboundedData(draft, use.level)
        ? refusal('collects', '42501', `permission denied for ${use.what}: it collects values of several rows in one`, {
            hint: 'It is granted by collect: allow.',
            rule: draft.role.rule,
          })
        : undefined;
  }
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
    rule: role.rule,
  });
}

function judgeFunction(draft: Draft, use: Extract<Use, { kind: 'function' }>): Refusal | undefined {
  for (const fn of use.candidates) {
    const special = fn.schema === 'pg_catalog' && SETTING_FUNCTIONS.has(fn.name);
    if (special) {
      const found = judgeSetting(draft, fn.name, use.literals());
      if (found) return found;
    } else if (isSequenceFunction(fn)) {
      const found = judgeSequence(draft, fn, use.subject?.());
      if (found) return found;
    } else if (!mayCall(draft.role, fn)) {
      const what = fn.kind === 'p' ? 'procedure' : 'function';
      return refusal('function-not-granted', '42501', `permission denied for ${what} ${use.name}`, {
        hint: 'Functions beyond the built-in safe set, and procedures, are granted by functions: […].',
        rule: draft.role.rule,
      });
    } else if (use.candidates.length > 1 && metadataFunction(fn.schema, fn.name)) {
      // What looks into the catalogs behind our filters is asked only where it can be told what it is asked about.
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
    // Where the name is no constant, the rewritten call asks for shown settings alone.
    return typeof setting !== 'string' || mayShow(setting)
      ? undefined
      : refusal('setting-not-allowed', '42501', `permission denied for parameter "${setting}"`);
  }
  if (typeof setting !== 'string')
    return refusal(
      'setting-not-allowed',
      '42501',
      'set_config takes the name of a setting as a constant for restricted roles',
    );
  // A value computed from rows would be kept in the setting from one row to the next: it could collect them.
  if (value === undefined)
    return refusal('setting-not-allowed', '42501', 'set_config takes constants for restricted roles');
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
  // Wherever it stands, in the FROM of a write too.
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

/** Whether a condition stands in a statement that writes: on the rows that it finds, or on those that it leaves behind. */
function isFiltered(role: RolePolicy, { target }: Write): boolean {
  const grant = target?.source.kind === 'relation' ? role.relations.get(target.source.view.relation.oid) : undefined;
  const commands = [grant?.select, grant?.insert, grant?.update, grant?.delete];
  return commands.some((command) => command !== undefined && command.conditions.length > 0);
}
