/** What the guard has prepared at the server for itself, and which texts came often enough for that. */

/** From configuration; absent if plans are not reused. */
export interface PlanReuse {
  /** So often a text must have come before it is prepared. */
  readonly after: number;
  /** So many are kept; the one that was not used for the longest time goes first. */
  readonly perSession: number;
}

/** A statement of the guard's own at the server. */
export interface Plan {
  /** A name that clients cannot use: no one else runs it, or closes it unnoticed. */
  readonly name: string;
  readonly key: string;
  /** Where it is counted how often the text came. */
  readonly place: number;
  /** By the count of uses. */
  usedAt: number;
  /** The transaction parts in which the server has bound it last, and in which it was asked for. */
  boundIn: number;
  askedIn: number;
}

/** Where a text is to run. */
export interface Place {
  readonly inTransaction: boolean;
  /** In a transaction it is run by a plan only where it has come in that before: once costs the savepoint as much as the plan spares. */
  readonly isShort: boolean;
}

export interface FoundPlan {
  readonly plan: Plan;
  /** It is to be prepared first. */
  readonly isNew: boolean;
  /** If it cannot be bound, a transaction would be lost: so it is bound after a savepoint. */
  readonly mayLose: boolean;
}

/** A counter of what became of the statements that could be reused, for metrics. */
export type PlanEvent = 'prepared' | 'reused' | 'dropped';

/** Longer texts are always sent: a session would keep too much of them. */
const LONGEST = 8_192;

/** Of so many texts it is known how often they came; of two that share a place the last one. */
const PLACES = 512;
/** FNV-1a. */
const BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

export class KnownPlans {
  private readonly plans = new Map<string, Plan>();
  private uses = 0;
  /** Names at the server that are not used any more. */
  private gone: string[] = [];
  private hashes: Int32Array | undefined;
  private counts: Uint8Array | undefined;
  private policy: object | undefined;
  /** What the guard runs around a plan, prepared as well. By their texts. */
  private readonly helpers = new Map<string, Plan>();
  /** A part of a transaction ends with any transaction control: locks of the part may be released, so others may change its tables. */
  private part = 1;
  /** The batch in which something was changed that the end of its transaction may change back. */
  private movedIn: number | undefined;
  /** Nothing is prepared any more. */
  private isOver = false;

  /** @param newName gives an unused name. */
  constructor(
    private readonly options: PlanReuse | undefined,
    private readonly newName: () => string,
    private readonly tell: (event: PlanEvent, count: number) => void = () => {},
  ) {}

  get isOn(): boolean {
    return this.options !== undefined && !this.isOver;
  }

  /** Nothing that was prepared under another policy is run: under one that guards less, a client may have taken the name for another statement. */
  follow(policy: object): void {
    if (this.policy !== policy) this.drop();
    this.policy = policy;
  }

  /** @returns what to run instead of the text; undefined: the text is to be sent. */
  find(text: string, types: readonly number[], { inTransaction, isShort }: Place): FoundPlan | undefined {
    const { options } = this;
    if (!options || this.isOver || text.length > LONGEST) return undefined;
    // Types come first, so that no text can be the key of another one with types.
    const key = `${types.join()}\0${text}`;
    const known = this.plans.get(key);
    if (known) {
      const mayLose = inTransaction && known.boundIn !== this.part;
      const isFirst = known.askedIn !== this.part;
      known.askedIn = this.part;
      if (mayLose && isShort && isFirst) return undefined;
      known.usedAt = ++this.uses;
      this.tell('reused', 1);
      return { plan: known, isNew: false, mayLose };
    }
    const place = this.count(key);
    if (this.counts![place]! <= options.after) return undefined;
    if (this.plans.size >= options.perSession) this.forget(this.leastUsed());
    const plan: Plan = { name: this.newName(), key, place, usedAt: ++this.uses, boundIn: 0, askedIn: this.part };
    this.plans.set(key, plan);
    this.tell('prepared', 1);
    return { plan, isNew: true, mayLose: inTransaction };
  }

  /** A statement of the guard's own, by which nothing is counted. */
  helper(text: string): Pick<FoundPlan, 'plan' | 'isNew'> {
    const known = this.helpers.get(text);
    if (known) return { plan: known, isNew: false };
    const plan: Plan = { name: this.newName(), key: text, place: 0, usedAt: 0, boundIn: 0, askedIn: 0 };
    this.helpers.set(text, plan);
    return { plan, isNew: true };
  }

  /** The server has bound it: its tables are locked until the end of the transaction or savepoint, and cannot change. */
  bound(plan: Plan): void {
    plan.boundIn = this.part;
  }

  /** Transaction control was answered: settings of the part that it ends may be restored. */
  control(): void {
    this.part += 1;
    if (this.movedIn !== undefined) this.drop();
  }

  /** The server is ready after a batch, outside of a transaction. */
  rest(batch: number): void {
    this.control();
    if (this.movedIn !== undefined && this.movedIn <= batch) this.movedIn = undefined;
  }

  /**
   * A statement is sent after which texts may change their meaning. @param forGood statements prepared after it may not be what the guard assumes.
   */
  end(batch: number, forGood: boolean): void {
    this.drop();
    this.movedIn = batch;
    if (forGood) this.isOver = true;
  }

  /** DISCARD ALL has made the session as new. */
  renew(): void {
    this.isOver = false;
  }

  /** Looked for only where one more is prepared: to keep them in order would change the map, and leave garbage, at each use. */
  private leastUsed(): Plan {
    let least: Plan | undefined;
    for (const plan of this.plans.values()) if (!least || plan.usedAt < least.usedAt) least = plan;
    return least!;
  }

  /** It is not to be run any more, and not soon prepared again. */
  forget(plan: Plan): void {
    if (this.helpers.get(plan.key) === plan) {
      this.helpers.delete(plan.key);
      this.gone.push(plan.name);
    }
    if (this.plans.get(plan.key) !== plan) return;
    this.plans.delete(plan.key);
    this.counts![plan.place] = 0;
    this.gone.push(plan.name);
    this.tell('dropped', 1);
  }

  /** Prepared statements may change their meaning from here on, or are lost. */
  drop(): void {
    for (const { name } of this.helpers.values()) this.gone.push(name);
    this.helpers.clear();
    if (this.plans.size === 0) return;
    this.tell('dropped', this.plans.size);
    for (const { name } of this.plans.values()) this.gone.push(name);
    this.plans.clear();
  }

  /** The names to be closed at the server, once. */
  takeGone(): readonly string[] {
    if (this.gone.length === 0) return this.gone;
    const names = this.gone;
    this.gone = [];
    return names;
  }

  /** Counts it by a hash: if two texts collide, one is only prepared too early. @returns its place. */
  private count(key: string): number {
    this.hashes ??= new Int32Array(PLACES);
    this.counts ??= new Uint8Array(PLACES);
    let hash = BASIS;
    for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), PRIME);
    const place = (hash ^ (hash >>> 15)) & (PLACES - 1);
    const before = this.hashes[place] === hash ? this.counts[place]! : 0;
    this.hashes[place] = hash;
    this.counts[place] = Math.min(255, before + 1);
    return place;
  }
}
