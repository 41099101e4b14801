/**
 * Runs scripts in all databases, without a guard and through one, and compares what an account has paid with what its replies tell: of the replies
 * that differ at most one is free, and values told are paid, 8 bytes each.
 */
import { serialize } from 'pg-protocol';
import { forget, type Paid, paidBy } from './accounts.ts';
import type { Line } from './line.ts';
import { KNOWN } from './people.ts';
import { guardedText, plainText, type Reply, repliesIn, rowsTold, sqlstates, valuesTold } from './replies.ts';
import { isBeside, leaves, messagesOf, type Script, writes } from './script.ts';
import { STORED } from './table-forms.ts';
import { BUDGET, type Guarded, type World } from './worlds.ts';

/** The fault that was found. */
export interface Finding {
  readonly script: Script;
  readonly why: string;
  /** For each database: what was paid, and the reply. */
  readonly replies: readonly string[];
}

export interface Told {
  /** The number of different replies of the server; 1: nothing is told. */
  readonly replies: number;
  /** `withheld`: refused, or what differs is not passed on. */
  readonly state: 'silent' | 'unsteady' | 'timed out' | 'withheld' | 'answered';
  readonly finding?: Finding;
}

/** Up to one of the messages of a script. */
interface Answered extends Paid {
  readonly replies: readonly Reply[];
  readonly text: string;
}

const TIMED_OUT = '57014';
/** As it was before each script. */
const AGAIN = serialize.query(
  [
    ...['notes_id', 'visit_id', 'lab_id', 'call_id', 'guest_id', 'pass_id', 'memo_id', 'lodger_number', 'quota_id'].map(
      (name) => `SELECT setval('${name}_seq', 100)`,
    ),
    `DELETE FROM turn WHERE id = ${STORED}`,
  ].join(';'),
);
const BEGIN = serialize.query('BEGIN');
const AFTER = [serialize.query('ROLLBACK'), serialize.query('DISCARD ALL')];
const KNOWS = serialize.query(`SELECT id FROM patient WHERE id IN (${KNOWN.join(', ')})`);
/** A query that is charged with this number of values, and cannot fail: the last one of a budget may be for an error. */
const spending = (values: number): Buffer =>
  serialize.query(`SELECT max(g) FROM patient, generate_series(1, ${values}) AS g GROUP BY g`);

let users = 0;
/** Scripts that write run one after the other, over all checkers. */
let turn: Promise<unknown> = Promise.resolve();

export class Checker {
  /** For each guard an account with an empty budget. */
  private spent: readonly string[] = [];

  private constructor(
    private readonly guarded: Guarded,
    private readonly worlds: readonly World[],
  ) {}

  static async open(guarded: Guarded): Promise<Checker> {
    const checker = new Checker(guarded, await guarded.open());
    checker.spent = await Promise.all(checker.worlds.map((_, i) => checker.newUser(i, 0)));
    return checker;
  }

  /** @param left what the account may still know; absent: as much as a new one. */
  async check(script: Script, left?: number): Promise<Told> {
    if (!leaves(script)) return this.checkNow(script, left);
    const mine = turn.then(() => this.checkNow(script, left));
    turn = mine.catch(() => {});
    return mine;
  }

  private async checkNow(script: Script, left: number | undefined): Promise<Told> {
    const plain = await this.all((world) => this.plain(script, world));
    if (plain.some((replies) => sqlstates(replies).includes(TIMED_OUT))) return { replies: 0, state: 'timed out' };
    const texts = plain.map(plainText);
    const replies = new Set(texts).size;
    if (replies === 1) return { replies, state: 'silent' };
    const again = await this.plain(script, this.worlds[0]!);
    if (plainText(again) !== texts[0]) return { replies, state: 'unsteady' };
    const steps = await this.all((world, i) => this.answered(script, world, i, left));
    const refused = await this.all(async (world, i) => {
      if (leaves(script)) await world.plain.ask(AGAIN, 1);
      return this.ask(script, world, this.spent[i]!);
    });
    const finding = stepsIn(steps).reduce(
      (first: Finding | undefined, answered) => first ?? findingIn(script, answered, left),
      refusalIn(script, refused),
    );
    const last = steps.map((answered) => answered.at(-1)!);
    const isFree = last.every(({ people, others, text }) => people + others === 0 && text === last[0]!.text);
    return { replies, state: isFree ? 'withheld' : 'answered', ...(finding && { finding }) };
  }

  private all<T>(act: (world: World, at: number) => Promise<T>): Promise<T[]> {
    return Promise.all(this.worlds.map(act));
  }

