/** What a role must be granted for a statement that was refused: read from the judgement, never from the text. */

import { isReason, type Reason } from '../../core/reasons.ts';
import type { Judgement, StatementJudgement } from '../../guard/decision.ts';
import { resolveRelation } from '../../policy/compile/names.ts';
import type { RolePolicy, SequenceRight, StatementOption, TableCommand } from '../../policy/model/policy.ts';
import type { Catalog, Fn, Relation } from '../../sql/catalog/catalog.ts';
import { functionText, type Naming } from '../init/names.ts';

/** One line of a role's file. */
export type Need =
  /** A column; absent: the command on the table, even without a column. */
  | { readonly kind: TableCommand; readonly table: Relation; readonly column?: string }
  | { readonly kind: 'function'; readonly text: string }
  | { readonly kind: 'sequence'; readonly sequence: Relation; readonly right: SequenceRight }
  | { readonly kind: 'statement'; readonly word: StatementOption }
  | { readonly kind: 'collect' };

/** Equal for equal needs. */
export function keyOf(need: Need): string {
  switch (need.kind) {
    case 'function':
      return `function ${need.text}`;
    case 'sequence':
      return `sequence ${need.sequence.oid} ${need.right}`;
    case 'statement':
      return `statement ${need.word}`;
    case 'collect':
      return 'collect';
    default:
      return `${need.table.oid} ${need.kind} ${need.column ?? ''}`;
  }
}

/** Empty: no grant changes it. `isOpen` of tables that a grants file has: a role cannot add to these. */
export function needsOf({ statements }: Judgement, role: RolePolicy, naming: Naming): Need[] {
  const refused = statements.find(({ refusal }) => refusal);
  if (!refused?.refusal) return [];
  const { reason, hint = '', message } = refused.refusal;
  const needs = [
    ...columnsOf(refused, naming.catalog),
    ...(isReason(reason) ? byReason(reason, hint, message, refused, naming) : []),
  ];
  return needs
    .map((need) => asSequence(need, role))
    .filter((need) => !('table' in need) || !isGrantedElsewhere(need.table, role));
}

/** Of a sequence that the role does not have among its tables. */
function asSequence(need: Need, { relations }: RolePolicy): Need {
  if (!('table' in need) || need.table.kind !== 'S') return need;
  const grant = relations.get(need.table.oid);
  return grant && !grant.sequence ? need : { kind: 'sequence', sequence: need.table, right: 'select' };
}

/** By a grants file: its rule is not in the role's own. */
function isGrantedElsewhere({ oid }: Relation, { relations, rule }: RolePolicy): boolean {
  const grant = relations.get(oid);
  return grant !== undefined && fileOf(grant.rule) !== fileOf(rule);
}

function fileOf(rule: string): string {
  return rule.replace(/:\d+$/, '');
}

const COMMANDS = ['select', 'insert', 'update'] as const;

function columnsOf({ access }: StatementJudgement, catalog: Catalog): Need[] {
  return COMMANDS.flatMap((kind) =>
    (access?.[kind] ?? []).flatMap((name): Need[] => {
      const found = columnOf(name, catalog);
      return found ? [{ kind, ...found }] : [];
    }),
  );
}

/** Names may contain dots, so the relation is looked up and not cut out of the text. */
function columnOf(name: string, catalog: Catalog): { table: Relation; column: string } | undefined {
  for (let at = name.indexOf('.'); at > 0; at = name.indexOf('.', at + 1)) {
    const schema = name.slice(0, at);
    for (let end = name.indexOf('.', at + 1); end > 0; end = name.indexOf('.', end + 1)) {
      const table = catalog.relation(schema, name.slice(at + 1, end));
      const column = name.slice(end + 1);
      if (table && isOurs(table) && table.columns.some((one) => one.name === column)) return { table, column };
    }
  }
  return undefined;
}

/** It can be granted. */
export function isOurs({ schema, persistence }: Relation): boolean {
  return schema !== 'pg_catalog' && schema !== 'information_schema' && persistence !== 't';
}

const GRANTABLE: Readonly<Record<string, StatementOption>> = {
  LISTEN: 'listen',
  UNLISTEN: 'listen',
  NOTIFY: 'notify',
  LOCK: 'lock',
  'LOCK TABLE': 'lock',
  CALL: 'call',
};
/** The word that grants COPY, by its direction. */
export const COPIES: Readonly<Record<string, StatementOption>> = { 'copy-out': 'copy_to', 'copy-in': 'copy_from' };

function byReason(reason: Reason, hint: string, message: string, refused: StatementJudgement, naming: Naming): Need[] {
  const { catalog } = naming;
  switch (reason) {
    case 'relation-not-granted': {
      const [, action, name] = /was not granted (\w+).* on (.+)\.$/.exec(hint) ?? [];
      const table = catalog.data.relations.find((one) => `${one.schema}.${one.name}` === name);
      const kind = commandOf(action);
      if (!table || !kind || !isOurs(table)) return [];
      // UPDATE and DELETE need SELECT on the rows that they find, even if they read no column.
      return kind === 'insert' || kind === 'select'
        ? [{ kind, table }]
        : [
            { kind, table },
            { kind: 'select', table },
          ];
    }
    case 'function-not-granted': {
      const [, right, of] = /To be granted: (usage|update) on (.+)\.$/.exec(hint) ?? [];
      const asked = of === undefined ? undefined : resolveRelation(catalog, naming.searchPath, of);
      if (asked && 'value' in asked && asked.value.kind === 'S')
        return [{ kind: 'sequence', sequence: asked.value, right: right as SequenceRight }];
      const shown = /^permission denied for (?:function|procedure) (.+?)(?: here)?$/.exec(message)?.[1] ?? '';
      const [name = '', schema] = shown.split('.').reverse();
      const named = catalog.functionsNamed(name).filter((fn) => schema === undefined || fn.schema === schema);
      const own = named.filter((fn) => fn.schema !== 'pg_catalog' && fn.schema !== 'information_schema');
      // The server's own that are not in the safe set read files, settings, other sessions, or wait: a person decides.
      const calls: Need[] = own.length > 0 && refused.command === 'CALL' ? [{ kind: 'statement', word: 'call' }] : [];
      return [...calls, ...functions(own, naming)];
    }
    case 'operator-not-granted': {
      const [schema, name] = /operator ([^.]+)\.(.+)$/.exec(message)?.slice(1) ?? [];
      const operators = catalog.operatorsNamed(name ?? '').filter((operator) => operator.schema === schema);
      return functions(
        operators.flatMap((operator) => catalog.functionsByOid.get(operator.fn) ?? []),
        naming,
      );
    }
    case 'statement-not-allowed': {
      const word = message.endsWith('EXPLAIN ANALYZE')
        ? 'explain_analyze'
        : (COPIES[refused.kind.kind] ?? GRANTABLE[refused.command]);
      return word === undefined ? [] : [{ kind: 'statement', word }];
    }
    case 'estimates':
      return [{ kind: 'statement', word: 'explain' }];
    case 'collects':
      return [{ kind: 'collect' }];
    default:
      return [];
  }
}

function commandOf(action: string | undefined): TableCommand | undefined {
  switch (action?.toLowerCase()) {
    case 'select':
      return 'select';
    case 'insert':
    case 'copy':
      return 'insert';
    case 'update':
      return 'update';
    case 'delete':
      return 'delete';
    default:
      return undefined;
  }
}

function functions(fns: readonly Fn[], naming: Naming): Need[] {
  return fns.map((fn) => ({ kind: 'function', text: functionText(fn, naming) }));
}
