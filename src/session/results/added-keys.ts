/** The keys that were added to a row for the guard alone, by which it is named (`AddedKeys` in the guard's decision). */
import { Buffer } from 'node:buffer';
import type { RowCheck } from '../../guard/decision.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { Disclosed } from '../admission/budget-port.ts';
import { addKeys, isReadable } from './key-text.ts';

/** @param hidden what stood in the added column, a character for each byte; undefined: it has not come yet. */
export interface RowWithKeys {
  readonly hidden: string | undefined;
  readonly watch: { readonly check?: RowCheck | undefined };
}

export class KeysOfRow {
  /** A text for each; null: it shows nothing. */
  private readonly texts: readonly unknown[];

  constructor({ hidden, watch: { check } }: RowWithKeys) {
    this.texts = check?.names && hidden !== undefined ? textsIn(hidden, check) : [];
  }

  /** Whoever it shows, if it names the row or not. */
  shown(added: number, type: number): readonly string[] {
    const keys: string[] = [];
    for (const one of [this.texts[added]].flat(Number.POSITIVE_INFINITY)) takeKeys(keys, one, type);
    return keys;
  }

  /** @returns undefined where it names nobody, or somebody who is not known. */
  of(added: number, type: number): readonly string[] | undefined {
    const keys: string[] = [];
    return takeKeys(keys, this.texts[added], type) && keys.length > 0 ? keys : undefined;
  }
}

/**
 * Whose row a write has changed that gives the client none: told by the row that came last. One that names nobody, or of which the
 * keys did not come, costs a value, as a row that is shown does.
 */
export function changedBy(run: RowWithKeys & { readonly disclosures: readonly Disclosure[] | undefined }): Disclosed[] {
  if (!run.watch.check?.names) return [];
  const row = new KeysOfRow(run);
  return (run.disclosures ?? []).flatMap(({ subject, named = [] }): Disclosed[] => {
    const added = named.filter((one) => one.added.length > 0);
    if (added.length === 0) return [];
    const found = added.map((one) => one.added.flatMap((at) => row.of(at, one.type) ?? []));
    return [{ subject, keys: found.flat(), values: found.every((keys) => keys.length > 0) ? 0 : 1 }];
  });
}

function textsIn(hidden: string, { keys = [], names }: RowCheck): readonly unknown[] {
  let at = keys.reduce((sum, { width }) => sum + width, 0);
  if (names?.format === 'fixed') {
    return names.widths.map((width) => {
      const text = hidden.slice(at, at + width).trim();
      at += width;
      return text === '' ? null : text;
    });
  }
  const all: unknown = JSON.parse(Buffer.from(hidden.slice(at), 'latin1').toString('utf8'));
  return Array.isArray(all) ? all : [];
}

/** Somebody who is missing in a list is not there to be counted, so the list names nobody. */
function takeKeys(keys: string[], value: unknown, type: number): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((one) => takeKeys(keys, one, type));
  if (typeof value !== 'string') return false;
  const found: string[] = [];
  if (addKeys(found, Buffer.from(value), type, 0) > 0 || found.length === 0 || !found.every(isReadable)) return false;
  for (const key of found) keys.push(key);
  return true;
}
