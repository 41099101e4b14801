/** Runs the code that `docs/applications.md` shows: two end users take turns over two connections, with mistakes between them, and none sees another's row. */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { environmentOf } from '../drivers/round.ts';
import type { Key } from '../identity/issuer.ts';
import { familyPolicies, ROLE, seedFamilies, tokenOf } from '../portal/families.ts';
import { PGBOUNCER, startPgBouncer } from '../support/pgbouncer.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { fuzzSeed, Random } from '../support/random.ts';
import { describeWith, testWith } from '../support/tools.ts';
import { type Served, serve } from '../workers/served.ts';
import { type Answer, APPLICATIONS, type Application, run } from './identity/applications.ts';

let database: FreshDatabase;
let guard: Served;
let key: Key;

beforeAll(async () => {
  database = await freshDatabase();
  await seedFamilies(database, 2);
  // A statement that fails, or is broken off, costs one.
  const policies = await familyPolicies(ROLE.replace('8 per day', '200 per day'));
  key = policies.key;
  guard = await serve(database, 'log: { file: ./decisions.jsonl }\n', {}, policies.folder);
  await rm(policies.folder, { recursive: true });
});
afterAll(async () => {
  await guard?.stop();
  await database?.drop();
});

const PEOPLE = [1, 2, 'none', 'expired'] as const;
type Who = (typeof PEOPLE)[number];
/**
 * `pupils` are read twice, with a pause; `fails` at a column that is not there, between two reads; `breaks` by itself, behind a write; `commits` before it
 * reads; `kept` reads by what it was handed, when the request is over; `outside` by another way to a connection.
 */
const PAGES = ['pupils', 'news', 'fails', 'breaks', 'commits', 'kept', 'outside'] as const;

interface Request {
  readonly page: (typeof PAGES)[number];
  readonly who: Who;
}

function requests(random: Random): Request[] {
  const all = [...PAGES, 'pupils', 'pupils'].flatMap((page) => PEOPLE.map((who) => ({ page, who }) as Request));
  const more = Array.from({ length: 24 }, (_, i): Request => ({ page: 'pupils', who: i % 2 === 0 ? 1 : 2 }));
  const left = [...all, ...more];
  return Array.from({ length: left.length }, () => left.splice(random.int(left.length), 1)[0]!);
}

function tokenFor(who: Who): string {
  if (who === 'none') return '';
  if (who !== 'expired') return tokenOf(key, who);
  return tokenOf(key, 1, { exp: Math.floor(Date.now() / 1000) - 60 });
}

function check({ page, who }: Request, { code, text }: Answer, { outside, kept }: Application): void {
  const what = `${page} of ${who}: ${code} ${text}`;
  if (page === 'outside') expect(code, what).toBe(outside);
  else if (who === 'expired') expect([code, text], what).toEqual(['28000', expect.stringContaining('has expired')]);
  else if (page === 'news') expect([code, text], what).toEqual(['ok', 'Holidays begin on Friday']);
  else if (who === 'none') expect([code, text], what).toEqual(['28000', expect.stringContaining('no token')]);
  else if (page === 'pupils') expect([code, text], what).toEqual(['ok', `${who} ${who},${who} ${who}`]);
  else if (page === 'fails') expect(code, what).toBe('42703');
  else if (page === 'breaks') expect(code, what).toBe('broken');
  else if (page === 'commits') expect([code, text], what).toEqual(['28000', expect.stringContaining('no token')]);
  else if (kept === undefined) expect([code, text], what).toEqual(['ok', `${who} ${who}`]);
  else {
    expect(code, what).not.toBe('ok');
    expect(text, what).toContain(kept);
  }
}

async function runAll(application: Application, url: string): Promise<void> {
  const asked = requests(new Random(fuzzSeed()));
  const tokens = asked.map(({ who }) => tokenFor(who));
  const lines = asked.map(({ page }, i) => `${i}\t${page}\t${tokens[i]}`);
  const { answers, output } = await run(application, lines, environmentOf(url));
  for (const [i, request] of asked.entries()) check(request, answers.get(i)!, application);
  expect(answers.size).toBe(asked.length);
  // The application shows no token in its errors, or in the log that it would have.
  for (const token of tokens.filter((text) => text !== '')) expect(output).not.toContain(token.slice(-40));
  expect(await database.query('SELECT id FROM pupils WHERE note IS NOT NULL')).toEqual([]);
}

/** The people who have asked on each of its connections. */
async function usersBySession(application: string): Promise<Set<unknown>[]> {
  const records = Object.values(await guard.records()).flat();
  const sessions = new Map<unknown, Set<unknown>>();
  for (const record of records.filter((each) => each.kind === 'decision' && each.application === application)) {
    const users = sessions.get(record.session) ?? new Set();
    sessions.set(record.session, users.add(record.user));
  }
  return [...sessions.values()];
}

describe.each(APPLICATIONS)('$name', (application) => {
  describeWith(application.needs)('as the page shows it', () => {
    beforeAll(() => application.build?.());

    it('shows each person their own, over two connections', async () => {
      await runAll(application, guard.url('portal'));
      const sessions = await usersBySession(application.name);
      expect(sessions).toEqual([new Set(['f1', 'f2', undefined]), new Set(['f1', 'f2', undefined])]);
    });

    testWith(PGBOUNCER)('and with a pooler of transactions before the guard', async () => {
      const bouncer = await startPgBouncer({
        program: PGBOUNCER.path!,
        mode: 'transaction',
        server: { host: '127.0.0.1', port: guard.port },
        database: database.name,
        logins: [{ user: 'portal', password: 'demo-portal' }],
        settings: { default_pool_size: 1, ignore_startup_parameters: 'extra_float_digits' },
      });
      try {
        await runAll(application, bouncer.through(guard.url('portal')));
      } finally {
        await bouncer.stop();
      }
    });
  });
});
