/**
 * Tests a thief with the password of a portal and the token of one end user: by every way, no more leaves than that user may have. The budgets of the
 * others stay theirs, over any connection.
 */
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKey } from '../identity/issuer.ts';
import { NOTHING, testWith } from '../support/tools.ts';
import { FIRST, PUPILS, pupilsIn, resetRows } from './pupils.ts';
import { each, play } from './scenario.ts';
import { AROUND } from './ways/around.ts';
import { PACKING } from './ways/packing.ts';
import { READING } from './ways/reading.ts';
import { BUDGET, type BulkWorld, bulkWorld, tokenOf } from './world.ts';

const EACH = 8;
const ALL = 100;

let world: BulkWorld;
beforeAll(async () => {
  world = await bulkWorld({ people: true });
});
afterAll(async () => {
  await world?.stop();
});

// The scenario of a locked account is another for end users: below.
const WAYS = [...READING, ...PACKING, ...AROUND].filter(({ role }) => role !== 'locked');

describe('by every way', () => {
  for (const scenario of WAYS) {
    testWith(scenario.needs ?? NOTHING)(scenario.name, async () => {
      await world.database.query(resetRows());
      await play(scenario, await world.thief(scenario.role));
    });
  }

  it('the others behind the account are as they were', async () => {
    const other = await world.thief();
    await other.askAll([`SELECT id, first_name FROM pupils WHERE id >= ${FIRST + 50}`]);
    expect(other.left()).toBe(BUDGET);
  });
});

it('with the password alone no rows leave', async () => {
  const client = await world.guard.connect('thief1', world.password);
  for (const text of [
    'SELECT id, first_name FROM pupils',
    'COPY pupils (id) TO STDOUT',
    'UPDATE pupils SET class_id = 1 RETURNING id',
  ]) {
    await expect(client.query(text)).rejects.toMatchObject({ code: '28000' });
  }
  const forged = tokenOf(makeKey('EdDSA'), 'thief 1');
  await expect(client.query(`SET rowgate.token = '${forged}'`)).rejects.toMatchObject({ code: '28000' });
  await expect(client.query('SELECT id, first_name FROM pupils')).rejects.toMatchObject({ code: '28000' });
  expect((await client.query('SELECT 1')).rows).toHaveLength(1);
});

/** Sets the token for one statement, and returns the people that it has shown, in bytes as they came. */
type OnBehalf = (client: pg.Client, token: string, text: string) => Promise<pg.QueryResult>;

const SETTING: Readonly<Record<string, OnBehalf>> = {
  'SET LOCAL in a transaction': async (client, token, text) => {
    await client.query(`BEGIN; SET LOCAL rowgate.token = '${token}'`);
    try {
      return await client.query(text);
    } finally {
      await client.query('ROLLBACK');
    }
  },
  'SET and RESET': async (client, token, text) => {
    await client.query(`SET rowgate.token = '${token}'`);
    try {
      return await client.query(text);
    } finally {
      await client.query('RESET rowgate.token');
    }
  },
  'SET over SET': async (client, token, text) => {
    await client.query(`SET rowgate.token = '${token}'`);
    return client.query(text);
  },
  'set_config with a parameter, and a prepared statement': async (client, token, text) => {
    await client.query('BEGIN');
    try {
      await client.query({ name: 'who', text: "SELECT set_config('rowgate.token', $1, true)", values: [token] });
      return await client.query({ name: text, text });
    } finally {
      await client.query('ROLLBACK');
    }
  },
};

it.each(Object.entries(SETTING))(
  'people in turn on shared connections, by %s: eight for each, a hundred for all',
  async (way, ask) => {
    const accounts = Object.keys(SETTING);
    const account = `family${accounts.indexOf(way) + 1}`;
    const clients = await Promise.all(each(6, () => world.guard.connect(account, world.password)));
    const seen = new Map<string, Set<number>>();
    const allSeen = new Set<number>();
    const refused: string[] = [];
    // Twenty people of three pages each, six of them at once: more than each may have, and more than all.
    const pages = each(60, (i) => ({
      user: `u${Math.floor(i / 3)}`,
      from: FIRST + ((Math.floor(i / 3) * 17 + (i % 3) * 4) % (PUPILS - 4)),
    }));
    const work = async (client: pg.Client): Promise<void> => {
      for (let page = pages.shift(); page; page = pages.shift()) {
        const { user, from } = page;
        try {
          const { rows } = await ask(
            client,
            world.token(user),
            `SELECT id, first_name FROM pupils WHERE id >= ${from} AND id < ${from + 4}`,
          );
          const shown = pupilsIn(Buffer.from(JSON.stringify(rows)));
          for (const id of shown) {
            allSeen.add(id);
            seen.set(user, (seen.get(user) ?? new Set()).add(id));
          }
        } catch (error) {
          refused.push(`${(error as pg.DatabaseError).code} ${(error as Error).message}`);
        }
      }
    };
    await Promise.all(clients.map(work));
    for (const [user, ids] of seen) expect(ids.size, user).toBeLessThanOrEqual(EACH);
    expect(allSeen.size).toBeLessThanOrEqual(ALL);
    // Of pages of one user that run at once each reserves an amount, so that the last is cut off: its rows are counted, but not seen here.
    expect(allSeen.size).toBeGreaterThan(ALL / 4);
    for (const text of refused)
      expect(text).toMatch(
        /^53400 statement (asks about|costs|tells) .*(user "family\d\/u\d+" has (left: )?[01] of 8|principal "family\d" has (left: )?\d+ of 100) per day/,
      );
    expect(refused.some((text) => text.includes('user '))).toBe(true);
  },
);

it('only the user who exceeds a limit that locks is locked out: the connection goes on for the others', async () => {
  const client = await world.guard.connect('locked1', world.password);
  const ask = SETTING['SET and RESET']!;
  const all = 'SELECT id, first_name FROM pupils';
  await expect(ask(client, world.token('curious'), all)).rejects.toMatchObject({ code: '53400' });
  for (const one of [client, await world.guard.connect('locked1', world.password)]) {
    await expect(ask(one, world.token('curious'), `${all} LIMIT 1`)).rejects.toMatchObject({
      code: '28000',
      message: expect.stringMatching(/^user "locked1\/curious" is locked out: passed the limit/),
    });
    expect((await ask(one, world.token('honest'), `${all} LIMIT 1`)).rows).toHaveLength(1);
  }
});
