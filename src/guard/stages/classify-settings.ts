/** Stage 2 for SET, RESET and SHOW: which settings, to which values. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { isGrantableSetting, isWithin, whyUngrantable } from '../../policy/compile/grantable-settings.ts';
import { ABSENT_SETTING, shownSettings } from '../../policy/compile/shown-settings.ts';
import type { RelationGrant, RolePolicy } from '../../policy/model/policy.ts';
import type { Use } from '../../sql/analyze/analyze.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, fieldsOf, strings } from '../../sql/parse/tree.ts';
import { pathOfRole } from '../client-path.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { formatSearchPath, isSearchPath, parseSearchPath, writtenSearchPath } from '../search-path.ts';
import { mayIsolate, maySet, mayShow, movesLexer, takesAny } from '../settings.ts';
import { constant, isSetConfig, onlyCall, truth } from './token.ts';

export function classifySet(
  draft: Draft,
  statement: DraftStatement,
  body: Body<'VariableSetStmt'>,
): Refusal | undefined {
  const name = body.name ?? '';
  statement.kind = { kind: 'set' };
  switch (body.kind) {
    case 'VAR_RESET_ALL': {
      statement.command = 'RESET';
      const change = { local: false, to: 'default' } as const;
      statement.kind = { kind: 'set', token: change, path: change };
      return undefined;
    }
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
      statement.command = body.kind === 'VAR_RESET' ? 'RESET' : 'SET';
      if (isPath(name)) statement.kind = { kind: 'set', path: { local: body.is_local === true, to: 'default' } };
      return judgeValues(draft, name, undefined);
    case 'VAR_SET_MULTI':
      // SET TRANSACTION and SET SESSION CHARACTERISTICS: modes of transactions. SET TRANSACTION SNAPSHOT needs an exported one.
      statement.command = 'SET';
      return name === 'TRANSACTION' || name === 'SESSION CHARACTERISTICS'
        ? judgeModes(draft, body.args)
        : notAllowed(name);
    case 'VAR_SET_VALUE':
      statement.command = 'SET';
      if (isPath(name)) return setPath(draft, statement, body);
      return setValue(draft, statement, body);
    default:
      statement.command = 'SET';
      return notAllowed(name);
  }
}

/** Modes of a transaction: of BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS. */
export function judgeModes(draft: Draft, modes: readonly Node[] = []): Refusal | undefined {
  const isolated = modes.every((mode) => {
    const { defname = '', arg } = as(mode, 'DefElem') ?? {};
    return mayIsolate(draft.role, defname, arg && settingValue(arg));
  });
  return isolated ? undefined : notSerializable(draft.role);
}

function notSerializable({ rule }: RolePolicy): Refusal {
  return refusal('setting-not-allowed', '42501', 'SERIALIZABLE would tell of rows that are not shown', {
    rule,
    hint: 'Where people are counted, take REPEATABLE READ.',
  });
}

function isPath(name: string): boolean {
  return name.toLowerCase() === 'search_path';
}

function setPath(draft: Draft, statement: DraftStatement, body: Body<'VariableSetStmt'>): Refusal | undefined {
  const names = (body.args ?? []).map(settingValue);
  const path = pathFor(draft, names);
  if (!path) return notThis('search_path');
  const local = body.is_local === true;
  statement.kind = { kind: 'set', path: { local, to: changed(draft, path) } };
  if (!isSearchPath(names, path))
    statement.instead = `SET ${local ? 'LOCAL ' : ''}search_path TO ${writtenSearchPath(path)}`;
  return undefined;
}

function setValue(draft: Draft, statement: DraftStatement, body: Body<'VariableSetStmt'>): Refusal | undefined {
  const name = body.name ?? '';
  const values = (body.args ?? []).map(settingValue);
  const meant = meantBy(draft, name.toLowerCase(), values);
  if (meant === undefined) return judgeValues(draft, name, values);
  statement.instead = `SET ${body.is_local ? 'LOCAL ' : ''}${name.toLowerCase()} TO ${meant}`;
  return undefined;
}

