/** One YAML file with the positions of all its parts. The schema defines their meaning. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  type YAMLError,
} from 'yaml';
import type { DiagnosticReport, SourcePlace } from './diagnostic.ts';
import { commentBehind, isFolded, offsetInFile } from './scalar-text.ts';

/** A policy file as it was read; `path` is relative to the policies folder, with `/`. */
export interface PolicyFile {
  readonly path: string;
  readonly text: string;
}

export type Path = readonly PropertyKey[];

/** A problem at a path of the file: the path tells which role or principal it affects. */
export interface Flaw {
  readonly path: Path;
  readonly place: SourcePlace;
  readonly message: string;
}

/** SQL from a file, with a function that turns an offset in it into a position. */
export interface SqlText {
  readonly sql: string;
  place(offset: number): SourcePlace;
}

interface Entry {
  readonly node: Node | null;
  /** Offset of the key, or of the list item. */
  readonly start: number;
}

const NO_ALIASES = 'aliases are not supported; write "*" in quotes where a star is meant';

/** Clearer messages for YAML errors that DBAs meet with unquoted SQL. */
const SYNTAX_MESSAGES: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY: '": " inside a value makes it a mapping; write the value in quotes or behind "|"',
  BAD_SCALAR_START: 'this character cannot begin an unquoted value; write the value in quotes or behind "|"',
  UNEXPECTED_TOKEN: 'unexpected text; a value that begins with a quote ends at the next one (write SQL behind "|")',
  TAB_AS_INDENT: 'a tab cannot indent; use spaces',
  BAD_ALIAS: NO_ALIASES,
  MULTIPLE_DOCS: 'only one document is allowed in a file',
};

export class PolicyDocument {
  readonly path: string;
  /** Syntax errors, and text that YAML would read differently from how it looks. */
  readonly flaws: Flaw[] = [];
  /** Plain data: objects, arrays, strings, numbers, booleans, null. Unreliable if `malformed`. */
  readonly value: unknown;
  /** True if the text is not YAML: then no part of it may be used. */
  readonly malformed: boolean;
  private readonly text: string;
  private readonly lines = new LineCounter();
  private readonly entries = new Map<string, Entry>();

  constructor(file: PolicyFile) {
    this.path = file.path;
    this.text = file.text;
    try {
      const document = parseDocument(file.text, {
        lineCounter: this.lines,
        prettyErrors: false,
        uniqueKeys: false, // checked below, where the path is known
        merge: false,
        schema: 'core',
        version: '1.2',
      });
      for (const problem of [...document.errors, ...document.warnings]) {
        if (problem.code !== 'TAG_RESOLVE_FAILED') this.reportSyntax(problem); // `read` reports every tag
      }
      // What decoding made of bytes that are not UTF-8: a value that holds it is not what was written.
      const undecodable = file.text.indexOf('\uFFFD');
      if (undecodable >= 0) this.flaw([], undecodable, 'not valid UTF-8');
      this.malformed = this.flaws.length > 0;
      this.value = this.read(document.contents, [], 0);
    } catch (error) {
      // The parser recurses: very deep nesting overflows the stack.
      this.flaw([], 0, `cannot be read as YAML: ${error instanceof Error ? error.message : 'unknown error'}`);
      this.malformed = true;
      this.value = undefined;
    }
  }

  has(path: Path): boolean {
    return this.entries.has(pathKey(path));
  }

  /** The position of the key (or list item) at `path`; of the nearest parent if the file has no such path. */
  place(path: Path): SourcePlace {
    for (let length = path.length; length >= 0; length--) {
      const entry = this.entries.get(pathKey(path.slice(0, length)));
      if (entry) return this.placeAt(entry.start);
    }
    return this.placeAt(0);
  }

  /** The position of the value at `path`; of its key if it has no value. */
  placeOfValue(path: Path): SourcePlace {
    const start = this.entries.get(pathKey(path))?.node?.range?.[0];
    return start === undefined ? this.place(path) : this.placeAt(start);
  }

  /** The first and the last line of the entry at `path`, its key included. */
  linesOf(path: Path): readonly [first: number, last: number] {
    const entry = this.entries.get(pathKey(path));
    const start = entry?.start ?? 0;
    const end = path.length === 0 ? this.text.length : (entry?.node?.range?.[1] ?? start);
    return [this.placeAt(start).line, this.placeAt(Math.max(start, end - 1)).line];
  }

