/** What reports read from a policies folder, as written: subjects, categories, and roles' grants. Nothing is compiled. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { splitName } from '../../policy/compile/names.ts';
import { PolicyDocument, type PolicyFile } from '../../policy/source/document.ts';

export interface PolicyFacts {
  /** `health` of `students`: columns as `absences.reason`. */
  readonly categories: readonly {
    readonly subject: string;
    readonly name: string;
    readonly columns: readonly string[];
  }[];
  /** By role; absent if it has none. */
  readonly rowsPerStatement: ReadonlyMap<string, number>;
  /** By subject: tables with a key of it, each as name parts: `['public', 'students']`, `['students']`. */
  readonly keyTables: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** Tables that `about` limits to some subjects, or to none. */
  readonly about: readonly { readonly table: readonly string[]; readonly only: readonly string[] }[];
  readonly roles: ReadonlySet<string>;
  readonly unrestricted: ReadonlySet<string>;
  /** Functions that roles may call, as written. */
  readonly functions: readonly string[];
}

export const NO_POLICIES: PolicyFacts = {
  categories: [],
  rowsPerStatement: new Map(),
  keyTables: new Map(),
  about: [],
  roles: new Set(),
  unrestricted: new Set(),
  functions: [],
};

/** Files that are not YAML are skipped: `rowgate check` reports them. */
export function readPolicyFacts(folder: string): PolicyFacts {
  const paths = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const files = paths.filter(isPolicy).map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
  return policyFacts(files);
}

function isPolicy(path: string): boolean {
  return path.endsWith('.yaml') && !path.endsWith('.test.yaml');
}

/** The same for kept files. */
export function policyFacts(files: readonly PolicyFile[]): PolicyFacts {
  const categories: PolicyFacts['categories'][number][] = [];
  const rowsPerStatement = new Map<string, number>();
  const keyTables = new Map<string, (readonly string[])[]>();
  const about: PolicyFacts['about'][number][] = [];
  const [roles, unrestricted, functions] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const inOrder = files.filter(({ path }) => isPolicy(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, text } of inOrder) {
    const { value } = new PolicyDocument({ path, text });
    const file = mapOf(value);
    for (const [subject, entry] of Object.entries(mapOf(file.subjects))) {
      const tables = listOf(mapOf(entry).keys).map((key) => (splitName(String(key)) ?? []).slice(0, -1));
      keyTables.set(subject, [...(keyTables.get(subject) ?? []), ...tables.filter((table) => table.length > 0)]);
      for (const [name, columns] of Object.entries(mapOf(mapOf(entry).categories))) {
        if (Array.isArray(columns)) categories.push({ subject, name, columns: columns.map(String) });
      }
    }
    for (const [table, only] of Object.entries(mapOf(file.about)))
      about.push({ table: splitName(table) ?? [], only: [only].flat().map(String) });
    for (const name of listOf(file.functions)) functions.add(String(name));
    if (typeof file.role === 'string') roles.add(file.role);
    if (typeof file.role === 'string' && file.access === 'unrestricted') unrestricted.add(file.role);
    const limits = [file, ...listOf(file.during).map(mapOf)].map((part) =>
      Number(mapOf(part.limits).rows_per_statement),
    );
    if (typeof file.role !== 'string' || !Number.isFinite(limits[0])) continue;
    rowsPerStatement.set(file.role, Math.max(...limits.filter(Number.isFinite)));
  }
  return { categories, rowsPerStatement, keyTables, about, roles, unrestricted, functions: [...functions] };
}

/** Categories of a column in the log: `public.absences.reason`. */
export function categoriesOf(column: string, { categories }: PolicyFacts): string[] {
  const has = (written: string): boolean => column === written || column.endsWith(`.${written}`);
  return [...new Set(categories.filter(({ columns }) => columns.some(has)).map(({ name }) => name))];
}

/** A mapping of a YAML document; empty if the value is not one. */
export function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