/** The value that is sent for one which cannot be, and asks for the same: pg_dump sets both. */
function meantBy({ role, catalog }: Draft, name: string, [value = '', ...more]: readonly string[]): string | undefined {
  if (more.length > 0) return undefined;
  const most = role.limits.statementTimeout;
  switch (name) {
    case 'statement_timeout':
      // No limit beside the policy's.
      return most !== undefined && milliseconds(value) === 0 ? String(Math.max(1, Math.floor(most))) : undefined;
    case 'row_security':
      // An error where a row would be left out: INVARIANT 245: none is, by the role or by the server.
      return OFF.has(value.toLowerCase()) && leavesNoRowOut(role, catalog) ? 'on' : undefined;
    default:
      return undefined;
  }
}

const OFF: ReadonlySet<string> = new Set(['off', 'false', 'no', '0']);

function leavesNoRowOut({ relations }: RolePolicy, { data }: Catalog): boolean {
  const conditionsOf = ({ select, insert, update, delete: remove }: RelationGrant) =>
    [select, insert, update, remove].flatMap((command) => command?.conditions ?? []);
  return (
    [...relations.values()].every((grant) => grant.system || conditionsOf(grant).length === 0) &&
    data.relations.every(({ rowSecurity }) => !rowSecurity)
  );
}

/**
 * `SELECT set_config(name, '…', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'`, and nothing else: pg_dump sets it so where there
 * is one. INVARIANT 246: pg_settings has no such row for a restricted role, so the call never runs. @returns the functions that it calls.
 */
export function callsOfAbsentSetting({ role }: Draft, { node, analysis }: DraftStatement): ReadonlySet<Use> {
  const { fromClause = [], whereClause, ...select } = as(node, 'SelectStmt') ?? {};
  const call = onlyCall(select);
  const [name, value, local, ...more] = (call && isSetConfig(call) && call.args) || [];
  const { kind, name: operator, lexpr, rexpr } = as(whereClause, 'A_Expr') ?? {};
  const table = fromClause.length === 1 ? as(fromClause[0], 'RangeVar') : undefined;
  if (kind !== 'AEXPR_OP' || strings(operator).join('.') !== '=' || !isName(lexpr) || !isName(name)) return NONE;
  if (constant(rexpr) !== ABSENT_SETTING || constant(value) === undefined || truth(local) === undefined) return NONE;
  if (!table || table.alias || more.length > 0) return NONE;
  const uses = analysis?.uses ?? [];
  const settings = uses.filter(
    (use) =>
      use.kind === 'relation' && isServers(use.relation, 'pg_settings') && !role.relations.get(use.relation.oid)?.named,
  );
  if (settings.length !== 1) return NONE;
  return new Set(
    uses.filter((use) => use.kind === 'function' && use.candidates.every((fn) => isServers(fn, 'set_config'))),
  );
}

const NONE: ReadonlySet<Use> = new Set();

function isServers({ schema, name }: { readonly schema: string; readonly name: string }, wanted: string): boolean {
  return schema === 'pg_catalog' && name === wanted;
}

function isName(node: Node | undefined): boolean {
  return strings(as(node, 'ColumnRef')?.fields).join('.') === 'name';
}

/** `SELECT set_config('search_path', '…', false)`, and nothing else. */
export function classifyPathCall(draft: Draft, statement: DraftStatement): boolean {
  const select = as(statement.node, 'SelectStmt');
  const call = select && onlyCall(select);
  const [name, value, isLocal] = call && isSetConfig(call) && call.args?.length === 3 ? call.args : [];
  const [text, local] = [constant(value), truth(isLocal)];
  if (!isPath(constant(name) ?? '') || text === undefined || local === undefined) return false;
  statement.command = 'SELECT';
  const names = text.trim() === '' ? [] : parseSearchPath(text);
  const path = names && pathFor(draft, names);
  if (!path) {
    statement.refusal = notThis('search_path');
    return true;
  }
  statement.kind = { kind: 'set', path: { local, to: changed(draft, path) } };
  statement.instead = `SELECT pg_catalog.set_config('search_path', '${formatSearchPath(path).replaceAll("'", "''")}', ${local})`;
  return true;
}

