/**
 * The attack suite: each member is judged, explained, and sent by both protocols and by every other way through a whole guard, to the
 * attacked database and to its twins. It passes when nothing withheld shows in any byte that comes back, and when the twins' answers are the same.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PolicyReader } from '../../src/app/policy-reader.ts';
import { type Explanation, explanationOf } from '../../src/cli/explanation.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Judgement } from '../../src/guard/decision.ts';
import { Guard } from '../../src/guard/guard.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import type { Catalog } from '../../src/sql/catalog/catalog.ts';
import { tablesSeen } from '../decisions/witness.ts';
import { advises } from '../support/advises.ts';
import { serverVersion } from '../support/postgres.ts';
import {
  type Answer,
  type Attacker,
  comparable,
  comparableInPieces,
  type Protocol,
  sqlstateOf,
  withoutRows,
} from './attacker.ts';
import { type Case, readCases, stepsOf, textsOf, UPDATE, updateCases } from './cases.ts';
import { MARK, makeWorlds, type World } from './twins.ts';
import { waysOf } from './ways.ts';

vi.mock('../../src/guard/guard.ts', async (original) => {
  const { sharing } = await import('../noninterference/shared-judgements.ts');
  return sharing(await original());
});

/** Each a heading of the list of what guards were broken by; what comes behind them is more of the same. */
const CLASSES = 26;
const MEMBERS = 10;

const files = readCases();

/** Refusals that a line of policy decides. */
const RULED: ReadonlySet<string> = new Set(['relation-not-granted', 'column-withheld', 'write-restricted', 'collects']);

let worlds: World[] = [];
let catalog: Catalog;
const policies = new Map<string, SessionPolicy>();
const sessions = new Map<string, Attacker>();
const tallies = new Map<number, Tally>();

interface Tally {
  members: number;
  /** Sent to one database: by both protocols, and by the other ways. */
  sent: number;
  /** Of these, those that ended without an error. */
  answered: number;
}

beforeAll(async () => {
  worlds = await makeWorlds();
  const { config } = loadConfig(worlds[0]!.guard.configFile, {});
  const reading = await new PolicyReader(config!).read();
  catalog = reading.catalog;
  for (const role of reading.policy!.roles.values()) {
    const guard = new Guard({ catalog, role, searchPath: config!.searchPath });
    const principal = reading.policy!.principals.get(role.name)!;
    policies.set(role.name, { role, principal, hash: '', judge: (sql, types) => guard.judge(sql, types) });
  }
});

afterAll(async () => {
  for (const session of sessions.values()) session.end();
  for (const world of worlds) await world.end();
  console.log(summary());
});

test('each class has its members', () => {
  const few = files.filter((f) => f.class <= CLASSES && f.cases.length < MEMBERS);
  expect(few.map((f) => f.file)).toEqual([]);
  expect(files.map((f) => f.class).slice(0, CLASSES)).toEqual(Array.from({ length: CLASSES }, (_, i) => i + 1));
});

describe.each(files.map((f) => [`${f.class}. ${f.about}`, f] as const))('%s', (_, { file, class: number, cases }) => {
  const tally: Tally = { members: cases.length, sent: 0, answered: 0 };
  tallies.set(number, tally);
  const seen = new Map<string, Partial<Case>>();
  afterAll(() => {
    if (UPDATE) updateCases(file, seen);
  });

  test('each member has its own note', () => {
    expect(new Set(cases.map((c) => c.note)).size).toBe(cases.length);
  });

  test.each(cases.map((c, i) => [nameOf(c), c, i] as const))('%s', async (_, attack, member) => {
    const policy = policies.get(attack.role ?? 'teacher')!;
    const judgements = textsOf(attack).map(({ sql, types }) => {
      const oids = types.map((name) => catalog.data.types.find((type) => type.name === name)?.oid ?? 0);
      const judgement = policy.judge(sql, oids);
      if (judgement.effect === 'refuse') {
        isExplained(explanationOf(sql, { ...policy, judge: () => judgement }, catalog));
        expect(judgement.refusal, 'a refusal that says what to do').toSatisfy(advises);
      }
      return [sql, judgement] as const;
    });
    for (const [sql, judgement] of judgements) {
      if (judgement.effect === 'refuse') continue;
      if (!attack.bomb) isWitnessed(sql, judgement);
    }
    const ran = await everywhere(attack, tally);
    const { effect, refusal } = overall(judgements.map(([, judgement]) => judgement));
    const fails = effect === 'refuse' ? undefined : sqlstateOf(ran);
    const now: Partial<Case> = {
      ...(effect !== undefined && { expect: effect }),
      ...(refusal && { reason: refusal.reason }),
      ...(refusal?.rule !== undefined && { rule: refusal.rule }),
      ...(fails !== undefined && { fails }),
    };
    if ((attack.since ?? 0) > serverVersion()) expect(effect === 'refuse' || /^(42|0A)/.test(fails ?? '')).toBe(true);
    else if (UPDATE) seen.set(attack.note, now);
    else {
      const { expect: wanted, reason, rule, fails: failing } = attack;
      expect(now).toEqual(JSON.parse(JSON.stringify({ expect: wanted, reason, rule, fails: failing })));
    }
    if (effect === 'refuse') expect(sqlstateOf(ran), 'an error came back').toBeDefined();
    await byEveryWay(attack, member, effect, tally);
  });
});

