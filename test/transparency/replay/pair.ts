/**
 * The two servers, a database on both and four sessions: on each an owner, who runs the definitions, and the one that is measured, on the second through
 * Rowgate. What is refused there is not run on the first either, or, where it changes rows, by both owners: they stay in step.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { guardInFrontOf, type TestGuard } from '../../support/guard.ts';
import { grantAll, PASSWORD, ungrantable } from './all-granted.ts';
import { type Answer, ask, connectedTo, difference, endOf } from './asked.ts';
import { type Part, partOf, withoutSchemaOfTemporary, withoutTemporary } from './measured.ts';
import { RECONNECT, type Statement, type Step } from './step.ts';
import type { Tally } from './tally.ts';

type Planned = Statement & { readonly part: Part };
type PlannedStep = Planned | typeof RECONNECT;

export class Pair {
  private readonly owners: Promise<[pg.Client, pg.Client]>;

  /** Of the superusers. */
  constructor(
    private readonly direct: string,
    private readonly guarded: string,
  ) {
    this.owners = Promise.all([this.template(direct), this.template(guarded)]);
  }

  private async template(url: string): Promise<pg.Client> {
    await runOnce(url, `CREATE DATABASE ${TEMPLATE} TEMPLATE template0`);
    return connected(urlOf(url, TEMPLATE));
  }

  /** What must be there before. */
  async prepare(text: string): Promise<void> {
    for (const owner of await this.owners) await ask(owner, text);
  }

  async prepared(): Promise<void> {
    for (const owner of await this.owners) await owner.end();
  }

  async run(statements: readonly Step[], tally: Tally): Promise<void> {
    const urls = [this.direct, this.guarded] as const;
    for (const url of urls) await runOnce(url, `CREATE DATABASE ${DATABASE} TEMPLATE ${TEMPLATE}`);
    const custom = statements.flatMap((one) => (one === RECONNECT ? [] : (CUSTOM_SETTING.exec(one.text)?.[1] ?? [])));
    const settings = custom.map((name) => name.toLowerCase());
    const replay = await Replay.open(urlOf(this.direct, DATABASE), urlOf(this.guarded, DATABASE), tally, settings);
    try {
      const steps = statements.map((one): PlannedStep => {
        if (one === RECONNECT) return one;
        const text = withoutSchemaOfTemporary(one.text);
        return { ...one, text, part: partOf(text) };
      });
      await replay.run(steps);
    } finally {
      await replay.close();
      for (const url of urls) await drop(url);
    }
  }
}

/** What a role may be granted is the same after these. */
const MAKES_NOTHING =
  /^(?:VACUUM|ANALYZE|COMMENT|GRANT|REVOKE|CHECKPOINT|(?:CREATE|ALTER|DROP) (?:ROLE|STATISTICS|PUBLICATION|SUBSCRIPTION|TABLESPACE))/;
const TEMPLATE = 'replay_template';
const DATABASE = 'replay';
const SEARCH_PATH = /^\s*set\s+(?:session\s+)?search_path\b/i;
const NO_PATH = /^\s*(?:reset\s+(?:search_path|all)|discard\s+all)\b/i;
const CUSTOM_SETTING = /^\s*set\s+(?:session\s+|local\s+)?(\w+(?:\.\w+)+)\b/i;

class Replay {
  private readonly without = new Set<string>();
  /** Definitions have changed since the role was given all. */
  private stale = true;
  private sessions: { direct: pg.Client; guarded: pg.Client } | undefined;
  private guard: TestGuard | undefined;
  private inTransaction = false;
  /** The last `SET search_path`: schemas without a grant are passed over where it is set, and what follows grants in them only later. */
  private path: string | undefined;

  private constructor(
    private readonly url: string,
    private readonly guardedUrl: string,
    private readonly policies: string,
    private readonly owners: readonly [pg.Client, pg.Client],
    private readonly tally: Tally,
    private readonly customSettings: readonly string[],
  ) {}

  static async open(direct: string, guarded: string, tally: Tally, settings: readonly string[]): Promise<Replay> {
    const policies = await mkdtemp(join(tmpdir(), 'rowgate-replay-policies-'));
    const owners = [await connected(direct), await connected(guarded)] as const;
    return new Replay(direct, guarded, policies, owners, tally, settings);
  }