/** The policy's own path is the session's at any time, whatever of it the role may see. */
function pathFor({ role, catalog, policyPath }: Draft, names: readonly string[]): readonly string[] | undefined {
  return isSearchPath(names, policyPath) ? policyPath : pathOfRole(names, role, catalog);
}

function changed({ policyPath }: Draft, path: readonly string[]): { readonly path: string | undefined } {
  return { path: isSearchPath(path, policyPath) ? undefined : formatSearchPath(path) };
}

export function classifyShow(
  draft: Draft,
  statement: DraftStatement,
  body: Body<'VariableShowStmt'>,
): Refusal | undefined {
  statement.command = 'SHOW';
  statement.kind = { kind: 'set' };
  const name = body.name ?? '';
  if (name === 'all') {
    statement.instead = showAll(draft.role);
    return undefined;
  }
  return mayShow(name, draft.role) ? undefined : notAllowed(name);
}

/** INVARIANT 134: of the settings that the role may read alone; values with their units, as SHOW gives them. */
function showAll(role: RolePolicy): string {
  // Expressions, so that the columns name no table, as those of SHOW.
  return `SELECT pg_catalog.concat(s.name) AS name, pg_catalog.current_setting(s.name) AS setting, pg_catalog.concat(s.short_desc) AS description FROM pg_catalog.pg_settings AS s WHERE pg_catalog.lower(s.name) OPERATOR(pg_catalog.=) ANY (ARRAY[${shownSettings(role)}]::pg_catalog.text[]) ORDER BY pg_catalog.lower(s.name) COLLATE pg_catalog."C"`;
}

/** A refusal where the role may not give the setting this value by `set_config`. `pieces`: its text, that of a list cut at each comma. */
export function verdict(draft: Draft, name: string, pieces: readonly string[]): Refusal | undefined {
  if (!isPath(name)) return judgeValues(draft, name, pieces);
  return refusal('setting-not-allowed', '42501', 'search_path is set by a statement of its own', {
    hint: "SET search_path = …, or SELECT set_config('search_path', '…', false) and nothing else.",
  });
}

/**
 * A refusal if later text would be read differently after it, which not even an unrestricted role may cause. `values`: undefined for the default,
 * which is pinned.
 */
export function lexerVerdict(draft: Draft, { node }: DraftStatement): Refusal | undefined {
  const set = as(node, 'VariableSetStmt');
  const calls = set ? [] : callsOfSetConfig(node);
  const settings: (readonly [name: string, values: readonly string[] | undefined])[] = set
    ? [[set.name ?? '', set.kind === 'VAR_SET_VALUE' ? (set.args ?? []).map(settingValue) : undefined]]
    : calls.map(([name, value]) => [name ? settingValue(name) : '', [value ? settingValue(value) : '']]);
  const moved = settings.find(
    ([name, values]) => movesLexer(name) && maySet(name, values, draft.searchPath) !== 'allowed',
  );
  return moved && notThis(moved[0]);
}

/** Arguments of each call in the statement. A name that is computed, or comes with Bind, is seen by what the server reports. */
function callsOfSetConfig(value: unknown): (readonly Node[])[] {
  if (typeof value !== 'object' || value === null) return [];
  const call = as(value as Node, 'FuncCall');
  const own = call && strings(call.funcname).at(-1) === 'set_config' ? [call.args ?? []] : [];
  return [...own, ...fieldsOf(value).flatMap(([, inner]) => callsOfSetConfig(inner))];
}

