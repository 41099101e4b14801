/** The attacks: read from `NN-name.yaml`, one file a class; with ROWGATE_UPDATE=1 what the guard says now is written into them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, isSeq, parseDocument } from 'yaml';

/** Frames of the extended protocol, and bytes as they are, for attacks on the wire itself. */
export type Frame =
  | { readonly parse: string; readonly name?: string; readonly types?: readonly string[] }
  | { readonly bind: readonly (string | null)[]; readonly name?: string; readonly portal?: string }
  | { readonly describe: 'S' | 'P'; readonly name?: string }
  | { readonly execute: string; readonly rows?: number }
  | { readonly close: 'S' | 'P'; readonly name?: string }
  | { readonly sync: true }
  | { readonly flush: true }
  | { readonly query: string }
  /** FunctionCall of the function with this OID, or of this name, with text arguments. */
  | { readonly call: number | string; readonly values?: readonly string[] }
  /** CopyData with these bytes in hexadecimal. */
  | { readonly copied: string }
  /** CopyDone. */
  | { readonly done: true }
  /** Bytes in hexadecimal, blanks between; an answer is waited for. */
  | { readonly raw: string };

/** One message: a text, sent by the simple and by the extended protocol; or frames that go together in one write. */
export type Step = string | readonly Frame[];

export interface Case {
  readonly note: string;
  readonly role?: string;
  /** One text, or several messages of one session. */
  readonly sql?: Step | readonly Step[];
  /** In place of `sql`: a text too long to be written out. */
  readonly bomb?: { readonly before: string; readonly unit: string; readonly times: number; readonly after: string };
  /** Parameters of every text, in the extended protocol alone. */
  readonly values?: readonly (string | null)[];
  readonly expect?: 'allow' | 'rewrite' | 'refuse';
  readonly reason?: string;
  /** Where the role's rules have a say: the line that refused. */
  readonly rule?: string;
  /** SQLSTATE that comes back where the guard lets it through and the server does not. */
  readonly fails?: string;
  /** The version of PostgreSQL that it needs. On an older one it may give nothing but an error; the twins are compared all the same. */
  readonly since?: number;
  /** The answers of the twins are not compared: they differ in what is not promised (plans, times, places). The value says why. */
  readonly apart?: string;
}

export interface CaseFile {
  readonly file: string;
  readonly class: number;
  readonly about: string;
  readonly cases: readonly Case[];
}

export const UPDATE = process.env.ROWGATE_UPDATE === '1';

const FOLDER = join(import.meta.dirname, 'cases');
const FILLED = ['expect', 'reason', 'rule', 'fails'] as const;

export function readCases(): CaseFile[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((file) => ({ file, ...(parse(file).toJS() as Omit<CaseFile, 'file'>) }));
}

/** The messages of a case, in order. */
export function stepsOf({ sql = '', bomb }: Case): readonly Step[] {
  if (bomb) return [bomb.before + bomb.unit.repeat(bomb.times) + bomb.after];
  if (typeof sql === 'string') return [sql];
  // A list of frames is one message; a list of texts or of lists is several.
  const frames = sql.length > 0 && sql.every((step) => typeof step === 'object' && !Array.isArray(step));
  return frames ? [sql as readonly Frame[]] : (sql as readonly Step[]);
}

/** SQL texts of a case that the guard judges, with the names of the types that their Parse declares. */
export function textsOf(attack: Case): { readonly sql: string; readonly types: readonly string[] }[] {
  return stepsOf(attack).flatMap((step) => {
    if (typeof step === 'string') return [{ sql: step, types: [] }];
    return step.flatMap((frame) => {
      if ('parse' in frame) return [{ sql: frame.parse, types: frame.types ?? [] }];
      return 'query' in frame ? [{ sql: frame.query, types: [] }] : [];
    });
  });
}

export function updateCases(file: string, seen: ReadonlyMap<string, Partial<Case>>): void {
  const document = parse(file);
  const list = document.get('cases');
  if (!isSeq(list)) throw new Error(`${file}: no cases`);
  for (const item of list.items) {
    if (!isMap(item)) continue;
    const now = seen.get(String(item.get('note')));
    if (!now) continue;
    for (const key of FILLED) {
      item.delete(key);
      if (now[key] !== undefined) item.set(key, now[key]);
    }
  }
  writeFileSync(join(FOLDER, file), document.toString({ lineWidth: 0, flowCollectionPadding: false }));
}

function parse(file: string): Document {
  const document = parseDocument(readFileSync(join(FOLDER, file), 'utf8'));
  if (document.errors[0]) throw new Error(`${file}: ${document.errors[0].message}`);
  return document;
}
