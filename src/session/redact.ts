/** What of the server's own messages a restricted role is shown: decided by SQLSTATE alone, never by what a message holds. */

import type { ErrorFields } from '../wire/error-response.ts';
import { conditionName } from './conditions.ts';

/** Classes whose messages name settings, transactions, cursors and resources, never a value of a row. */
const CLASSES_WITHOUT_VALUES = new Set(['08', '0A', '24', '25', '26', '34', '3B', '40', '42', '53', '55', '57']);

/** Detail, hint, context and internal query: may quote rows, expressions and the rewritten text. */
const MAY_QUOTE = new Set(['D', 'H', 'W', 'p', 'q']);

/** Where in the server's source a message was made: with the words gone, it would still tell one message from another. */
const SOURCE = new Set(['F', 'L', 'R']);

/** Names that only the rewriting made. */
const OWN_NAME = /rowgate_/i;

/**
 * The fields that may be shown of an ErrorResponse or NoticeResponse. `analysis`: it answers a Parse, so it is about the client's
 * own text and no row was read.
 */
export function redact(fields: ErrorFields, analysis: boolean): ErrorFields {
  const sqlstate = fields.get('C') ?? 'XX000';
  const stays = analysis || CLASSES_WITHOUT_VALUES.has(sqlstate.slice(0, 2));
  const quotes = analysis || sqlstate.startsWith('42');
  // INVARIANT: a message outside the list, or one that names what the client never wrote, shows as its condition's name.
  const replaced = !stays || OWN_NAME.test(fields.get('M') ?? '');
  const shown = new Map<string, string>();
  for (const [code, value] of fields) {
    if (code === 'M') shown.set(code, replaced ? conditionName(sqlstate) : value);
    else if (MAY_QUOTE.has(code) && (!quotes || replaced || OWN_NAME.test(value))) continue;
    else if (SOURCE.has(code) && replaced) continue;
    else shown.set(code, value);
  }
  return shown;
}