function nameOf({ note, since = 0 }: Case): string {
  return since > serverVersion() ? `${note} (needs PostgreSQL ${since})` : note;
}

function summary(): string {
  const lines = [...tallies].map(
    ([number, { members, sent, answered }]) =>
      `${number}: ${members} members, ${sent} ways to send them, ${answered} answered`,
  );
  const total = [...tallies.values()].reduce((sum, { sent }) => sum + sent, 0);
  return `attacks by class\n${lines.join('\n')}\n${total} in all, each to ${worlds.length} databases`;
}

function overall(judgements: readonly Judgement[]): Pick<Judgement, 'refusal'> & { effect: Case['expect'] } {
  const refused = judgements.find((j) => j.effect === 'refuse');
  if (refused) return { effect: 'refuse', ...(refused.refusal && { refusal: refused.refusal }) };
  if (judgements.length === 0) return { effect: undefined };
  return { effect: judgements.some((j) => j.effect === 'rewrite') ? 'rewrite' : 'allow' };
}

/** `rowgate explain` has something to say: why, and what to do. */
function isExplained({ reason, message, rule, advice }: Explanation): void {
  expect(reason).toBeTruthy();
  if (RULED.has(reason ?? '')) expect(rule).toMatch(/^roles\/\w+\.yaml:\d+$/);
  expect(message).toBeTruthy();
  expect(advice?.text).toMatch(/\w+ \w+/);
}

/** Whatever another parser finds in what is let through, the guard found too. */
function isWitnessed(sql: string, judgement: Judgement): void {
  const found = judgement.statements.flatMap((s) => s.tables);
  for (const table of tablesSeen(sql) ?? [])
    expect(
      found.some((name) => name === table || name.endsWith(table)),
      `${table} in ${sql}`,
    ).toBe(true);
}

/** Sends the attack everywhere; gives the answers of the attacked database to the simple protocol. */
async function everywhere(attack: Case, tally: Tally): Promise<readonly Answer[]> {
  const inFrames = stepsOf(attack).every((step) => typeof step !== 'string');
  const protocols: Protocol[] = inFrames ? ['simple'] : attack.values ? ['extended'] : ['simple', 'extended'];
  let first: readonly Answer[] | undefined;
  for (const protocol of protocols) {
    let real: string[] | undefined;
    for (const world of worlds) {
      const answers = await attackOnce(world, attack, protocol);
      for (const { bytes } of answers) expect(bytes, `${protocol}, ${world.name}`).not.toMatch(MARK);
      if (real === undefined) count(tally, answers);
      first ??= answers;
      const lines = comparable(answers, world.database.name);
      real ??= lines;
      if (attack.apart === undefined) expect(lines, `${protocol}: ${world.name} is as the attacked one`).toEqual(real);
    }
  }
  return first!;
}

function count(tally: Tally, answers: readonly Answer[]): void {
  tally.sent += 1;
  if (sqlstateOf(answers) === undefined) tally.answered += 1;
}

/** What is refused is refused by every way, and what is not shows no more by any. */
async function byEveryWay(attack: Case, member: number, effect: Case['expect'], tally: Tally): Promise<void> {
  const ways = waysOf(attack, member);
  const steps = ways.flatMap((way) => way.steps);
  if (steps.length === 0) return;
  const all = await Promise.all(
    worlds.map(async (world) => {
      const session = await sessionOf(world, attack);
      const answers = await session.sendAll(steps);
      await session.sendAll(['DISCARD ALL']);
      return answers;
    }),
  );
  let at = 0;
  for (const { name, steps } of ways) {
    let real: string[] | undefined;
    worlds.forEach((world, i) => {
      const answers = all[i]!.slice(at, at + steps.length);
      for (const { bytes } of answers) expect(bytes, `${name}, ${world.name}`).not.toMatch(MARK);
      if (effect === 'refuse') expect(sqlstateOf(answers), `an error came back by ${name}`).toBeDefined();
      if (i === 0) count(tally, answers);
      // How an EXPLAIN that is allowed plans depends on what a table has been through.
      const plans = name.startsWith('EXPLAIN');
      const lines = comparableInPieces(plans ? answers.map(withoutRows) : answers, world.database.name);
      real ??= lines;
      if (attack.apart === undefined) expect(lines, `${name}: ${world.name} is as the attacked one`).toEqual(real);
    });
    at += steps.length;
  }
}

async function sessionOf(world: World, attack: Case): Promise<Attacker> {
  const role = attack.role ?? 'teacher';
  const key = `${world.name} ${role}`;
  let session = sessions.get(key);
  if (!session || session.closed) {
    session = await world.attack(role);
    sessions.set(key, session);
  }
  return session;
}

async function attackOnce(world: World, attack: Case, protocol: Protocol): Promise<Answer[]> {
  const session = await sessionOf(world, attack);
  const answers: Answer[] = [];
  for (const step of stepsOf(attack)) {
    answers.push(await session.send(step, protocol, attack.values));
    if (session.closed) return answers;
  }
  for (const text of ['ROLLBACK', 'DISCARD ALL']) await session.send(text, 'simple');
  return answers;
}
