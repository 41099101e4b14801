/**
 * What the names of statements and portals stand for. What a message does to a name is entered at once, before the server has
 * answered, and taken back when the server fails or skips the message (`docs/architecture.md`, "names").
 */

/** What a name stands for from one message on. `value` undefined: from here on, nothing. */
export interface Version<T> {
  readonly name: string;
  value: T | undefined;
  /** Of the message that made it: messages up to one Sync (or one Query) are a batch. */
  readonly batch: number;
  /** The server has confirmed it. */
  settled: boolean;
  readonly names: Names<T>;
}

export class Names<T> {
  /** Oldest first; at most the first is settled. */
  private readonly versions = new Map<string, Version<T>[]>();

  /** Enters what a message that was just sent will make of the name. */
  define(name: string, value: T | undefined, batch: number): Version<T> {
    const version: Version<T> = { name, value, batch, settled: false, names: this };
    const list = this.versions.get(name);
    if (list) list.push(version);
    else this.versions.set(name, [version]);
    return version;
  }

  /** Enters what is already so: names made by SQL text, known from its command tag. Nothing else may be on its way. */
  set(name: string, value: T, batch: number): void {
    this.versions.set(name, [{ name, value, batch, settled: true, names: this }]);
  }

  /** What the next message will find under the name, if nothing on its way fails. */
  current(name: string): Version<T> | undefined {
    return this.versions.get(name)?.at(-1);
  }

  /** The server has done it: what stood before is gone for good. */
  settle(version: Version<T>): void {
    version.settled = true;
    const list = this.versions.get(version.name);
    const at = list?.indexOf(version) ?? -1;
    if (!list || at < 0) return;
    list.splice(0, at);
    if (list.length === 1 && version.value === undefined) this.versions.delete(version.name);
  }

  /** The server failed or skipped the message: only this version goes, since an older one may be gone by itself. */
  takeBack(version: Version<T>): void {
    const list = this.versions.get(version.name);
    const at = list?.indexOf(version) ?? -1;
    if (!list || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0 || (list.length === 1 && list[0]!.settled && list[0]!.value === undefined)) {
      this.versions.delete(version.name);
    }
  }

  /** Forgets every version for which `gone` holds. */
  drop(gone: (version: Version<T>) => boolean): void {
    for (const [name, list] of this.versions) {
      const left = list.filter((version) => !gone(version));
      if (left.length === 0) this.versions.delete(name);
      else if (left.length < list.length) this.versions.set(name, left);
    }
  }

  get size(): number {
    return this.versions.size;
  }
}
