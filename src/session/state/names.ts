/**
 * The meaning of statement and portal names. A message's effect on a name is entered at once, before the server has answered, and undone if the
 * server fails or skips the message.
 */

import { Buffer } from 'node:buffer';
import { SmallMap } from '../../core/small-map.ts';

/** The meaning of a name from one message on. `value` undefined: from here on, the name does not exist. */
export interface Version<T> {
  /** As the server tells it from others. */
  readonly name: string;
  value: T | undefined;
  /** Of the message that made it: messages up to one Sync (or one Query) are a batch. */
  readonly batch: number;
  /** The server has confirmed it. */
  settled: boolean;
  readonly names: Keeper;
}

/** The list that keeps a version. */
export interface Keeper {
  settle(version: Version<unknown>): void;
  takeBack(version: Version<unknown>): void;
  empty(version: Version<unknown>): void;
}

/** So many names may be made by SQL text; the oldest is then forgotten, and what names it refused. */
const MOST_NAMES = 10_000;

/** So many characters of statements and bytes of values, of each kind of name, are remembered: more are refused. */
export const MOST_REMEMBERED = 8_000_000;

/** The size of a name apart from its statement's text, in characters. */
const NAME_WEIGHT = 200;

export interface HeldText {
  /** The same object as long as the value exists. */
  readonly heldBy: object;
  readonly characters: number;
  /** Bytes of what this value alone keeps; the same as long as it exists. */
  readonly own: number;
}

export class Names<T> implements Keeper {
  /** Oldest first; at most the first is settled. */
  private readonly versions = new SmallMap<string, Version<T>[]>();
  /** How many values hold each text. */
  private readonly holders = new SmallMap<object, number>();
  /** Sum of what is remembered, in characters. */
  weight = 0;

  /** @param textOf what a value keeps alive: several may hold the same one, which weighs once. */
  constructor(private readonly textOf: (value: T) => HeldText) {}

  /** How many names exist, or may exist. */
  get size(): number {
    return this.versions.size;
  }

  /** All values that a name has, or may have. */
  *values(): Iterable<T> {
    for (const list of this.versions.values()) for (const { value } of list) if (value !== undefined) yield value;
  }

  /** Enters what a message that was just sent will make of the name. */
  define(given: string, value: T | undefined, batch: number): Version<T> {
    const name = serverName(given);
    const version: Version<T> = { name, value, batch, settled: false, names: this };
    const list = this.versions.get(name);
    if (list) list.push(version);
    else this.versions.set(name, [version]);
    this.add(value, 1);
    return version;
  }

  /** Enters what is already so: names made by SQL text, known from its command tag. Nothing else may be on its way. */
  set(given: string, value: T, batch: number): void {
    const name = serverName(given);
    this.forget(name);
    const { oldest } = this.versions;
    if (oldest !== undefined && this.versions.size >= MOST_NAMES) this.forget(oldest);
    this.versions.set(name, [{ name, value, batch, settled: true, names: this }]);
    this.add(value, 1);
  }

  /** What the next message will find under the name, if nothing on its way fails. */
  current(name: string): Version<T> | undefined {
    return this.versions.get(serverName(name))?.at(-1);
  }

  /** The server has done it: the version before is gone for good. */
  settle(version: Version<T>): void {
    version.settled = true;
    const list = this.versions.get(version.name);
    const at = list?.indexOf(version) ?? -1;
    if (!list || at < 0) return;
    for (const gone of list.splice(0, at)) this.add(gone.value, -1);
    if (list.length === 1 && version.value === undefined) this.versions.delete(version.name);
  }

  /** The server failed or skipped the message: only this version goes, since an older one may be gone by itself. */
  takeBack(version: Version<T>): void {
    const list = this.versions.get(version.name);
    const at = list?.indexOf(version) ?? -1;
    if (!list || at < 0) return;
    list.splice(at, 1);
    this.add(version.value, -1);
    if (list.length === 0 || (list.length === 1 && list[0]!.settled && list[0]!.value === undefined)) {
      this.versions.delete(version.name);
    }
  }

  /** Removes every version for which `gone` is true. */
  drop(gone: (version: Version<T>) => boolean): void {
    if (this.versions.size === 0) return;
    for (const [name, list] of this.versions.entries()) {
      let left = 0;
      for (const version of list) {
        if (gone(version)) this.add(version.value, -1);
        else list[left++] = version;
      }
      list.length = left;
      if (left === 0) this.versions.delete(name);
    }
  }

  /** The name does not exist after all. */
  empty(version: Version<T>): void {
    this.add(version.value, -1);
    version.value = undefined;
  }

  private forget(name: string): void {
    for (const version of this.versions.get(name) ?? []) this.add(version.value, -1);
    this.versions.delete(name);
  }

  private add(value: T | undefined, sign: 1 | -1): void {
    if (value === undefined) return;
    const { heldBy, characters, own } = this.textOf(value);
    const before = this.holders.get(heldBy) ?? 0;
    const after = before + sign;
    if (after > 0) this.holders.set(heldBy, after);
    else this.holders.delete(heldBy);
    this.weight += sign * (NAME_WEIGHT + own + (before === 0 || after === 0 ? characters : 0));
  }
}

/** Names of statements and portals as the server tells them apart: by their first 63 bytes (NAMEDATALEN, less the zero byte). */
const MOST_BYTES = 63;

/**
 * The same for two names exactly if the server takes them for one. If names that are one at the server were kept apart here, a statement could run
 * under the judgement of another.
 */
function serverName(name: string): string {
  // No character is more than three bytes of UTF-8 for each UTF-16 unit.
  if (name.length * 3 <= MOST_BYTES || Buffer.byteLength(name) <= MOST_BYTES) return name;
  // The server cuts bytes, also within a character: as Latin-1 each byte stays what it is. A cut name cannot equal a short one.
  const cut = Buffer.from(name).subarray(0, MOST_BYTES);
  return cut.toString(cut.every((byte) => byte < 0x80) ? 'utf8' : 'latin1');
}
