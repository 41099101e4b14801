/** What stands, in Redis: one value with a version, announced when it changes, and looked at besides. */
import type { Standing, StandingChange } from '../../meter/budget-store.ts';
import { StoreUnavailable } from '../../meter/budget-store.ts';
import { changeStanding, NO_STANDING, standingOf, standingState } from '../../meter/standing.ts';
import { type RedisConnection, script } from './connection.ts';

const KEY = 'rowgate:standing';
export const STANDING_CHANNEL = 'rowgate:standing';
const MOST_TRIES = 20;

/** Puts a value with the next version in the place of the one that was read. Answers whether it was still that one. */
const REPLACE = script(`
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or 0)
local said = cjson.decode(ARGV[1])
if version ~= said.version then return 0 end
redis.call('HSET', KEYS[1], 'version', string.format('%.0f', said.next), 'state', said.state)
redis.call('PUBLISH', '${STANDING_CHANNEL}', string.format('%.0f', said.next))
return 1
`);

export class SharedStanding {
  current: Standing = NO_STANDING;
  private version = 0;
  /** Locks that the others do not know yet. */
  private untold: StandingChange[] = [];
  private looking: Promise<void> | undefined;
  private readonly listeners: (() => void)[] = [];

  constructor(
    private readonly connection: RedisConnection,
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

  async change(change: StandingChange): Promise<void> {
    if (change.kind !== 'lock') return this.share(change);
    // INVARIANT: a lock holds here at once, and is told to the others as soon as it can be.
    this.untold.push(change);
    this.set(this.current, this.version);
    await this.share(change);
    this.untold = this.untold.filter((one) => one !== change);
  }

  private async lookAndTell(): Promise<void> {
    await this.lookNow();
    for (const change of this.untold) await this.share(change);
    this.untold = [];
  }

  private async share(change: StandingChange): Promise<void> {
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      await this.lookNow();
      const next = changeStanding(this.current, change, Date.now());
      if (await this.replace(this.version, this.version + 1, next)) return;
    }
    throw new StoreUnavailable('what stands was changed by others at the same time, again and again');
  }

  private async lookNow(): Promise<void> {
    const [version, state] = await this.connection.ask((client) => client.hmget(KEY, 'version', 'state'));
    const found = Number(version ?? 0);
    if (found > this.version && typeof state === 'string') this.set(standingOf(JSON.parse(state)), found);
    if (found >= this.version) return;
    // INVARIANT: locks do not end because the server has lost them: who still knows them puts them back.
    const isBack = await this.replace(found, this.version + 1, this.current);
    if (isBack)
      this.notice(
        `the state in ${this.connection.place} was older than what is known here: locks, raises and permits were put back`,
      );
  }

  private async replace(version: number, next: number, standing: Standing): Promise<boolean> {
    const said = JSON.stringify({ version, next, state: JSON.stringify(standingState(standing)) });
    if ((await this.connection.script(REPLACE, [KEY], said)) !== 1) return false;
    this.set(standing, next);
    return true;
  }

  private set(standing: Standing, version: number): void {
    if (version < this.version) return;
    this.current = this.untold.reduce((next, change) => changeStanding(next, change, Date.now()), standing);
    this.version = version;
    for (const changed of this.listeners) changed();
  }
}
