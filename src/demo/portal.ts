/** The second part of the breach: the portal's stolen password, first without tokens of end users, then with one. */
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { portalToken } from './portal-key.ts';

export interface PortalStage {
  readonly url: string;
  say(line: string): void;
  /** Begins a new scene, after time to read. */
  act(title: string): Promise<void>;
  /** The time to read, in milliseconds. */
  readonly breathMs: number;
}

export interface PortalBreach {
  /** Pupils of their own that the portal's end users saw. */
  readonly honest: number;
  /** Pupils that left with the password alone. */
  readonly byPassword: number;
  /** Pupils that left with the password and one end user's token. */
  readonly byToken: number;
}

const CHILDREN = 'SELECT id, first_name, class_id FROM students ORDER BY id';
const TRIES = [
  CHILDREN,
  'SELECT count(*) FROM students',
  'COPY students (id, first_name) TO STDOUT',
  "SET rowgate.token = ''",
  'SELECT student_id, mark FROM grades',
];
/** The parent whose session was stolen. */
const VICTIM = 7;

export async function playPortal(stage: PortalStage): Promise<PortalBreach> {
  const { say, act, url } = stage;
  await act('A portal for families, with one account for all of them. A token says which parent is asking.');
  const portal = await connect(url);
  const honest = new Set<string>();
  try {
    for (const parent of [1, 2, 3]) {
      await portal.query('BEGIN');
      await portal.query(`SET LOCAL rowgate.token = ${portal.escapeLiteral(portalToken(parent, Date.now()))}`);
      const { rows } = await portal.query(CHILDREN);
      await portal.query('COMMIT');
      say(`  portal as parent ${parent}: ${rows.map(({ first_name }) => first_name).join(', ')}`);
      for (const { id } of rows) honest.add(String(id));
    }
  } finally {
    await portal.end();
  }

  await act('The portal’s password is stolen as well.');
  const byPassword = await takes(stage, TRIES);
  await act('He finds the token of one parent, in a browser that was left open.');
  const byToken = await takes(
    stage,
    [CHILDREN, 'SELECT count(*) FROM students', 'SELECT DISTINCT student_id FROM grades'],
    portalToken(VICTIM, Date.now()),
  );
  say(`         with the password alone ${byPassword} pupils, with one token ${byToken}: those of that parent`);
  return { honest: honest.size, byPassword, byToken };
}

/** How many pupils the client received. */
async function takes({ url, say, breathMs }: PortalStage, tries: readonly string[], token?: string): Promise<number> {
  const client = await connect(url);
  const has = new Set<string>();
  try {
    if (token !== undefined) {
      await client.query(`SET rowgate.token = ${client.escapeLiteral(token)}`);
      say("  thief  SET rowgate.token = '…'");
    }
    for (const sql of tries) {
      say(`  thief  ${sql}`);
      try {
        const { rows } = await client.query(sql);
        for (const row of rows) if (row.id ?? row.student_id) has.add(String(row.id ?? row.student_id));
        say(`         ${rows.length} rows`);
      } catch (error) {
        say(`         ERROR: ${error instanceof Error ? error.message : String(error)}`);
      }
      await pause(breathMs / 2);
    }
  } finally {
    await client.end();
  }
  return has.size;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {}); // the statement's own error reports it
  await client.connect();
  return client;
}
