/**
 * After parsing: statements that set `rowgate.token`, which names the end user, or `rowgate.logout`, which revokes a token. The token is not sent:
 * the sent statement sets the same setting to an empty value, so that everything else about it (failed transactions, notices, tags) is as the server
 * has it.
 */
import { type Refusal, refusal } from '../../core/refusal.ts';
import { as, type Body, fieldsOf, type Node, strings } from '../../sql/parse/tree.ts';
import type { TokenChange } from '../decision.ts';
import type { Draft, DraftStatement, Stage } from '../draft.ts';

const TOKEN = 'rowgate.token';
const LOGOUT = 'rowgate.logout';
type Setting = typeof TOKEN | typeof LOGOUT;

export const tokenStage: Stage = {
  name: 'token',
  each({ role }: Draft, statement: DraftStatement): void {
    const open = role.access === 'unrestricted' || role.mode === 'observe';
    const set = as(statement.node, 'VariableSetStmt');
    const select = as(statement.node, 'SelectStmt');
    const named = set?.name === undefined ? undefined : settingOf(set.name);
    if (set && named) bySet(statement, set, named);
    else if (select) byFunction(statement, select);
    // If a token might be set in any other way, nothing is sent. A restricted role may not even name the setting there.
    if (open && !statement.token && setsElsewhere(statement.node)) statement.refusal ??= onlyByItself();
  },
};

function bySet(statement: DraftStatement, set: Body<'VariableSetStmt'>, name: Setting): void {
  const local = set.is_local === true;
  statement.command = set.kind === 'VAR_RESET' ? 'RESET' : 'SET';
  statement.instead = `SET ${local ? 'LOCAL ' : ''}${name} TO ''`;
  if (name === TOKEN && (set.kind === 'VAR_RESET' || set.kind === 'VAR_SET_DEFAULT')) {
    take(statement, name, { local, to: 'default' });
    return;
  }
  const value = set.kind === 'VAR_SET_VALUE' && set.args?.length === 1 ? constant(set.args[0]) : undefined;
  if (value === undefined) statement.refusal = refusal('setting-not-allowed', '22023', `${name} takes one string`);
  else take(statement, name, { local, to: { value } });
}

/** `SELECT set_config('rowgate.token', …, true)`: the form that takes a parameter. */
function byFunction(statement: DraftStatement, select: Body<'SelectStmt'>): void {
  const call = onlyCall(select);
  if (!call || !isSetConfig(call) || call.args?.length !== 3) return;
  const [name, value, isLocal] = call.args;
  const setting = settingOf(constant(name) ?? '');
  const local = truth(isLocal);
  if (setting === undefined || local === undefined) return;
  const parameter = as(uncast(value), 'ParamRef')?.number;
  const text = constant(value);
  if (parameter !== undefined && parameter !== 1) return;
  if (parameter === undefined && text === undefined) return;
  statement.command = 'SELECT';
  const sent = parameter === undefined ? "''" : '$1::pg_catalog.text';
  statement.instead = `SELECT pg_catalog.set_config('${setting}', ${sent}, ${local})`;
  take(statement, setting, { local, to: text === undefined ? { parameter: 1 } : { value: text } });
}

function take(statement: DraftStatement, name: Setting, change: TokenChange): void {
  const token: TokenChange = name === LOGOUT ? { ...change, logout: true } : change;
  statement.token = token;
  statement.kind = { kind: 'set', token };
}

/** The one thing that a SELECT asks for, where it asks for nothing else. */
export function onlyCall(select: Body<'SelectStmt'>): Body<'FuncCall'> | undefined {
  const { targetList, op, limitOption, ...rest } = select;
  const plain =
    (op ?? 'SETOP_NONE') === 'SETOP_NONE' && (limitOption ?? 'LIMIT_OPTION_DEFAULT') === 'LIMIT_OPTION_DEFAULT';
  if (!plain || targetList?.length !== 1 || Object.values(rest).some((field) => field !== undefined && field !== false))
    return undefined;
  const target = as(targetList[0], 'ResTarget');
  const call = as(target?.val, 'FuncCall');
  if (!call || target?.name !== undefined) return undefined;
  const { funcname: _name, args: _args, funcformat: _format, location: _location, ...odd } = call;
  return Object.values(odd).some((field) => field !== undefined && field !== false) ? undefined : call;
}

/** `set_config`, with or without its schema. */
export function isSetConfig({ funcname }: Body<'FuncCall'>): boolean {
  const name = strings(funcname).join('.');
  return name === 'set_config' || name === 'pg_catalog.set_config';
}

/** As the server compares names of settings. */
function settingOf(name: string): Setting | undefined {
  const known = name.toLowerCase();
  return known === TOKEN || known === LOGOUT ? known : undefined;
}

function setsElsewhere(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return fieldsOf(value).some(([key, inner]) => {
    if (key === 'FuncCall') {
      const call = inner as Body<'FuncCall'>;
      const names =
        strings(call.funcname).at(-1) === 'set_config' &&
        (call.args ?? []).some((arg) => settingOf(constant(arg) ?? ''));
      if (names) return true;
    }
    return setsElsewhere(inner);
  });
}

function onlyByItself(): Refusal {
  return refusal('setting-not-allowed', '42501', 'a token is set by a statement of its own', {
    hint: "SET LOCAL rowgate.token = '…', or SELECT set_config('rowgate.token', $1, true) and nothing else.",
  });
}

/** The text of a string constant, perhaps cast to text. */
export function constant(node: Node | undefined): string | undefined {
  return as(uncast(node), 'A_Const')?.sval?.sval;
}

function uncast(node: Node | undefined): Node | undefined {
  const cast = as(node, 'TypeCast');
  if (!cast) return node;
  const type = strings(cast.typeName?.names).at(-1) ?? '';
  return ['text', 'varchar'].includes(type) ? cast.arg : node;
}

/** The value of a boolean literal; undefined for anything else. */
export function truth(node: Node | undefined): boolean | undefined {
  const cast = as(node, 'TypeCast');
  const literal = as(cast ? cast.arg : node, 'A_Const');
  if (literal?.boolval) return literal.boolval.boolval === true;
  const word = literal?.sval?.sval?.toLowerCase();
  if (word === 't' || word === 'true') return true;
  return word === 'f' || word === 'false' ? false : undefined;
}
