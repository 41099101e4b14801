/**
 * What a statement does to texts that were prepared before it: an allow-list of statements that change neither the meaning of a text nor what a name
 * finds. After any other statement no plan is kept.
 */

import { isGrantableSetting } from '../../policy/compile/grantable-settings.ts';
import { FIRST_USER_OID } from '../../policy/compile/visible-types.ts';
import type { Analysis } from '../../sql/analyze/analyze.ts';
import { as } from '../../sql/parse/tree.ts';
import type { PlanEffect } from '../decision.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { maySet } from '../settings.ts';
import { settingValue } from './classify-settings.ts';

/** In lower case. The server reads them while it runs a statement, at the ends of transactions or while it waits: never while it parses or plans. */
const NOT_READ_BY_PLANS: ReadonlySet<string> = new Set([
  'application_name',
  'default_transaction_deferrable',
  'default_transaction_isolation',
  'default_transaction_read_only',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'lock_timeout',
  'statement_timeout',
  'synchronous_commit',
  'transaction_deferrable',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_timeout',
  // SET TRANSACTION and SET SESSION CHARACTERISTICS set the modes above.
  'transaction',
  'session characteristics',
]);

/** Whether planning depends on the setting; unknown settings count as such. */
export function isReadByPlans(setting: string): boolean {
  return !NOT_READ_BY_PLANS.has(setting.toLowerCase());
}

/**
 * @param analysis of the statement that it runs; undefined if not known. @param runsUserCode as in the decision. @returns undefined: it may do
 * anything.
 */
export function effectOnPlans(
  draft: Draft,
  { kind, node, token }: DraftStatement,
  analysis: Analysis | undefined,
  runsUserCode: boolean,
): PlanEffect | undefined {
  // The server is sent another statement, which sets a setting of the guard's own to nothing.
  if (token) return 'stay';
  switch (kind.kind) {
    case 'set':
      return effectOfSet(draft, node);
    case 'transaction':
      return kind.action === 'prepared' ? undefined : 'stay';
    case 'close':
    case 'listen':
      return 'stay';
    case 'deallocate':
    case 'discard':
      return 'revalidate';
    case 'read':
    case 'write':
    case 'prepare':
    case 'declare':
    case 'explain':
    case 'copy-in':
    case 'copy-out':
      return analysis && !runsUserCode ? effectOfCalls(draft, analysis) : undefined;
    // Of what these run, that has an effect of its own.
    case 'execute':
    case 'fetch':
    case 'temporary':
    case 'other':
      return undefined;
  }
}

function effectOfSet(draft: Draft, node: DraftStatement['node']): PlanEffect | undefined {
  const set = as(node, 'VariableSetStmt');
  if (!set) return 'stay';
  if (set.kind === 'VAR_RESET_ALL') return 'revalidate';
  return effectOfSetting(
    draft,
    set.name,
    set.kind === 'VAR_SET_VALUE' ? (set.args ?? []).map(settingValue) : undefined,
  );
}

/** @param values undefined for the default. */
function effectOfSetting(
  { searchPath }: Draft,
  name: unknown,
  values: readonly string[] | undefined,
): PlanEffect | undefined {
  if (typeof name !== 'string') return undefined;
  if (!isReadByPlans(name)) return 'stay';
  const leavesNames = maySet(name, values, searchPath) === 'allowed' || isGrantableSetting(name.toLowerCase());
  return leavesNames ? 'revalidate' : undefined;
}

function effectOfCalls(draft: Draft, { uses }: Analysis): PlanEffect | undefined {
  let all: PlanEffect = 'stay';
  for (const use of uses) {
    if (use.kind !== 'function') continue;
    if (!use.candidates.some(({ oid, name }) => oid < FIRST_USER_OID && name === 'set_config')) continue;
    const [name, value] = use.literals();
    const effect = effectOfSetting(draft, name, [typeof value === 'string' ? value : '']);
    if (effect === undefined) return undefined;
    if (effect === 'revalidate') all = effect;
  }
  return all;
}
