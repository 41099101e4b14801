/**
 * Keeps each distinct statement once for each file of the decision log, beside it: in full but without literals, so that other policies can be tried
 * on it. It is a log of its own, with the decision log's key, encryption, rotation and retention.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, format, join, parse } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { DecisionEntry } from '../../session/log-entries.ts';
import { keptText } from '../../sql/text/kept-text.ts';
import type { RecordFields } from '../fields.ts';
import { type DecisionLog, type LogOptions, openLog } from '../writer/log.ts';
import type { KeepsStatements } from '../writer/statement-texts.ts';

/** An evicted statement is written again when it recurs. */
const MOST_KNOWN = 50_000;

/** `decisions.statements`, for `decisions.jsonl`: shared by all workers. */
export function statementsFolder(logFile: string): string {
  const { dir, name } = parse(logFile);
  return format({ dir, base: `${name}.statements` });
}

export interface KeepOptions extends Omit<LogOptions, 'text' | 'durability' | 'subjects' | 'keep'> {
  readonly keep?: LogOptions['keep'];
  readonly folder: string;
  readonly searchPath: readonly string[];
}

/** Characters of a text that the guard has not parsed: with unterminated comments, the scanner takes quadratic time. */
const LONGEST_UNREAD = 2_000;

export class StatementStore implements KeepsStatements {
  generation = 0;
  private known = new LRUCache<string, true>({ max: MOST_KNOWN });
  /** The catalog that statements are judged by now, and whether the open file has it. */
  private catalog: { readonly name: string; readonly packed: string } | undefined;
  private isCatalogKept = false;

  private constructor(
    private readonly log: DecisionLog,
    private readonly searchPath: readonly string[],
  ) {}

  /** Undefined if the log is not a regular file, so that nothing can be kept beside it. Throws if the store cannot be opened. */
  static open({ folder, searchPath, file, ...options }: KeepOptions): StatementStore | undefined {
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === false) return undefined;
    // Only this folder is created, never the log's: without that one there is no log.
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    const log = openLog({ ...options, file: join(folder, basename(file)), durability: 'batched', text: 'none' });
    return new StatementStore(log, searchPath);
  }

  beginFile(): void {
    this.generation += 1;
    this.known.clear();
    this.isCatalogKept = false;
  }

  /** Sets the catalog that statements are judged by: it is kept with the first of them in each file. `text`: from `catalogText`. */
  standOn(text: string): void {
    const name = nameOf(text);
    if (name === this.catalog?.name) return;
    this.catalog = { name, packed: gzipSync(text).toString('base64') };
    this.isCatalogKept = false;
  }

  keep(entry: DecisionEntry): string | undefined {
    let fields: RecordFields | undefined;
    try {
      fields = this.fieldsOf(entry);
    } catch {
      return undefined; // a text on which the parser gives up
    }
    if (!fields) return undefined;
    const kept = nameOf(JSON.stringify(fields));
    if (this.known.get(kept)) return kept;
    if (this.catalog && !this.isCatalogKept) {
      const { name, packed } = this.catalog;
      this.isCatalogKept = this.log.append('catalog', { kept: name, catalog: packed });
    }
    // If it cannot be written, its decision is not affected; it is tried again when the statement recurs.
    if (this.log.append('statement', { ...fields, kept })) this.known.set(kept, true);
    return kept;
  }

  close(): Promise<void> {
    return this.log.close();
  }

  private fieldsOf({ text, extent, types = [], runs, names }: DecisionEntry): RecordFields | undefined {
    if (!names || (!extent && text.length > LONGEST_UNREAD)) return undefined;
    const statement = keptText(extent ? text.slice(extent.start, extent.end) : text, names);
    if (statement === undefined) return undefined;
    const prepared = runs && keptText(runs.text, names);
    if (runs && prepared === undefined) return undefined;
    return {
      statement,
      ...(types.length > 0 && { parameters: types }),
      ...(runs && prepared !== undefined && { runs: { statement: prepared, parameters: runs.types } }),
      search_path: this.searchPath,
      ...(this.catalog && { catalog: this.catalog.name }),
    };
  }
}

function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}
