/**
 * What stands, in Redis: one value, announced when it changes, and looked at besides. Each version has a mark of its own and names those that it
 * came from: a server that has lost the last moments, and was changed by others since, is told from one that is merely ahead.
 */
import { randomBytes } from 'node:crypto';
import type { Exceptions, ExceptionsChange } from '../../../metering/budget-store.ts';
import { StoreUnavailable } from '../../../metering/budget-store.ts';
import {
  changeExceptions,
  exceptionsOf,
  exceptionsState,
  mergedExceptions,
  NO_EXCEPTIONS,
} from '../../../metering/exceptions.ts';
import { type RedisConnection, script } from './connection.ts';

const KEY = 'rowgate:standing';
export const STANDING_CHANNEL = 'rowgate:standing';
const MOST_TRIES = 20;

/** So many versions before it are told by their marks; who has missed more than that cannot tell where the one that is there comes from. */
const MOST_MARKS = 100;

/** Puts a value with the next version in the place of the one that was read. Answers whether it was still that one. */
const REPLACE = script(`
local found = redis.call('HMGET', KEYS[1], 'version', 'marks')
local said = cjson.decode(ARGV[1])
if tonumber(found[1] or 0) ~= said.version or (found[2] or '') ~= said.marks then return 0 end
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', said.next), 'marks', said.nextMarks, 'state', said.state)
redis.call('PUBLISH', '${STANDING_CHANNEL}', string.format('%.0f', said.next))
return 1
`);

/** A version: its number, and the marks of those that led to it, its own last. */
interface Version {
  readonly number: number;
  readonly marks: readonly string[];
}

const NO_VERSION: Version = { number: 0, marks: [] };

export class SharedStanding {
  current: Exceptions = NO_EXCEPTIONS;
  private version = NO_VERSION;
  /** Locks and closings that the others do not know yet. */
  private untold: ExceptionsChange[] = [];
  private looking: Promise<void> | undefined;
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly connection: RedisConnection,
    /** By the server's clock. */
    private readonly now: () => number,
    private readonly notice: (message: string) => void,
  ) {}

  onChange(changed: () => void): void {
    this.listeners.push(changed);
  }

  /** Takes over what is there, if it is newer, and tells what could not be told before. Rejects with StoreUnavailable. */
  look(): Promise<void> {
    this.looking ??= this.lookAndTell().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  async change(change: ExceptionsChange): Promise<void> {
    if (!ends(change)) return this.share(change);
    // What shuts somebody out holds here at once, and is told to the others as soon as it can be.
    // Whoever could not tell it tries again, perhaps for hours.
    if (!this.untold.some((one) => isSame(one, change))) this.untold.push(change);
    this.set(this.current, this.version);
    await this.share(change);
    this.untold = this.untold.filter((one) => !isSame(one, change));
  }

  private async lookAndTell(): Promise<void> {
    await this.lookNow();
    for (const change of [...this.untold]) {
      await this.share(change);
      // One by one: others may have come meanwhile.
      this.untold = this.untold.filter((one) => one !== change);
    }
  }

  private async share(change: ExceptionsChange): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      await this.lookNow();
      const next = changeExceptions(this.current, change, this.now());
      if (await this.replace(this.version, next)) return;
    }
    throw new StoreUnavailable('what stands was changed by others at the same time, again and again');
  }

  private async lookNow(): Promise<void> {
    const ours = markOf(this.version);
    // What stands may be long, where many people are locked out, and mostly it is what is known here.
    const known = await this.connection.ask((client) => client.hget(KEY, 'marks'));
    if (ours === marksOf(known).at(-1)) return;
    const [number, marks, state] = await this.connection.ask((client) =>
      client.hmget(KEY, 'version', 'marks', 'state'),
    );
    const found: Version = { number: Number(number ?? 0), marks: marksOf(marks) };
    const theirs = markOf(found);
    if (ours === theirs) return;
    const standing = typeof state === 'string' ? exceptionsOf(JSON.parse(state)) : NO_EXCEPTIONS;
    if (ours === undefined || found.marks.includes(ours)) {
      this.set(standing, found);
      return;
    }
    // Locks do not end because the server has lost them: who still knows them puts them back, beside what others have said since.
    const isOlder = theirs === undefined || this.version.marks.includes(theirs);
    const whole = isOlder ? this.current : mergedExceptions(standing, this.current, this.now());
    if (!(await this.replace(found, whole))) return;
    this.notice(
      `the state in ${this.connection.place} was older than what is known here: locks, raises, permits and openings were put back`,
    );
  }

  private async replace(found: Version, standing: Exceptions): Promise<boolean> {
    const number = Math.max(found.number, this.version.number) + 1;
    // What is put back comes from both.
    const before = [...new Set([...this.version.marks.slice(-MOST_MARKS), ...found.marks.slice(-MOST_MARKS)])];
    const next: Version = { number, marks: [...before, randomBytes(6).toString('base64url')] };
    const state = JSON.stringify(exceptionsState(standing));
    const words = {
      version: found.number,
      marks: found.marks.join(' '),
      next: number,
      nextMarks: next.marks.join(' '),
    };
    if ((await this.connection.script(REPLACE, [KEY], JSON.stringify({ ...words, state }))) !== 1) return false;
    this.set(standing, next);
    return true;
  }

  private set(standing: Exceptions, version: Version): void {
    if (version.number < this.version.number) return;
    this.current = this.untold.reduce((next, change) => changeExceptions(next, change, this.now()), standing);
    this.version = version;
    for (const changed of this.listeners) changed();
  }
}

/** Whether it shuts somebody out. */
function ends(change: ExceptionsChange): boolean {
  return change.kind === 'lock' || (change.kind === 'opening' && change.opening.closed !== undefined);
}

function isSame(one: ExceptionsChange, other: ExceptionsChange): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function marksOf(text: string | null | undefined): readonly string[] {
  return text ? text.split(' ') : [];
}

function markOf({ marks }: Version): string | undefined {
  return marks.at(-1);
}
