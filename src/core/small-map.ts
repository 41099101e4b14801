/**
 * A map of few entries that come and go with each statement. V8's own map leaves a table behind after every few changes, which refers to the next
 * one: once such a table is in the old generation, all later ones follow with their content, until the whole heap is collected.
 */
const FEW = 24;

export class SmallMap<K, V> {
  private readonly keys: K[] = [];
  private readonly held: V[] = [];
  /** Used from a number of entries on, until the map is empty again. */
  private many: Map<K, V> | undefined;

  get size(): number {
    return this.many?.size ?? this.keys.length;
  }

  get(key: K): V | undefined {
    if (this.many) return this.many.get(key);
    const at = this.keys.indexOf(key);
    return at < 0 ? undefined : this.held[at];
  }

  has(key: K): boolean {
    return this.many?.has(key) ?? this.keys.includes(key);
  }

  set(key: K, value: V): void {
    const { keys, held } = this;
    if (!this.many) {
      const at = keys.indexOf(key);
      if (at >= 0) {
        held[at] = value;
        return;
      }
      if (keys.length < FEW) {
        keys.push(key);
        held.push(value);
        return;
      }
      this.many = new Map(this.entries());
      keys.length = 0;
      held.length = 0;
    }
    this.many.set(key, value);
  }

  delete(key: K): boolean {
    const { many } = this;
    if (many) {
      const was = many.delete(key);
      if (many.size === 0) this.many = undefined;
      return was;
    }
    const at = this.keys.indexOf(key);
    if (at < 0) return false;
    takeOut(this.keys, at);
    takeOut(this.held, at);
    return true;
  }

  /** What the key had; it is taken out. */
  take(key: K): V | undefined {
    if (this.many) {
      const value = this.many.get(key);
      this.delete(key);
      return value;
    }
    const at = this.keys.indexOf(key);
    if (at < 0) return undefined;
    takeOut(this.keys, at);
    return takeOut(this.held, at);
  }

  /** Removes the oldest entries, one after the other, while `gone` is true for their values. */
  dropWhile(gone: (value: V) => boolean): void {
    const { keys, held, many } = this;
    if (many) {
      // In one go: to ask a map for its first key goes past all that was taken out before it.
      for (const [key, value] of many) {
        if (!gone(value)) return;
        many.delete(key);
      }
      this.many = undefined;
      return;
    }
    let count = 0;
    while (count < held.length && gone(held[count]!)) count += 1;
    keys.splice(0, count);
    held.splice(0, count);
  }

  clear(): void {
    this.keys.length = 0;
    this.held.length = 0;
    this.many = undefined;
  }

  /** As they are now, the oldest first. */
  entries(): [K, V][] {
    return this.many ? [...this.many] : this.keys.map((key, at) => [key, this.held[at]!]);
  }

  /** As they are now, the oldest first. */
  values(): V[] {
    return this.many ? [...this.many.values()] : [...this.held];
  }

  get oldest(): K | undefined {
    return this.many ? this.many.keys().next().value : this.keys[0];
  }
}

/** `splice` makes a list of what it takes out. */
function takeOut<T>(list: T[], at: number): T | undefined {
  const value = list[at];
  for (let next = at + 1; next < list.length; next++) list[next - 1] = list[next]!;
  list.pop();
  return value;
}
