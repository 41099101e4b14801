/** Tests psql, psycopg 3 and node-postgres with HAProxy in front of Rowgate and PgBouncer behind it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HAPROXY_ADDRESS, haproxy, startHaproxy } from '../proxy/haproxy.ts';
import type { GuardOptions } from '../support/guard.ts';
import { PGBOUNCER, type PgBouncer, startPgBouncer } from '../support/pgbouncer.ts';
import { type FreshDatabase, serverAddress } from '../support/postgres.ts';
import { describeWith, testWith } from '../support/tools.ts';
import { type Driver, type Outcomes, takeSteps } from './driver.ts';
import { expectedOf, restrictedTo } from './expected.ts';
import { NODE_POSTGRES } from './node-drivers.ts';
import { PSQL_DRIVER } from './psql.ts';
import { PSYCOPG } from './python.ts';
import { type Round, startRound } from './round.ts';

/** The steps that a driver loses behind a pooler of transactions, and their errors. */
const LOST: Readonly<Record<string, Outcomes>> = {
  psql: { 'prepared statements': { result: [] } },
};

describeWith(haproxy, PGBOUNCER).each(['session', 'transaction'] as const)('PgBouncer pools by %s', (mode) => {
  const bouncers: PgBouncer[] = [];
  let round: Round;

  /** Accounts as `docs/operations.md` says: what cannot be set through a pooler is the account's own. */
  const upstream = async (database: FreshDatabase, url: string): Promise<string> => {
    const { username: user, password } = new URL(url);
    const owner = await database.createLogin();
    await database.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${owner.user}`);
    for (const name of [user, owner.user]) {
      await database.query(`ALTER ROLE ${name} IN DATABASE "${database.name}" SET search_path = public`);
      await database.query(`ALTER ROLE ${name} IN DATABASE "${database.name}" SET statement_timeout = '5min'`);
    }
    const bouncer = await startPgBouncer({
      program: PGBOUNCER.path!,
      mode,
      server: serverAddress(),
      database: database.name,
      logins: [{ user, password }, owner],
    });
    bouncers.push(bouncer);
    const login = `{ user: ${owner.user}, password: "${owner.password}" }`;
    return `{ url: "${bouncer.through(url)}", pooling: ${mode}, logins: { owner: ${login} } }`;
  };

  beforeAll(async () => {
    const guard = (database: FreshDatabase): GuardOptions => ({
      configuration: `proxy_protocol: { from: [${HAPROXY_ADDRESS}/32] }`,
      upstream: (url) => upstream(database, url),
    });
    const front = (port: number, needsTls: boolean) => startHaproxy(port, { checks: needsTls ? 'tls' : 'startup' });
    round = await startRound({ guard, front });
  });
  afterAll(async () => {
    await round?.stop();
    for (const bouncer of bouncers) await bouncer.stop();
  });

  const lost = ({ name }: Driver): Outcomes => (mode === 'transaction' ? (LOST[name] ?? {}) : {});

  for (const driver of [PSQL_DRIVER, PSYCOPG, NODE_POSTGRES]) {
    testWith(driver.needs)(`${driver.name}: as without them`, async () => {
      const direct = await takeSteps(driver, round.direct());
      expect(direct).toEqual(expectedOf(direct));
      expect(await takeSteps(driver, round.overTls('owner'))).toEqual({ ...direct, ...lost(driver) });
      const restricted = { ...restrictedTo(driver, direct), ...lost(driver) };
      expect(await takeSteps(driver, round.plain('reader'))).toEqual(restricted);
    });
  }

  it('the decision log has the address of the client, not of HAProxy, and what was refused for the pooler', async () => {
    const decisions = (await round.records()).filter(({ kind }) => kind === 'decision');
    expect(decisions.length).toBeGreaterThan(100);
    for (const { client } of decisions) expect(client).toMatch(/^127\.0\.0\.1:/);
    const pooled = decisions.filter(({ reason }) => reason === 'pooled').map(({ command }) => command);
    expect([...new Set(pooled)]).toEqual(mode === 'transaction' ? ['PREPARE', 'EXECUTE'] : []);
  });

  it('all of it went through PgBouncer', async () => {
    for (const bouncer of bouncers) {
      const totals = await bouncer.command('SHOW STATS');
      const [ours] = totals.filter(({ database }) => database === round.database.name);
      expect(Number(ours?.total_query_count)).toBeGreaterThan(50);
    }
  });
});
