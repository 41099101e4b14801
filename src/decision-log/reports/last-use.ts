/** When each principal was last active: by its logins, and by statements of older sessions. */
import type { RecordTable } from '../read/source.ts';

export interface LastUse {
  readonly principal: string;
  /** Milliseconds since the epoch; absent if the session began before the log. */
  readonly lastLogin?: number;
  readonly lastUse: number;
}

/** By principal, in alphabetical order; principals without a record are missing. */
export async function lastUseOf({ db }: RecordTable): Promise<LastUse[]> {
  return db.rows<LastUse>(
    `SELECT principal, epoch_ms(max(time) FILTER (kind = 'login')) AS "lastLogin", epoch_ms(max(time)) AS "lastUse"
     FROM records WHERE kind IN ('login', 'decision') AND principal IS NOT NULL GROUP BY principal ORDER BY principal`,
  );
}
