/** One login's role file: what its GRANTs and the row-security policies that hold for it let it do, and no more. */

import { sqlLiteral } from '../../native/sql-text.ts';
import { compileCondition } from '../../policy/compile/condition.ts';
import { resolveFunctions } from '../../policy/compile/functions.ts';
import type { SequenceRight, TableCommand } from '../../policy/model/policy.ts';
import type { Relation } from '../../sql/catalog/catalog.ts';
import type { RelationRights, RowPolicy, ServerLogin } from './logins.ts';
import { functionText, type Naming, relationText } from './names.ts';

/** Kinds of statements that the server asks no right for, or that follow from the others. */
const STATEMENTS = ['copy_to', 'copy_from', 'explain', 'explain_analyze', 'listen', 'notify', 'lock', 'call'];

type Entry = Partial<Record<TableCommand, { columns?: readonly string[]; rows?: string }>>;

/** As its YAML file has it. */
export interface RoleDraft {
  role: string;
  description: string;
  mode: 'observe';
  scope?: Record<string, string>;
  tables?: Record<string, Entry>;
  sequences?: Record<string, SequenceRight[]>;
  functions?: string[];
  statements: readonly string[];
  collect: 'allow';
  limits: 'none';
}

export interface Drafted {
  readonly draft: RoleDraft;
  /** What could not be carried over, a sentence each. */
  readonly left: readonly string[];
}

export function draftRole(role: string, login: ServerLogin, subjects: readonly string[], naming: Naming): Drafted {
  const left: string[] = [];
  const tables: [string, Entry][] = [];
  const sequences: [string, SequenceRight[]][] = [];
  for (const rights of login.relations) {
    const relation = naming.catalog.relationsByOid.get(rights.relation);
    if (!relation) continue;
    const name = relationText(relation, naming);
    if (relation.kind === 'S') {
      sequences.push([name, rightsOn(rights)]);
      continue;
    }
    const entry = entryOf(relation, rights, login, naming);
    if (typeof entry === 'string') left.push(`table ${name} is withheld: ${entry}`);
    else if (Object.keys(entry).length > 0) tables.push([name, entry]);
    // The guard adds a condition or a key to it, and the server then asks the policies for SELECT as well.
    if (
      typeof entry !== 'string' &&
      entry.select &&
      entry.update &&
      ![entry.select.rows, 'false'].includes(entry.update.rows)
    )
      left.push(`UPDATE of ${name}: new rows must pass the policies for SELECT too`);
    if (rights.truncate) left.push(`TRUNCATE of ${name} is not granted: Rowgate has no word for it`);
  }
  const functions = login.functions.flatMap(({ oid }) => {
    const fn = naming.catalog.functionsByOid.get(oid);
    if (!fn) return [];
    const text = functionText(fn, naming);
    const meant = resolveFunctions(naming.catalog, naming.searchPath, text);
    if ('value' in meant && meant.value.length === 1 && meant.value[0]?.oid === oid) return [text];
    left.push(`function ${text} is not granted: a policy cannot name it`);
    return [];
  });
  const draft: RoleDraft = {
    role,
    description: `What login ${login.name} could do at the server when this was drafted.`,
    mode: 'observe',
    ...(subjects.length > 0 && { scope: Object.fromEntries(subjects.map((subject) => [subject, 'all'])) }),
    ...(tables.length > 0 && { tables: Object.fromEntries(tables) }),
    ...(sequences.length > 0 && { sequences: Object.fromEntries(sequences) }),
    ...(functions.length > 0 && { functions }),
    statements: STATEMENTS,
    collect: 'allow',
    limits: 'none',
  };
  return { draft, left };
}

function rightsOn({ usage, select, update }: RelationRights): SequenceRight[] {
  return [
    ...(usage ? (['usage'] as const) : []),
    ...(select.length > 0 ? (['select'] as const) : []),
    ...(update.length > 0 ? (['update'] as const) : []),
  ];
}

/** A string says why the table is withheld. */
function entryOf(relation: Relation, rights: RelationRights, login: ServerLogin, naming: Naming): Entry | string {
  const entry: Entry = {};
  if (rights.select.length > 0) entry.select = { columns: rights.select };
  if (/^[rpvf]$/.test(relation.kind)) {
    if (rights.insert.length > 0) entry.insert = { columns: rights.insert };
    if (rights.update.length > 0) entry.update = { columns: rights.update };
    if (rights.delete) entry.delete = {};
  }
  if (!rights.rowSecurity) return entry;
  for (const command of Object.keys(entry) as TableCommand[]) {
    const policies = login.policies.filter(
      (policy) => policy.relation === relation.oid && (policy.command === command || policy.command === 'all'),
    );
    const rows = rowsOf(command, policies, login.name);
    if (typeof rows !== 'string') return rows.problem;
    const problem = problemIn(rows, relation, naming);
    if (problem !== undefined) return problem;
    entry[command] = { ...entry[command], rows };
  }
  return entry;
}

/** The condition of all policies of a command together (manual, CREATE POLICY); `false` if no policy allows any row. */
function rowsOf(command: TableCommand, policies: readonly RowPolicy[], login: string): string | { problem: string } {
  const condition = ({ using, check }: RowPolicy): string | null => (command === 'insert' ? (check ?? using) : using);
  if (command === 'update') {
    const other = policies.find(({ using, check }) => using !== null && check !== null && using !== check);
    if (other)
      return { problem: `its policy ${other.name} checks new rows by another condition than it finds old ones` };
  }
  const all = (permissive: boolean): string[] =>
    policies.filter((policy) => policy.permissive === permissive).flatMap((policy) => condition(policy) ?? []);
  const [allowed, required] = [all(true), all(false)];
  if (allowed.length === 0) return 'false';
  const either = allowed.map((one) => `(${one})`).join(' OR ');
  return asLogin(
    [required.length > 0 ? `(${either})` : either, ...required.map((one) => `(${one})`)].join(' AND '),
    login,
  );
}

function problemIn(sql: string, relation: Relation, { catalog, searchPath }: Naming): string | undefined {
  const compiled = compileCondition({ sql, rule: '' }, { catalog, searchPath, relation, attributes: new Map() });
  if ('rule' in compiled) return undefined;
  return `its row security cannot be carried over (${sql}): ${compiled.map(({ message }) => message).join('; ')}`;
}

/** The role is this one login's: what asks who it is has one answer. Literals and quoted names stay. */
function asLogin(sql: string, login: string): string {
  const pattern =
    /E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\b(?:CURRENT_USER|CURRENT_ROLE|SESSION_USER)\b/gs;
  return sql.replace(pattern, (found) => (/^[CS]/.test(found) ? `${sqlLiteral(login)}::pg_catalog.name` : found));
}