/** A refusal where the role may not give the setting a value that only Bind tells. */
export function verdictUnseen(draft: Draft, name: string): Refusal | undefined {
  // A value that cannot be judged is allowed for a setting whose value need not be.
  const capped = name.toLowerCase() === 'statement_timeout' && draft.role.limits.statementTimeout !== undefined;
  if (!mayIsolate(draft.role, name, undefined)) return notSerializable(draft.role);
  if (takesAny(name, draft.role) && !capped) return undefined;
  return mayShow(name, draft.role)
    ? refusal('setting-not-allowed', '42501', `set_config takes a constant for "${name}" for restricted roles`, {
        hint: 'Write the value as a constant.',
        rule: draft.role.rule,
      })
    : notAllowed(name);
}

/** @param values as SET gives them: a name of a list each; undefined for its default. */
function judgeValues(draft: Draft, name: string, values: readonly string[] | undefined): Refusal | undefined {
  const most = draft.role.limits.statementTimeout;
  if (name.toLowerCase() === 'statement_timeout' && most !== undefined && values !== undefined) {
    const wanted = milliseconds(values[0] ?? '');
    // A role may shorten the time that its policy gives it, never lengthen it. INVARIANT 244: the server rounds, and 0 lifts the limit.
    if (wanted === undefined || wanted < 1 || wanted > most) {
      return refusal('setting-not-allowed', '42501', `parameter "statement_timeout" cannot be set above ${most} ms`, {
        hint: 'Set it lower: the policy gives the most, in limits: statement_timeout.',
        rule: draft.role.rule,
      });
    }
    return undefined;
  }
  if (values !== undefined && !mayIsolate(draft.role, name, values[0])) return notSerializable(draft.role);
  const granted = draft.role.settings?.get(name.toLowerCase());
  if (granted) {
    if (values === undefined || isWithin(granted, values)) return undefined;
    const most = granted.kind === 'most' ? granted.text : '';
    return refusal('setting-not-allowed', '42501', `parameter "${name}" cannot be set above ${most}`, {
      hint: 'Set it lower: the policy gives the most, in settings.',
      rule: draft.role.rule,
    });
  }
  switch (maySet(name, values, draft.searchPath)) {
    case 'allowed':
      return undefined;
    case 'pinned':
      return isGrantableSetting(name.toLowerCase()) ? notAllowed(name) : notThis(name);
    case 'unknown':
      return notAllowed(name);
  }
}

function notThis(name: string): Refusal {
  const hint = HINTS.get(name.toLowerCase()) ?? 'It would change what a statement means, and is fixed.';
  return refusal('setting-not-allowed', '42501', `parameter "${name}" cannot be set to this value`, { hint });
}

const HINTS: ReadonlyMap<string, string> = new Map([
  ['search_path', 'pg_catalog comes first in it, and before pg_temp nothing else.'],
  ['row_security', 'Rows are left out for this role: leave it on (pg_dump: --enable-row-security).'],
]);

function notAllowed(name: string): Refusal {
  const key = name.toLowerCase();
  const why = whyUngrantable(key);
  const hint = isGrantableSetting(key)
    ? 'It is granted by settings: { … }.'
    : why
      ? `No role may have it: it ${why}.`
      : 'It is none that a role may have: Rowgate keeps it, or it tells of others.';
  return refusal('setting-not-allowed', '42501', `permission denied for parameter "${name}"`, { hint });
}

/** A value as SET or a call writes it. */
export function settingValue(node: Node): string {
  const constant = as(node, 'A_Const');
  if (constant?.sval) return constant.sval.sval ?? '';
  if (constant?.ival) return String(constant.ival.ival ?? 0);
  if (constant?.fval) return constant.fval.fval ?? '';
  if (constant?.boolval) return String(constant.boolval.boolval ?? false);
  const cast = as(node, 'TypeCast');
  return cast?.arg ? settingValue(cast.arg) : '';
}

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

function milliseconds(value: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(?:(us|ms|s|min|h|d)\s*)?$/.exec(value);
  return match ? Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1) : undefined;
}
