/** The steps of each driver's program, what it prints for each, and what a restricted role gets of it. */

export interface Step {
  /** The heading of its column in `outcomes.md`. */
  readonly heading: string;
  /** The result for an unrestricted role, through Rowgate as directly. Absent: the direct result, in the driver's own form. */
  readonly expected?: unknown;
  /** The result for the role `reader`. Absent: the same as for an unrestricted one. */
  readonly restricted?: unknown;
}

/**
 * By the `name` in the line `{"step": name, "result": …}`. A driver that lacks one prints `{"step": name, "lacks": "why"}`; a driver's further step
 * has another name. An error is printed as its SQLSTATE and its message, as the server sent them, and `after` is the result of `SELECT 42` on the
 * same connection after it.
 */
export const STEPS = {
  /** Result of `SHOW server_version_num`, as text. Address and TLS come from libpq's environment variables. */
  connect: { heading: 'connect' },
  /**
   * One SELECT of the columns `PARAMETERS` from `things`, each compared with a parameter of its own type (`flag = $1 AND number = $2 …`), the
   * values those of row 2 (see `tables.ts`). Prints an object with a value for each column, in the form that the driver gives.
   */
  'typed parameters': { heading: 'typed parameters' },
  /** One statement, prepared once: `SELECT label FROM measures WHERE id = $1` for 2, 4, … 20. Prints the ten labels. */
  'prepared statements': {
    heading: 'prepared',
    expected: [2, 4, 6, 8, 10, 12, 14, 16, 18, 20].map((id) => `measure ${id}`),
  },
  /**
   * Deletes what `notes` holds of this driver (column `driver` = ROWGATE_DRIVER). Inserts `a` as `body`, rolls back; inserts `b`, sets a savepoint,
   * inserts `c`, rolls back to the savepoint, inserts `d`, commits. Prints the bodies there are, by name.
   */
  transactions: { heading: 'transactions', expected: ['b', 'd'] },
  /** `SELECT 1/0` inside a transaction, then `SELECT 1` in the failed transaction, then ROLLBACK. `failed` is the second SQLSTATE. */
  errors: {
    heading: 'errors',
    expected: { sqlstate: '22012', message: 'division by zero', failed: '25P02', after: 42 },
  },
  /** `SELECT ine FROM students WHERE id = 1`: prints the rows, as lists, or the error. */
  refusal: {
    heading: 'refusal',
    expected: { rows: [['0000000001A']], after: 42 },
    restricted: { sqlstate: '42501', message: 'permission denied for column "ine" of relation "students"', after: 42 },
  },
  /** Cancels `SELECT count(*) FROM measures AS a, measures AS b, measures AS c` by the driver's own means once it runs. Prints the SQLSTATE. */
  cancel: { heading: 'cancel', expected: { sqlstate: '57014', after: 42 } },
  /** `SELECT id, label FROM measures ORDER BY id` through a cursor or a portal, 1,000 rows at a time. Prints the count of rows and the sum of ids. */
  cursor: {
    heading: 'cursor',
    expected: { rows: 100_000, sum: 5_000_050_000 },
    restricted: { rows: 50_000, sum: 2_500_050_000 },
  },
  /**
   * `COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT`: `out` is the count of lines. `COPY notes (driver, body) FROM STDIN`
   * of 1,000 rows with this driver's name: `in` is how many `notes` then holds of it. They are deleted before and after.
   */
  copy: { heading: 'COPY', expected: { out: 1000, in: 1000 }, restricted: { out: 500, in: 1000 } },
} as const satisfies Readonly<Record<string, Step>>;

/** The columns of the step `typed parameters`, in their order. */
export const PARAMETERS = 'flag number big amount ratio label day at ref doc bytes numbers names'.split(' ');
