/** What of the server's own messages a restricted role is shown: decided by SQLSTATE and by what they answer, never by what a message holds. */

import type { ErrorFields } from '../../protocol/error-response.ts';
import { CACHED_PLAN } from '../client/refusal-response.ts';
import { conditionName } from './conditions.ts';

/**
 * Where a message comes from, as far as it can be told. `analysis`: it answers a Parse, so it is about the client's own text and no
 * row was read. `unread`: of a statement that has not read a row, as its kind and its answers so far say.
 * `beginning`: of another statement of a Query that has shown nothing yet. `running`: of anything else.
 */
export type ErrorOrigin = 'analysis' | 'unread' | 'beginning' | 'running';

/** Classes whose messages name settings, transactions, cursors and resources, never a value of a row. */
const CLASSES_WITHOUT_VALUES = new Set(['08', '24', '25', '26', '34', '3B', '40', '53', '55', '57']);

/** Classes of analysis, whose messages quote a text: also a row's value, if it is cast to regclass or a similar type. */
const CLASSES_OF_ANALYSIS = new Set(['0A', '42']);

/** Of these the conditions that no value of a row can bring about: privileges, names of cursors, prepared statements and tables in use. */
const OF_NO_VALUE = new Set(['42501', '42P03', '42P05', '42P07']);

/** What a new row breaks, or a length: made by these routines of the server's alone, of names and numbers of the schema, whatever code was running. */
const OF_NAMES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['22001', new Set(['varchar', 'varchar_input', 'bpchar', 'bpchar_input'])],
  ['23001', new Set(['ri_ReportViolation'])],
  [
    '23502',
    new Set(['ReportNotNullViolationError', 'ExecConstraints', 'ExecEvalConstraintNotNull', 'domain_check_input']),
  ],
  ['23503', new Set(['ri_ReportViolation'])],
  ['23505', new Set(['_bt_check_unique'])],
  [
    '23514',
    new Set([
      'ExecConstraints',
      'ExecEvalConstraintCheck',
      'domain_check_input',
      'ExecFindPartition',
      'ExecPartitionCheckEmitError',
    ]),
  ],
  ['23P01', new Set(['check_exclusion_or_unique_constraint'])],
  ['44000', new Set(['ExecWithCheckOptions'])],
]);

/** Schema, table, column, type and constraint. */
const NAMES = new Set(['s', 't', 'c', 'd', 'n']);

/** Detail and hint: may quote rows and expressions. */
const MAY_QUOTE = new Set(['D', 'H']);

/** Context, internal query and its position: of code that the client did not write, and of the rewritten text. */
const OF_CODE = new Set(['W', 'p', 'q']);

/** Where in the server's source a message was made: with the words gone, it would still tell one message from another. */
const SOURCE = new Set(['F', 'L', 'R']);

/** What a temporary table's name at the server has before the one that the client knows. */
const BEFORE_TEMPORARY = /(?:pg_temp\.)?rowgate_temp_[0-9a-f]{8}_/g;

/** Names that only the rewriting made. */
const OWN_NAME = /rowgate_/i;

/**
 * The fields that may be shown of an ErrorResponse or NoticeResponse.
 * @param whole false where only its beginning was read: whether it has a context is not known then.
 */
export function redact(said: ErrorFields, origin: ErrorOrigin, whole = true): ErrorFields {
  const fields = withOwnNames(said);
  const sqlstate = fields.get('C') ?? 'XX000';
  // INVARIANT 52: what a function or trigger raises has a context, and its words are its own, whatever SQLSTATE it took.
  const ofCode = !whole || fields.has('W') || fields.has('q');
  const begins = origin === 'unread' || origin === 'beginning';
  const ofText = (origin === 'analysis' && whole) || (begins && !ofCode && namesPlace(fields, sqlstate));
  const named = OF_NAMES.get(sqlstate)?.has(fields.get('R') ?? '') ?? false;
  const stays = ofText || named || (!ofCode && hasNoValue(sqlstate, origin, fields.get('M')));
  // INVARIANT 53: a message outside the list, or one that names what the client never wrote, shows as its condition's name.
  const replaced = !stays || OWN_NAME.test(fields.get('M') ?? '');
  const shown = new Map<string, string>();
  for (const [code, value] of fields) {
    if (code === 'M') shown.set(code, replaced ? conditionName(sqlstate) : value);
    // Code may also raise any text as a constraint's name.
    else if (NAMES.has(code) && ofCode && !ofText && !named) continue;
    else if (OF_CODE.has(code) || (code === 'P' && ofCode && origin !== 'analysis')) continue;
    else if (MAY_QUOTE.has(code) && (!ofText || replaced || OWN_NAME.test(value))) continue;
    else if (SOURCE.has(code) && replaced) continue;
    else shown.set(code, value);
  }
  return shown;
}

/** What may be a value is not shown, however little it is: no limit counts it. */
function hasNoValue(sqlstate: string, origin: ErrorOrigin, message: string | undefined): boolean {
  const group = sqlstate.slice(0, 2);
  if (CLASSES_WITHOUT_VALUES.has(group) || OF_NO_VALUE.has(sqlstate)) return true;
  return CLASSES_OF_ANALYSIS.has(group) && (origin === 'unread' || message === CACHED_PLAN);
}

/** In a Query the server analyzes and runs in one go: what analysis finds is of class 42 and points into the text. */
function namesPlace(fields: ErrorFields, sqlstate: string): boolean {
  return sqlstate.startsWith('42') && fields.has('P');
}

/** Temporary tables, their keys and what else is called after them, by the names that the client gave; their schema without its number, which counts sessions. */
function withOwnNames(fields: ErrorFields): ErrorFields {
  const named = (code: string, value: string): string =>
    code === 's' ? value.replace(/^pg_temp_\d+$/, 'pg_temp') : value.replaceAll(BEFORE_TEMPORARY, '');
  return new Map([...fields].map(([code, value]) => [code, named(code, value)]));
}
