/** What the guard has prepared at the server for itself, and which texts came often enough for that. */

/** From configuration; absent where nothing is reused. */
export interface PlanReuse {
  /** So often a text must have come before it is prepared. */
  readonly after: number;
  /** So many are kept; the one that was not used for the longest time goes first. */
  readonly perSession: number;
}

/** A statement of the guard's own at the server. */
export interface Plan {
  /** None that a client can have: nobody else runs it, or closes it unnoticed. */
  readonly name: string;
  readonly key: string;
  /** Where it is counted how often the text came. */
  readonly place: number;
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
  /** The one that was used last stands last. */
  private readonly plans = new Map<string, Plan>();
  /** Names at the server that stand for nothing any more. */
  private gone: string[] = [];
  private hashes: Int32Array | undefined;
  private counts: Uint8Array | undefined;
  private policy: object | undefined;
  private latest: Plan | undefined;

  /** @param newName a name that nobody has. */
  constructor(
    private readonly options: PlanReuse | undefined,
    private readonly newName: () => string,
    private readonly tell: (event: PlanEvent, count: number) => void = () => {},
  ) {}

  get isOn(): boolean {
    return this.options !== undefined;
  }

  /** Nothing that was prepared under another policy is run: under one that guards less, a client may have taken the name for another statement. */
  follow(policy: object): void {
    if (this.policy !== policy) this.drop();
    this.policy = policy;
  }

  /** @returns what is to be run in the place of the text; `isNew`: it is to be prepared first. Undefined: the text is to be sent. */
  find(text: string, types: readonly number[]): { readonly plan: Plan; readonly isNew: boolean } | undefined {
    const { options } = this;
    if (!options || text.length > LONGEST) return undefined;
    // Types come first, so that no text can be the key of another one with types.
    const key = `${types.join()}\0${text}`;
    const known = this.plans.get(key);
    if (known) {
      this.use(known);
      this.tell('reused', 1);
      return { plan: known, isNew: false };
    }
    const place = this.count(key);
    if (this.counts![place]! <= options.after) return undefined;
    const plan: Plan = { name: this.newName(), key, place };
    this.use(plan);
    if (this.plans.size > options.perSession) this.forget(this.plans.values().next().value!);
    this.tell('prepared', 1);
    return { plan, isNew: true };
  }

  /** By its own key: the text that was just made is not kept. */
  private use(plan: Plan): void {
    if (this.latest === plan) return;
    this.latest = plan;
    this.plans.delete(plan.key);
    this.plans.set(plan.key, plan);
  }

  /** It is not to be run any more, and not soon prepared again. */
  forget(plan: Plan): void {
    if (this.plans.get(plan.key) !== plan) return;
    this.plans.delete(plan.key);
    this.counts![plan.place] = 0;
    this.gone.push(plan.name);
    this.tell('dropped', 1);
  }

  /** What was prepared may mean something else from here on, or is lost. */
  drop(): void {
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

  /** Counts it, as far as a hash of it tells: a text that is prepared too early is no mistake. @returns its place. */
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