  async close(): Promise<void> {
    await this.leave();
    for (const owner of this.owners) await owner.end().catch(() => {});
    await this.guard?.stop();
    await rm(this.policies, { recursive: true, force: true });
  }

  async run(steps: readonly PlannedStep[]): Promise<void> {
    for (let at = 0; at < steps.length; ) {
      const step = steps[at]!;
      if (step === RECONNECT) {
        await this.leave();
        at += 1;
      } else if (step.part.kind === 'begin') {
        const end = endOfBlock(steps, at);
        const block = steps.slice(at, end).filter((one) => one !== RECONNECT);
        if (block.some(({ part }) => part.kind === 'definition' || part.kind === 'left out'))
          for (const one of block) await this.byOwners(one);
        else for (const one of block) await this.inBlock(one);
        at = end;
      } else {
        await this.alone(step);
        at += 1;
      }
    }
  }

  private async alone(step: Planned): Promise<void> {
    if (step.part.kind === 'left out') return;
    if (step.part.kind === 'definition') return this.byOwners(step);
    const refused = await this.measure(step);
    if (step.part.kind === 'setting' || (refused && step.part.kind === 'measured' && step.part.changes))
      await this.byOwners(step);
  }

  private async byOwners(step: Planned): Promise<void> {
    const { part } = step;
    if (part.kind === 'left out') return;
    const [, answer] = [await this.byOwner(0, step), await this.byOwner(1, step)];
    if (part.kind === 'definition' && !answer.error && !MAKES_NOTHING.test(answer.tag)) this.stale = true;
  }

  private byOwner(at: 0 | 1, { text, data, bound }: Statement): Promise<Answer> {
    return ask(this.owners[at], withoutTemporary(text), data, bound);
  }

  /** In a transaction what was refused is undone here, and never happens there. */
  private async inBlock(step: Planned): Promise<void> {
    const { direct, guarded } = await this.ready();
    const inside = step.part.kind !== 'begin' && step.part.kind !== 'end';
    this.inTransaction = inside;
    if (inside) for (const session of [direct, guarded]) await ask(session, 'SAVEPOINT rg_replay');
    const refused = await this.measure(step);
    if (refused && inside) await ask(guarded, 'ROLLBACK TO rg_replay');
    // PREPARE TRANSACTION: neither has prepared, and what follows begins anew.
    if (refused && step.part.kind === 'end') for (const session of [direct, guarded]) await ask(session, 'ROLLBACK');
    this.inTransaction = false;
  }

  /** Whether the guard refused it. */
  private async measure(step: Planned): Promise<boolean> {
    const { text, data, bound } = step;
    const { direct, guarded } = await this.ready();
    const given = await ask(guarded, text, data, bound).catch((error: Error) => lost(error));
    if (endOf(guarded) !== undefined || given.error?.code === LOST) {
      // The guard saw a definition before the policy did: what the policy then no longer allows has ended the session, which is as it should be.
      const byPolicy = this.isByPolicy(guarded);
      await this.loseSessions();
      if (byPolicy && !this.inTransaction) return this.measure(step);
    }
    if (given.error && isRefusal(given.error)) {
      const wanted = await this.tried(step);
      const reason = `${given.error.code} ${withoutNames(given.error.message)}`;
      if (wanted) this.tally.add(step, wanted.error?.code === given.error.code ? undefined : reason, wanted);
      else this.tally.untried(step, reason);
      return true;
    }
    if (SEARCH_PATH.test(text)) this.path = text;
    if (NO_PATH.test(text)) this.path = undefined;
    const wanted = await ask(direct, text, data, bound);
    this.tally.add(step, difference(wanted, given), wanted);
    return false;
  }

  /** What PostgreSQL says of a statement that was refused: some are wrong there as well. Undefined where it would leave something behind. */
  private async tried({ text, data, bound, part }: Planned): Promise<Answer | undefined> {
    if (!('undone' in part && part.undone)) return undefined;
    const { direct } = await this.ready();
    const inside = this.inTransaction;
    if (!inside) await ask(direct, 'BEGIN');
    const answer = await ask(direct, text, data, bound);
    await ask(direct, inside ? 'ROLLBACK TO rg_replay' : 'ROLLBACK');
    return answer;
  }

