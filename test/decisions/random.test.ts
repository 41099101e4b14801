/** Tests that random statements give the same with many hidden rows as without any: the same rows, and no further error. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rowsToAsk, statementLimits } from '../../src/session/admission/statement-meter.ts';
import { renderLiterals } from '../../src/session/client/render.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { catalogOf, loadPolicies } from './policies.ts';
import { RandomStatements } from './random-statements.ts';
import { type Bench, bench, copyFor, crowdedDatabase, type Ran } from './world.ts';

const LONG = process.env.ROWGATE_LONG === '1';
/** How many statements are compared. A slow machine takes longer; it does not compare fewer. */
const COMPARED = LONG ? 10_000 : 150;
const MINUTES = LONG ? 60 : 3;
/** Another for each run of the long tests; the message of a failure contains it. */
const SEED = Number(process.env.ROWGATE_SEED ?? (LONG ? Date.now() % 2 ** 31 : 20261125));

const databases: FreshDatabase[] = [];
let policy: SessionPolicy;
let crowded: Bench;
let copy: Bench;

beforeAll(async () => {
  const crowd = await crowdedDatabase();
  const restricted = (await copyFor('teacher'))!;
  databases.push(crowd, restricted);
  policy = loadPolicies(await catalogOf(crowd), join(import.meta.dirname, 'policies')).of('teacher');
  [crowded, copy] = [await bench(crowd), await bench(restricted)];
});

afterAll(async () => {
  await crowded?.end();
  await copy?.end();
  for (const database of databases) await database.drop();
});

test(`${COMPARED} statements`, { timeout: MINUTES * 60_000 }, async () => {
  const statements = new RandomStatements(SEED);
  const values = { attributes: policy.principal.attributes, limit: rowsToAsk(statementLimits(policy)) };
  for (let compared = 0; compared < COMPARED; ) {
    const sql = statements.next();
    const judgement = policy.judge(sql);
    // A statement that cannot be judged is refused; but Rowgate's own text must be verified.
    expect(['not-verified', 'internal'], `seed ${SEED}: ${sql}`).not.toContain(judgement.refusal?.reason);
    if (judgement.effect === 'refuse') continue;
    const there = await copy.run(timed(sql));
    if ('sqlstate' in there) continue;
    const { sent } = renderLiterals(sql, judgement, values);
    const here = await crowded.run(timed(sent));
    if ('sqlstate' in here && here.sqlstate === QUERY_CANCELED) continue;
    expect(shown(here), `seed ${SEED}: ${sql}\n${sent}`).toEqual(shown(there));
    compared += 1;
  }
});

const QUERY_CANCELED = '57014';

/** A bad plan over the crowd is no finding. */
function timed(sql: string): string {
  return `SET statement_timeout = '1s'; ${sql}`;
}

function shown(ran: Ran): unknown {
  if ('sqlstate' in ran) return `${ran.sqlstate} ${ran.message}`;
  return ran.results.map(({ columns, rows }) => ({ columns, rows: rows.map((row) => JSON.stringify(row)).sort() }));
}
