// node-postgres: each connection is handed out with the token of its request.
import pg from 'pg';

const pool = new pg.Pool({ max: 2 });
pool.on('error', () => {}); // of idle connections: the pool has dropped them

/** Runs `work(query)` in a transaction of the token's end user; undefined: of none. */
export async function asking(token, work) {
  const client = await pool.connect();
  let open = true;
  try {
    await client.query('BEGIN');
    await client.query("SELECT set_config('rowgate.token', $1, true)", [token]);
    const done = await work(async (...query) => {
      if (!open) throw new Error('the transaction is over'); // another request may have the connection
      return await client.query(...query);
    });
    open = false;
    await client.query('COMMIT');
    client.release();
    return done;
  } catch (error) {
    open = false;
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
