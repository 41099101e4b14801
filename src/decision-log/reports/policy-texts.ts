/** What reports take from a policies folder, as it is written: categories of data, and how many rows a statement may return at most. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PolicyDocument, type PolicyFile } from '../../policy/source/document.ts';

export interface PolicyFacts {
  /** `health` of `students`: columns as `absences.reason`. */
  readonly categories: readonly {
    readonly subject: string;
    readonly name: string;
    readonly columns: readonly string[];
  }[];
  /** By role; absent where it has none. */
  readonly rowsPerStatement: ReadonlyMap<string, number>;
}

export const NO_POLICIES: PolicyFacts = { categories: [], rowsPerStatement: new Map() };

/** Files that cannot be read as YAML say nothing: `rowgate check` tells what is wrong with them. */
export function readPolicyFacts(folder: string): PolicyFacts {
  const paths = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  const files = paths.filter(isPolicy).map((path) => ({ path, text: readFileSync(join(folder, path), 'utf8') }));
  return policyFacts(files);
}

function isPolicy(path: string): boolean {
  return path.endsWith('.yaml') && !path.endsWith('.test.yaml');
}

/** The same of files that were kept. */
export function policyFacts(files: readonly PolicyFile[]): PolicyFacts {
  const categories: PolicyFacts['categories'][number][] = [];
  const rowsPerStatement = new Map<string, number>();
  const inOrder = files.filter(({ path }) => isPolicy(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  for (const { path, text } of inOrder) {
    const { value } = new PolicyDocument({ path, text });
    const file = mapOf(value);
    for (const [subject, entry] of Object.entries(mapOf(file.subjects))) {
      for (const [name, columns] of Object.entries(mapOf(mapOf(entry).categories))) {
        if (Array.isArray(columns)) categories.push({ subject, name, columns: columns.map(String) });
      }
    }
    const limits = [file, ...listOf(file.during).map(mapOf)].map((part) =>
      Number(mapOf(part.limits).rows_per_statement),
    );
    if (typeof file.role !== 'string' || !Number.isFinite(limits[0])) continue;
    rowsPerStatement.set(file.role, Math.max(...limits.filter(Number.isFinite)));
  }
  return { categories, rowsPerStatement };
}

/** Categories of a column of the log: `public.absences.reason`. */
export function categoriesOf(column: string, { categories }: PolicyFacts): string[] {
  const has = (written: string): boolean => column === written || column.endsWith(`.${written}`);
  return [...new Set(categories.filter(({ columns }) => columns.some(has)).map(({ name }) => name))];
}

function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
