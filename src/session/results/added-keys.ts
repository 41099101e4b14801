/** The keys that were added to a row only for the guard, by which it is named (`AddedKeys` in the guard's decision). */
import { Buffer } from 'node:buffer';
import type { RowCheck } from '../../guard/decision.ts';
import type { Disclosure } from '../../guard/subjects/disclosure.ts';
import type { Disclosed } from '../admission/budget-port.ts';
import { addKeys, isReadable } from './key-text.ts';

/** @param hidden the content of the added column, a character for each byte; undefined: it has not come yet. */
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

  /** Everyone it shows, whether or not it names the row. */
  shown(added: number, type: number): readonly string[] {
    const keys: string[] = [];
    for (const one of [this.texts[added]].flat(Number.POSITIVE_INFINITY)) takeKeys(keys, one, type);
    return keys;
  }

  /** @returns undefined if it names no one, or someone unknown. */
  of(added: number, type: number): readonly string[] | undefined {
    const keys: string[] = [];
    return takeKeys(keys, this.texts[added], type) && keys.length > 0 ? keys : undefined;
  }
}

/**
 * Whose row a write has changed that returns the client no rows: told by the row that came last. If it names no one, or if its keys did not come, it
 * costs a value, like a row that is shown.
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

/** A person who is missing in a list cannot be counted, so the list names no one. */
function takeKeys(keys: string[], value: unknown, type: number): boolean {
  if (Array.isArray(value)) return value.length > 0 && value.every((one) => takeKeys(keys, one, type));
  if (typeof value !== 'string') return false;
  const found: string[] = [];
  if (addKeys(found, Buffer.from(value), type, 0) > 0 || found.length === 0 || !found.every(isReadable)) return false;
  for (const key of found) keys.push(key);
  return true;
}
