/**
 * Exceptions in Redis: one value, announced when it changes, and also polled. Each version has a random mark and lists the marks of earlier versions.
 * Thus a server that lost its last changes, and was changed since, is told from one that is merely newer.
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
export const EXCEPTIONS_CHANNEL = 'rowgate:standing';
const MOST_TRIES = 20;

/** How many earlier marks a version lists; a guard that missed more versions than that cannot tell where the present one comes from. */
const MOST_MARKS = 100;

/** Replaces the value that was read by the next version. Returns whether it was still that value. */
const REPLACE = script(`
local found = redis.call('HMGET', KEYS[1], 'version', 'marks')
local said = cjson.decode(ARGV[1])
if tonumber(found[1] or 0) ~= said.version or (found[2] or '') ~= said.marks then return 0 end
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', said.next), 'marks', said.nextMarks, 'state', said.state)
redis.call('PUBLISH', '${EXCEPTIONS_CHANNEL}', string.format('%.0f', said.next))
return 1
`);

/** A version: its number, and the marks of the versions that led to it, its own last. */
interface Version {
  readonly number: number;
  readonly marks: readonly string[];
}

const NO_VERSION: Version = { number: 0, marks: [] };

export class SharedExceptions {
  current: Exceptions = NO_EXCEPTIONS;
  private version = NO_VERSION;
  /** Locks, closings and ends that other guards do not know yet. */
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

  /** Reads a newer version, if there is one, and sends pending changes. Rejects with StoreUnavailable. */
  look(): Promise<void> {
    this.looking ??= this.lookAndTell().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  async change(change: ExceptionsChange): Promise<void> {
    if (!ends(change)) return this.share(change);
    // A change that locks takes effect here at once, and is sent as soon as possible. If sending fails, it is tried again, perhaps for hours.
    if (!this.untold.some((one) => isSame(one, change))) this.untold.push(change);
    this.set(this.current, this.version);
    await this.share(change);
    this.untold = this.untold.filter((one) => !isSame(one, change));
  }

  private async lookAndTell(): Promise<void> {
    await this.lookNow();
    for (const change of [...this.untold]) {
      await this.share(change);
      // One by one: more may have been added meanwhile.
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
    // The value may be long, if many are locked out, and mostly it has not changed: the marks are read first.
    const known = await this.connection.ask((client) => client.hget(KEY, 'marks'));
    if (ours === marksOf(known).at(-1)) return;
    const [number, marks, state] = await this.connection.ask((client) =>
      client.hmget(KEY, 'version', 'marks', 'state'),
    );
    const found: Version = { number: Number(number ?? 0), marks: marksOf(marks) };
    const theirs = markOf(found);
    if (ours === theirs) return;
    const exceptions = typeof state === 'string' ? exceptionsOf(JSON.parse(state)) : NO_EXCEPTIONS;
    if (ours === undefined || found.marks.includes(ours)) {
      this.set(exceptions, found);
      return;
    }
    // A lock does not end because the server lost it: a guard that still knows it puts it back, together with later changes of others.
    const isOlder = theirs === undefined || this.version.marks.includes(theirs);
    const whole = isOlder ? this.current : mergedExceptions(exceptions, this.current, this.now());
    if (!(await this.replace(found, whole))) return;
    this.notice(
      `the state in ${this.connection.place} was older than what is known here: locks, raises, permits, openings and observations were put back`,
    );
  }

  private async replace(found: Version, exceptions: Exceptions): Promise<boolean> {
    const number = Math.max(found.number, this.version.number) + 1;
    // The merged version comes from both.
    const before = [...new Set([...this.version.marks.slice(-MOST_MARKS), ...found.marks.slice(-MOST_MARKS)])];
    const next: Version = { number, marks: [...before, randomBytes(6).toString('base64url')] };
    const state = JSON.stringify(exceptionsState(exceptions));
    const words = {
      version: found.number,
      marks: found.marks.join(' '),
      next: number,
      nextMarks: next.marks.join(' '),
    };
    if ((await this.connection.script(REPLACE, [KEY], JSON.stringify({ ...words, state }))) !== 1) return false;
    this.set(exceptions, next);
    return true;
  }

  private set(exceptions: Exceptions, version: Version): void {
    if (version.number < this.version.number) return;
    this.current = this.untold.reduce((next, change) => changeExceptions(next, change, this.now()), exceptions);
    this.version = version;
    for (const changed of this.listeners) changed();
  }
}

/** Whether the change locks, or enforces a role's policy again. */
function ends(change: ExceptionsChange): boolean {
  switch (change.kind) {
    case 'lock':
      return true;
    case 'opening':
      return change.opening.closed !== undefined;
    case 'observation':
      return change.observation.ended !== undefined;
    default:
      return false;
  }
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
