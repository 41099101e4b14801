/** Sessions that have logged in, have run one statement, and wait. */
import pg from 'pg';

export interface IdleSessions {
  close(): Promise<void>;
}

const AT_ONCE = 16;
const STATEMENT = 'SELECT abalance FROM pgbench_accounts WHERE aid = $1';

/** @param urls one of each session. */
export async function openIdle(urls: readonly string[]): Promise<IdleSessions> {
  const clients: pg.Client[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.end()));
  };
  const waiting = [...urls];
  const open = async (): Promise<void> => {
    for (let url = waiting.pop(); url !== undefined; url = waiting.pop()) {
      const client = new pg.Client({ connectionString: url });
      client.on('error', () => {}); // where the guard ends first
      await client.connect();
      clients.push(client);
      await client.query(STATEMENT, [clients.length]);
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, open));
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
