/** What a pooler says when it ends a session because it has no connection for it: it may quote the server's answer to a login of Rowgate's. */
import type { ErrorFields } from '../../protocol/error-response.ts';

/** The server's own words about the session itself: it stops, it was told to end, it waited too long. */
const OF_SESSION = /^(57P0[1-5]|25P0[34])$/;

/**
 * What is shown in place of a FATAL error that came through a pooler; undefined where it may be shown itself. No client reads
 * the name of an upstream account, an address, or that Rowgate's password is wrong (it would look for the fault in its own).
 */
export function poolerWords(fields: ErrorFields): ErrorFields | undefined {
  const sqlstate = fields.get('C') ?? '';
  if (OF_SESSION.test(sqlstate)) return undefined;
  const own = { S: 'FATAL', V: 'FATAL' };
  const words =
    sqlstate === '53300'
      ? { C: sqlstate, M: 'the database server has no connection left' }
      : { C: '08006', M: 'the connection to the database server was lost' };
  return new Map(Object.entries({ ...own, ...words }));
}
