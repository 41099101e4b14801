/** Stage 2 for SET, RESET and SHOW: which settings, to which values. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { Body, Node } from '../../sql/parse/tree.ts';
import { as, fieldsOf, strings } from '../../sql/parse/tree.ts';
import type { Draft, DraftStatement } from '../draft.ts';
import { formatSearchPath, parseSearchPath } from '../search-path.ts';
import { maySet, mayShow, movesLexer, takesAny } from '../settings.ts';

export function classifySet(
  draft: Draft,
  statement: DraftStatement,
  body: Body<'VariableSetStmt'>,
): Refusal | undefined {
  const name = body.name ?? '';
  statement.kind = { kind: 'set' };
  switch (body.kind) {
    case 'VAR_RESET_ALL':
      statement.command = 'RESET';
      statement.kind = { kind: 'set', token: { local: false, to: 'default' } };
      return undefined;
    case 'VAR_RESET':
    case 'VAR_SET_DEFAULT':
      statement.command = body.kind === 'VAR_RESET' ? 'RESET' : 'SET';
      return judgeValues(draft, name, undefined);
    case 'VAR_SET_MULTI':
      // SET TRANSACTION and SET SESSION CHARACTERISTICS: modes of transactions. SET TRANSACTION SNAPSHOT needs an exported one.
      statement.command = 'SET';
      return name === 'TRANSACTION' || name === 'SESSION CHARACTERISTICS' ? undefined : notAllowed(name);
    case 'VAR_SET_VALUE':
      statement.command = 'SET';
      return judgeValues(draft, name, (body.args ?? []).map(settingValue));
    default:
      statement.command = 'SET';
      return notAllowed(name);
  }
}

export function classifyShow(statement: DraftStatement, body: Body<'VariableShowStmt'>): Refusal | undefined {
  statement.command = 'SHOW';
  statement.kind = { kind: 'set' };
  return mayShow(body.name ?? '') ? undefined : notAllowed(body.name ?? '');
}

/** A refusal where the role may not give the setting this value by `set_config`. `pieces`: its text, that of a list cut at each comma. */
export function verdict(draft: Draft, name: string, pieces: readonly string[]): Refusal | undefined {
  if (name.toLowerCase() !== 'search_path') return judgeValues(draft, name, pieces);
  const names = parseSearchPath(pieces.join(','));
  return names ? judgeValues(draft, name, names) : notThis(draft, name);
}

/** A refusal where the text would be read differently behind it, which not even an unrestricted role may bring about. `values`: undefined for the default, which is pinned. */
export function lexerVerdict(draft: Draft, { node }: DraftStatement): Refusal | undefined {
  const set = as(node, 'VariableSetStmt');
  const calls = set ? [] : callsOfSetConfig(node);
  const settings: (readonly [name: string, values: readonly string[] | undefined])[] = set
    ? [[set.name ?? '', set.kind === 'VAR_SET_VALUE' ? (set.args ?? []).map(settingValue) : undefined]]
    : calls.map(([name, value]) => [name ? settingValue(name) : '', [value ? settingValue(value) : '']]);
  const moved = settings.find(
    ([name, values]) => movesLexer(name) && maySet(name, values, draft.searchPath) !== 'allowed',
  );
  return moved && notThis(draft, moved[0]);
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
  // A value that cannot be judged goes to a setting whose value need not be.
  const capped = name.toLowerCase() === 'statement_timeout' && draft.role.limits.statementTimeout !== undefined;
  if (takesAny(name) && !capped) return undefined;
  return mayShow(name)
    ? refusal('setting-not-allowed', '42501', `set_config takes a constant for "${name}" for restricted roles`, {
        rule: draft.role.rule,
      })
    : notAllowed(name);
}

/** @param values as SET gives them: a name of a list each; undefined for its default. */
function judgeValues(draft: Draft, name: string, values: readonly string[] | undefined): Refusal | undefined {
  const most = draft.role.limits.statementTimeout;
  if (name.toLowerCase() === 'statement_timeout' && most !== undefined && values !== undefined) {
    const wanted = milliseconds(values[0] ?? '');
    // A role may shorten the time that its policy gives it, never lengthen it.
    if (wanted === undefined || wanted === 0 || wanted > most) {
      return refusal('setting-not-allowed', '42501', `parameter "statement_timeout" cannot be set above ${most} ms`, {
        rule: draft.role.rule,
      });
    }
    return undefined;
  }
  switch (maySet(name, values, draft.searchPath)) {
    case 'allowed':
      return undefined;
    case 'pinned':
      return notThis(draft, name);
    case 'unknown':
      return notAllowed(name);
  }
}

function notThis(draft: Draft, name: string): Refusal {
  return refusal('setting-not-allowed', '42501', `parameter "${name}" cannot be set to this value`, {
    hint:
      name.toLowerCase() === 'search_path'
        ? `It would change what names mean, and is fixed to ${formatSearchPath(draft.searchPath)}.`
        : 'It would change what a statement means, and is fixed.',
  });
}

function notAllowed(name: string): Refusal {
  return refusal('setting-not-allowed', '42501', `permission denied for parameter "${name}"`);
}

function settingValue(node: Node): string {
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
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value);
  return match ? Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1) : undefined;
}