  /** `roles/teacher.yaml:7`, for the key at `path`. */
  rule(path: Path): string {
    const { file, line } = this.place(path);
    return `${file}:${line}`;
  }

  /** The text of a scalar as it was written (`01`, `6E1`), quotes resolved; undefined if there is no scalar. */
  written(path: Path): string | undefined {
    const scalar = this.scalar(path);
    if (!scalar) return undefined;
    if (typeof scalar.value === 'string') return scalar.value;
    return scalar.source === undefined || scalar.source === '' ? undefined : scalar.source;
  }

  /** The position of a comment that ends an unquoted scalar and may have been meant as part of it. */
  commentBehind(path: Path): SourcePlace | undefined {
    const scalar = this.scalar(path);
    const offset = scalar && commentBehind(this.text, scalar);
    return offset === undefined ? undefined : this.placeAt(offset);
  }

  /** The SQL at `path`. Undefined, and reported, if there is none or if YAML removed a part of it. */
  sql(path: Path, report: DiagnosticReport): SqlText | undefined {
    const scalar = this.scalar(path);
    const sql = this.written(path);
    if (!scalar || sql === undefined || sql.trim() === '') {
      report.error(this.placeOfValue(path), 'expected an SQL expression, found nothing');
      return undefined;
    }
    // The SQL parser ignores what follows a NUL, and half a surrogate pair has no UTF-8: either would change what was written.
    if (/[\0\p{Surrogate}]/u.test(sql)) {
      report.error(this.placeOfValue(path), 'the SQL holds a character that PostgreSQL does not take');
      return undefined;
    }
    // A condition that YAML cut short would let more rows through than it says.
    const comment = this.commentBehind(path);
    if (comment) {
      report.error(comment, 'YAML reads this as a comment, not as SQL; write the expression in quotes or behind "|"');
      return undefined;
    }
    if (isFolded(this.text, scalar) && sql.includes('--')) {
      report.error(
        this.placeOfValue(path),
        'YAML joins these lines, so that "--" would hide the rest; write the SQL behind "|"',
      );
      return undefined;
    }
    return { sql, place: (offset) => this.placeAt(offsetInFile(this.text, scalar, offset)) };
  }

  private scalar(path: Path): Scalar | undefined {
    const node = this.entries.get(pathKey(path))?.node;
    return isScalar(node) ? node : undefined;
  }

  private placeAt(offset: number): SourcePlace {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.path, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  private flaw(path: Path, offset: number, message: string): void {
    this.flaws.push({ path, place: this.placeAt(offset), message });
  }

  private reportSyntax(problem: YAMLError | { code: string; message: string; pos: [number, number] }): void {
    const { code, message, pos } = problem;
    const own = SYNTAX_MESSAGES[code] ?? `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
    this.flaw([], pos[0], own);
  }

  /** Turns a node into data and records its position. YAML features that could change the text's meaning are refused. */
  private read(node: Node | null, path: Path, keyStart: number): unknown {
    this.entries.set(pathKey(path), { node, start: keyStart });
    if (node === null) return null;
    const start = node.range?.[0] ?? keyStart;
    if (isAlias(node)) {
      this.flaw(path, start, NO_ALIASES);
      return undefined;
    }
    if (node.anchor !== undefined)
      this.flaw(path, keyStart, 'anchors are not supported; quote a value that begins with "&"');
    if (node.tag !== undefined) this.flaw(path, keyStart, 'tags are not supported; quote a value that begins with "!"');
    if (isMap(node)) return this.readMap(node.items as { key: unknown; value: unknown }[], path, start);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const child = item as Node | null;
        return this.read(child, [...path, index], child?.range?.[0] ?? start);
      });
    }
    return isScalar(node) ? node.value : undefined;
  }

  private readMap(
    items: readonly { key: unknown; value: unknown }[],
    path: Path,
    start: number,
  ): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const keyStart = (key as Node | null)?.range?.[0] ?? start;
      if (!isScalar(key) || key.value === null) {
        this.flaw(path, keyStart, 'expected a name as key');
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
      if (name === '__proto__') {
        this.flaw(path, keyStart, `"${name}" cannot be a key`);
      } else if (Object.hasOwn(object, name)) {
        this.flaw([...path, name], keyStart, `"${name}" stands here twice`);
      } else {
        object[name] = this.read(value as Node | null, [...path, name], keyStart);
      }
    }
    return object;
  }
}

function pathKey(path: Path): string {
  return JSON.stringify(path.map(String));
}
