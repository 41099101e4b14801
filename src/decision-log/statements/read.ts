/** Statements that were kept beside a log, by the name in their decisions, and the catalogs that they were judged by. */
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { LogRecord } from '../fields.ts';
import { ChainReader } from '../read/chain-reader.ts';
import type { OpenerOf } from '../read/encrypted.ts';
import { chainsAmong } from '../read/log-files.ts';

/** A text without its literals, and what is needed to judge it. */
export interface KeptStatement {
  readonly text: string;
  /** Type OIDs that its Parse declared. */
  readonly types: readonly number[];
  /** The statement that an EXECUTE runs. */
  readonly runs?: { readonly text: string; readonly types: readonly number[] };
  /** The name of the catalog that it was judged by; absent if an earlier guard kept it. */
  readonly catalog?: string;
}

export interface KeptStatements {
  readonly statements: ReadonlyMap<string, KeptStatement>;
  /** By name, as kept. */
  readonly catalogs: ReadonlyMap<string, string>;
}

/** The text of a kept catalog. */
export function unpackedCatalog(packed: string): string {
  return gunzipSync(Buffer.from(packed, 'base64')).toString();
}

/** All that was kept in the folder; `openerOf` is needed for encrypted files. */
export async function readStatements(folder: string, openerOf?: OpenerOf): Promise<KeptStatements> {
  const found = { statements: new Map<string, KeptStatement>(), catalogs: new Map<string, string>() };
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => /\.jsonl(?:\.gz)?$/.test(name)) : [];
  for (const chain of chainsAmong(names.map((name) => join(folder, name)))) {
    const reader = new ChainReader(chain, openerOf);
    for (let records = await reader.next(); records; records = await reader.next()) add(found, records);
    add(found, await reader.end());
  }
  return found;
}

interface Found {
  readonly statements: Map<string, KeptStatement>;
  readonly catalogs: Map<string, string>;
}

function add({ statements: found, catalogs }: Found, records: readonly LogRecord[]): void {
  for (const { kind, kept, statement, parameters, runs, catalog } of records) {
    if (typeof kept !== 'string') continue;
    if (kind === 'catalog' && typeof catalog === 'string') catalogs.set(kept, catalog);
    if (kind !== 'statement' || typeof statement !== 'string' || found.has(kept)) continue;
    const prepared = runs as { statement?: unknown; parameters?: unknown } | undefined;
    found.set(kept, {
      text: statement,
      types: numbersOf(parameters),
      ...(typeof catalog === 'string' && { catalog }),
      ...(typeof prepared?.statement === 'string' && {
        runs: { text: prepared.statement, types: numbersOf(prepared.parameters) },
      }),
    });
  }
}

function numbersOf(value: unknown): readonly number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}