  private async plain(script: Script, { plain, beside }: World): Promise<readonly Reply[]> {
    const first = leaves(script) ? [AGAIN] : [];
    return (await this.send(script, [plain, beside.plain], first)).slice(first.length);
  }

  /** By a new person, who knows those that all know: after each message. */
  private async answered(script: Script, world: World, at: number, left: number | undefined): Promise<Answered[]> {
    const [user] = await Promise.all([this.newUser(at, left), leaves(script) && world.plain.ask(AGAIN, 1)]);
    const before = paidBy(user);
    const paid: Paid[] = [];
    const replies = await this.ask(script, world, user, () => paid.push(paidBy(user)));
    forget(user);
    return paid.map(({ people, others }, i) => {
      const until = replies.slice(0, i + 1);
      return {
        replies: until,
        people: people - before.people,
        others: others - before.others,
        text: guardedText(until),
      };
    });
  }

  private async newUser(at: number, left: number | undefined): Promise<string> {
    users += 1;
    const user = `user-${at}-${users}`;
    const knows = [serialize.query(this.guarded.begin(user)), KNOWS];
    if (left !== undefined) knows.push(spending(BUDGET - KNOWN.length - left));
    await this.worlds[at]!.guarded.ask(Buffer.concat(knows), knows.length);
    const { people, others } = paidBy(user);
    if (people !== KNOWN.length || (left !== undefined && people + others !== BUDGET - left))
      throw new Error(`${user} has paid ${people} and ${others}`);
    return user;
  }

  /** `told`: after each message. */
  private async ask(
    script: Script,
    { guarded, beside }: World,
    user: string,
    told?: () => void,
  ): Promise<readonly Reply[]> {
    const begin = serialize.query(this.guarded.begin(user));
    return (await this.send(script, [guarded, beside.guarded], [begin], told)).slice(1);
  }

  /** The replies to `first` as well. */
  private async send(
    script: Script,
    lines: Lines,
    first: readonly Buffer[],
    told?: () => void,
  ): Promise<readonly Reply[]> {
    const messages = messagesOf(script);
    const [begin, after] = leaves(script) ? [[...first, BEGIN], AFTER] : [first, []];
    if (told || script.texts.some(isBeside)) {
      const [line, beside] = lines;
      const both = (all: readonly Buffer[]) => Promise.all(lines.map((one) => one.ask(Buffer.concat(all), all.length)));
      await both(begin);
      const replies: Reply[] = first.map(() => []);
      for (const [i, message] of messages.entries()) {
        replies.push(...repliesIn(await (isBeside(script.texts[i]!) ? beside : line).ask(message, 1)));
        told?.();
      }
      if (after.length > 0) await both(after);
      return replies;
    }
    const all = [...begin, ...messages, ...after];
    const replies = repliesIn(await lines[0].ask(Buffer.concat(all), all.length));
    return [...replies.slice(0, first.length), ...replies.slice(begin.length, begin.length + messages.length)];
  }
}

/** Those of all databases, after each message. */
const stepsIn = (worlds: readonly (readonly Answered[])[]): readonly (readonly Answered[])[] =>
  worlds[0]!.map((_, i) => worlds.map((steps) => steps[i]!));

type Lines = readonly [line: Line, beside: Line];

function findingIn(script: Script, answered: readonly Answered[], left = BUDGET): Finding | undefined {
  const free = new Set(answered.filter(({ people, others }) => people + others === 0).map(({ text }) => text));
  if (free.size > 1) return found(script, 'replies that differ are free', answered);
  if (answered.some(({ people, others }) => people + others > left))
    return found(script, 'more was paid than was left', answered);
  for (const one of answered)
    for (const other of answered) {
      if (one.people + other.people > 0) continue;
      // A person whose row a write has given to another was charged at that write, as one, whatever is then read of it.
      const told = writes(script) ? rowsTold(one.replies, other.replies) : valuesTold(one.replies, other.replies);
      if (told > one.others) return found(script, `it tells ${told} values, for ${one.others}`, answered);
    }
  return undefined;
}

/** With an empty budget an answer depends on no hidden person. */
function refusalIn(script: Script, refused: readonly (readonly Reply[])[]): Finding | undefined {
  const texts = refused.map(guardedText);
  if (new Set(texts).size === 1) return undefined;
  return { script, why: 'with nothing left replies differ', replies: texts };
}

function found(script: Script, why: string, answered: readonly Answered[]): Finding {
  return {
    script,
    why,
    replies: answered.map(({ people, others, text }) => `${people} people, ${others} others: ${text}`),
  };
}