  private async ready(): Promise<{ direct: pg.Client; guarded: pg.Client }> {
    // A session is ended when the new policy no longer allows its path.
    const path = this.stale && this.sessions ? this.path : undefined;
    if (path !== undefined) await this.byGuarded('RESET search_path');
    if (this.stale) await this.grant();
    this.stale = false;
    if (path !== undefined) await this.byGuarded(path);
    if (this.sessions && this.isByPolicy(this.sessions.guarded)) await this.loseSessions();
    if (!this.sessions) {
      const direct = await connected(this.url);
      const guarded = await connected(this.guard!.url('all', PASSWORD));
      if (this.path !== undefined) for (const session of [direct, guarded]) await ask(session, this.path);
      this.sessions = { direct, guarded };
    }
    return this.sessions;
  }

  /** What follows begins on others, with the same path. */
  private async loseSessions(): Promise<void> {
    const { path } = this;
    await this.leave();
    this.path = path;
  }

  private async byGuarded(text: string): Promise<void> {
    await ask(this.sessions!.guarded, text).catch(() => {});
  }

  private isByPolicy(session: pg.Client): boolean {
    const why = endOf(session);
    if (why === undefined || !BY_POLICY.test(why)) return false;
    this.tally.ended(why);
    return true;
  }

  private async leave(): Promise<void> {
    await this.sessions?.direct.end().catch(() => {});
    await this.sessions?.guarded.end().catch(() => {});
    this.sessions = undefined;
    this.path = undefined;
  }

  /** Grants all that there is; what the policy cannot grant is named by the errors, and left out. */
  private async grant(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      await grantAll(this.policies, this.owners[1], { without: this.without, customSettings: this.customSettings });
      this.guard ??= await guardInFrontOf(
        {
          name: DATABASE,
          url: this.guardedUrl,
          createLogin: async () => ({ user: 'postgres', password: '', url: this.guardedUrl }),
        },
        { policies: this.policies, upstream: () => `{ url: "${this.guardedUrl}" }` },
      );
      const { policy } = await this.guard.reload();
      const problems = policy.kind === 'unread' ? [policy.message] : policy.kind === 'unchanged' ? [] : policy.errors;
      if (problems.length === 0) return;
      if (attempt === 9) throw new Error(problems.join('\n'));
      for (const one of await ungrantable(this.policies, problems)) this.without.add(one);
    }
  }
}

const LOST = 'lost';
const BY_POLICY = /terminating connection: role|the policy has changed/;

function lost(error: Error): Answer {
  return { names: [], types: [], rows: [], tag: '', error: { code: LOST, message: error.message, detail: '' } };
}

function isRefusal(error: NonNullable<Answer['error']>): boolean {
  return /(?:^|\. )Decision \w+/.test(error.detail);
}

/** `permission denied for function "f"` is one reason for all functions. */
function withoutNames(message: string): string {
  return message.replace(/"(?:[^"]|"")*"/g, '"…"').replace(/\d+/g, 'N');
}

function endOfBlock(steps: readonly PlannedStep[], begin: number): number {
  for (let at = begin + 1; at < steps.length; at++) {
    const step = steps[at]!;
    if (step !== RECONNECT && step.part.kind === 'end') return at + 1;
  }
  return steps.length;
}

function urlOf(url: string, database: string): string {
  const found = new URL(url);
  found.pathname = `/${database}`;
  return found.href;
}

async function connected(url: string): Promise<pg.Client> {
  return connectedTo(new pg.Client({ connectionString: url }));
}

/** Transactions that were prepared and left would keep the database. */
async function drop(url: string): Promise<void> {
  const client = await connected(urlOf(url, DATABASE));
  const { rows } = await client.query(
    'SELECT quote_literal(gid) AS gid FROM pg_prepared_xacts WHERE database = current_database()',
  );
  for (const { gid } of rows) await client.query(`ROLLBACK PREPARED ${gid}`);
  await client.end();
  await runOnce(url, `DROP DATABASE ${DATABASE} WITH (FORCE)`);
}

async function runOnce(url: string, sql: string): Promise<void> {
  const client = await connected(url);
  await client.query(sql);
  await client.end();
}
