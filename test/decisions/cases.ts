/** The golden cases: read from `cases/*.yaml`, and written back with the guard's present answers when ROWGATE_UPDATE=1. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument } from 'yaml';

/** The assertions of a case. All but the first three and `rows`, `fails`, `parameters` are filled in by an update, to be read before they are committed. */
export interface Case {
  readonly name: string;
  readonly sql: string;
  readonly effect: 'allow' | 'rewrite' | 'refuse';
  readonly reason?: string;
  readonly sqlstate?: string;
  readonly message?: string;
  /** `roles/teacher.yaml:7` */
  readonly rule?: string;
  /** The SQL sent, attributes filled in as the simple protocol does; absent where it is the client's own text. */
  readonly sent?: string;
  readonly tables?: readonly string[];
  readonly columns?: readonly string[];
  readonly would?: { readonly effect: string; readonly reason?: string };
  readonly parameters?: readonly string[];
  /**
   * How the rows are compared with those of the restricted copy. `same` (where nothing is said): as a multiset; `ordered`: in order;
   * `any`: not at all, as the two databases differ in it (the plan, the time, an OID).
   */
  readonly rows?: 'same' | 'ordered' | 'any';
  /** SQLSTATE with which it fails, through the guard and on the copy alike. */
  readonly fails?: string;
  /** The version of PostgreSQL that it needs. An older one may give nothing but an error. */
  readonly since?: number;
  /** The version since which its plan is quick in a crowd of hidden rows; on an older one it runs without. */
  readonly crowdSince?: number;
}

export interface CaseFile {
  readonly file: string;
  readonly about: string;
  readonly role: string;
  readonly cases: readonly Case[];
}

const FOLDER = join(import.meta.dirname, 'cases');
const FILLED = ['reason', 'sqlstate', 'message', 'rule', 'sent', 'tables', 'columns', 'would'] as const;

export const UPDATE = process.env.ROWGATE_UPDATE === '1';

export function readCases(): CaseFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((file) => ({ file, ...(parse(file).toJS() as Omit<CaseFile, 'file'>) }));
}

/** Writes what the guard says into the file; the order of the cases, their comments and the written part stay. */
export function updateCases(file: string, seen: ReadonlyMap<string, Partial<Case>>): void {
  const document = parse(file);
  const list = document.get('cases');
  if (!isSeq(list)) throw new Error(`${file}: no cases`);
  for (const item of list.items) {
    if (!isMap(item)) continue;
    const now = seen.get(String(item.get('name')));
    if (!now) continue;
    for (const key of FILLED) {
      item.delete(key);
      const value = now[key];
      if (value !== undefined) item.set(key, document.createNode(value, { flow: true }));
    }
  }
  writeFileSync(join(FOLDER, file), document.toString({ lineWidth: 0, flowCollectionPadding: false }));
}

function parse(file: string): Document {
  const document = parseDocument(readFileSync(join(FOLDER, file), 'utf8'));
  if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
  return document;
}
