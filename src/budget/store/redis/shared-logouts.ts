/**
 * Logouts in Redis: a sorted set of tokens by expiry, another by a running number, and the last number with a mark. A guard reads what follows the
 * number that it knows. Each mark is the hash of the mark before and the token: it shows whether what was read is what was written.
 */
import { createHash } from 'node:crypto';
import type { Logout } from '../../../metering/budget-store.ts';
import { KEPT_ENDED_MS } from '../../../metering/exceptions.ts';
import { LOGOUTS_AT_ONCE, Logouts, MOST_LOGOUTS } from '../../../metering/logouts.ts';
import { type RedisConnection, script } from './connection.ts';

export const LOGOUTS_CHANNEL = 'rowgate:logouts';
const KEYS = ['rowgate:logouts:ends', 'rowgate:logouts:order', 'rowgate:logouts:last'] as const;
/** How many expired ones are removed with each addition. */
const REMOVED_AT_ONCE = 100;
/** The server's clock is known to some milliseconds only: a token that has expired there may be valid here. */
const NEARLY_OVER_MS = 60_000;

/** For each: 1 if it is stored now, 0 if there is no room. An expired one needs no room. */
const ADD = script(`
local said = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local over = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(now - ${KEPT_ENDED_MS}), 'LIMIT', 0, ${REMOVED_AT_ONCE})
for _, token in ipairs(over) do
  redis.call('ZREM', KEYS[1], token)
  redis.call('ZREM', KEYS[2], token)
end
local last = redis.call('HMGET', KEYS[3], 'number', 'mark')
local before, mark = tonumber(last[1] or '0'), last[2] or ''
local number, answers = before, {}
for i, logout in ipairs(said) do
  local token = logout.token
  if redis.call('ZSCORE', KEYS[1], token) or logout['end'] + ${KEPT_ENDED_MS} <= now then
    answers[i] = 1
  elseif redis.call('ZCARD', KEYS[1]) >= ${MOST_LOGOUTS} then
    answers[i] = 0
  else
    number = number + 1
    mark = redis.sha1hex(mark .. token)
    redis.call('ZADD', KEYS[1], text(logout['end']), token)
    redis.call('ZADD', KEYS[2], text(number), token)
    answers[i] = 1
  end
end
if number > before then
  redis.call('HSET', KEYS[3], 'number', text(number), 'mark', mark)
  local latest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
  for _, key in ipairs(KEYS) do redis.call('PEXPIREAT', key, text(tonumber(latest[2]) + ${KEPT_ENDED_MS})) end
  redis.call('PUBLISH', '${LOGOUTS_CHANNEL}', text(number))
end
return answers
`);

/** The last number and its mark; and, if they differ from the given ones, some of what follows: token, number, expiry. */
const READ = script(`
local said = cjson.decode(ARGV[1])
local last = redis.call('HMGET', KEYS[3], 'number', 'mark')
local answer = { last[1] or '0', last[2] or '' }
if answer[1] == said.number and answer[2] == said.mark then return answer end
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. said.number, '+inf', 'WITHSCORES', 'LIMIT', 0, ${LOGOUTS_AT_ONCE})
for i = 1, #found, 2 do
  answer[#answer + 1] = found[i]
  answer[#answer + 1] = found[i + 1]
  answer[#answer + 1] = redis.call('ZSCORE', KEYS[1], found[i])
end
return answer
`);

/** How far the list was read. */
interface Position {
  readonly number: string;
  readonly mark: string;
}

const START: Position = { number: '0', mark: '' };

export class SharedLogouts {
  readonly known = new Logouts();
  private position = START;
  /** By token: logouts that the server may not have. */
  private readonly untold = new Map<string, Logout>();
  /** While the whole list is read: those that the server has since, which may not stand in what was read. */
  private since: Set<string> | undefined;
  private looking: Promise<void> | undefined;
  private readonly listeners: ((logouts: readonly Logout[]) => void)[] = [];

  constructor(
    private readonly connection: RedisConnection,
    /** By the server's clock. */
    private readonly now: () => number,
    private readonly notice: (message: string) => void,
  ) {}

  onLogout(told: (logouts: readonly Logout[]) => void): void {
    this.listeners.push(told);
  }

  /** As `BudgetStore.logOut`. */
  async logOut(logout: Logout): Promise<boolean> {
    if (this.known.isFull(this.now())) return false;
    // Takes effect here at once, and is sent as soon as possible.
    this.untold.set(logout.token, logout);
    this.heard([logout]);
    return this.tell([logout]);
  }

  /** Reads new logouts, and sends pending ones. Rejects with StoreUnavailable. */
  look(): Promise<void> {
    this.looking ??= this.lookAndTell().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async lookAndTell(): Promise<void> {
    await this.readNew();
    while (this.untold.size > 0) await this.tell([...this.untold.values()].slice(0, LOGOUTS_AT_ONCE));
  }

  /** Whether there was room for all of them. */
  private async tell(logouts: readonly Logout[]): Promise<boolean> {
    const answers = (await this.connection.script(ADD, KEYS, JSON.stringify(logouts))) as readonly number[];
    for (const { token } of logouts) {
      this.untold.delete(token);
      this.since?.add(token);
    }
    return answers.every((answer) => answer === 1);
  }

  private async readNew(): Promise<void> {
    const { position } = this;
    const { last, tokens } = await this.readBehind(position);
    const mark = tokens.reduce((before, token) => markAfter(before, token), position.mark);
    if (mark === last.mark) this.position = last;
    else await this.readAll();
  }

  /** Reads the whole list: the marks do not match, as the server lost some logouts or some expired before they were read. */
  private async readAll(): Promise<void> {
    const since = new Set<string>();
    this.since = since;
    try {
      const { last, tokens } = await this.readBehind(START);
      this.position = last;
      this.putBack(new Set([...tokens, ...since]));
    } finally {
      this.since = undefined;
    }
  }

  /** @param there what the server has. */
  private putBack(there: ReadonlySet<string>): void {
    let lost = 0;
    for (const piece of this.known.inPieces(this.now() + NEARLY_OVER_MS)) {
      for (const logout of piece) {
        if (there.has(logout.token) || this.untold.has(logout.token)) continue;
        // A logout does not end because the server lost it: a guard that still knows it puts it back.
        this.untold.set(logout.token, logout);
        lost += 1;
      }
    }
    if (lost > 0)
      this.notice(
        `the state in ${this.connection.place} was older than what is known here: ${lost} logouts were put back`,
      );
  }

  private async readBehind(from: Position): Promise<{ readonly last: Position; readonly tokens: readonly string[] }> {
    const tokens: string[] = [];
    for (let position = from; ; ) {
      const answer = (await this.connection.script(READ, KEYS, JSON.stringify(position))) as readonly string[];
      const [number = '0', mark = '', ...rest] = answer;
      const found: Logout[] = [];
      for (let i = 0; i < rest.length; i += 3) found.push({ token: rest[i]!, end: Number(rest[i + 2]) });
      tokens.push(...found.map(({ token }) => token));
      this.heard(found.filter(({ token }) => !this.known.has(token)));
      if (found.length < LOGOUTS_AT_ONCE) return { last: { number, mark }, tokens };
      // This mark matches none, so the answer is what follows the number.
      position = { number: rest.at(-2)!, mark: '-' };
    }
  }

  private heard(logouts: readonly Logout[]): void {
    if (logouts.length === 0) return;
    for (const logout of logouts) this.known.add(logout, this.now());
    for (const told of this.listeners) told(logouts);
  }
}

function markAfter(mark: string, token: string): string {
  return createHash('sha1')
    .update(mark + token)
    .digest('hex');
}
