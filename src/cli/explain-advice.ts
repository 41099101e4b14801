/** What would have to be granted, and where, if a refused statement is meant to work. `REASONS` has the advice that a reason alone decides. */

import { REASONS, type Reason, type ReasonByStatement } from '../core/reasons.ts';
import type { Refusal } from '../core/refusal.ts';
import { COPIES } from '../desk/learn/needs.ts';
import type { StatementJudgement } from '../guard/decision.ts';
import type { RolePolicy, StatementOption } from '../policy/model/policy.ts';
import type { Catalog, Relation } from '../sql/catalog/catalog.ts';

export interface Advice {
  /** One or two sentences. */
  readonly text: string;
  /** YAML that would grant it, to be merged into the role's file. */
  readonly snippet?: string;
}

export interface Refused {
  readonly refusal: Refusal;
  /** The statement that was refused. */
  readonly statement: StatementJudgement | undefined;
  readonly role: RolePolicy;
  readonly catalog: Catalog;
}

/** Commands that a role gets by a word under `statements:`. */
const GRANTABLE: Readonly<Record<string, StatementOption>> = { LISTEN: 'listen', UNLISTEN: 'listen', NOTIFY: 'notify' };

/** Advice for reasons where it depends on the statement. */
const BY_STATEMENT: Readonly<Record<ReasonByStatement, (refused: Refused) => Advice>> = {
  'column-withheld': columnAdvice,
  'relation-not-granted': relationAdvice,
  'function-not-granted': functionAdvice,
  'operator-not-granted': operatorAdvice,
  'statement-not-allowed': statementAdvice,
  'write-restricted': writeAdvice,
  'row-check': ({ refusal, role }) => ({
    text: `The new row must lie in the rows and the scope that the role was granted, at ${refusal.rule ?? role.rule}.`,
  }),
  collects: ({ role }) => ({
    text: `It gathers values of several rows into one, past every limit of rows. If the role may do that, say so in ${fileOf(role)}.`,
    snippet: 'collect: allow',
  }),
  estimates: ({ role }) => ({
    text: `The planner estimates from statistics over every row, hidden ones too. If the role may see that, say so in ${fileOf(role)}.`,
    snippet: statementsSnippet(role, 'explain'),
  }),
  'token-missing': tokenAdvice,
  'token-refused': tokenAdvice,
};

/** What to tell a DBA who expected the statement to work. */
export function adviceFor(refused: Refused): Advice {
  const { refusal, role } = refused;
  const { reason } = refusal;
  if (isByStatement(reason)) return BY_STATEMENT[reason](refused);
  return { text: REASONS[reason].advice.replace('{file}', () => fileOf(role)) };
}

function isByStatement(reason: Reason): reason is ReasonByStatement {
  return reason in BY_STATEMENT;
}

function tokenAdvice({ refusal, role }: Refused): Advice {
  return {
    text: `The role works for the people behind an account: set a token of one of them first (SET rowgate.token), as ${refusal.rule ?? role.rule} has it.`,
  };
}

function columnAdvice(refused: Refused): Advice {
  const { refusal, statement, role } = refused;
  if (statement?.kind.kind === 'copy-in') return copyAdvice(refused);
  const verb = / for (INSERT|UPDATE)\.$/.exec(refusal.hint ?? '')?.[1];
  if (verb !== undefined) return writtenAdvice(refused, verb);
  for (const grant of role.relations.values()) {
    if (grant.system) continue;
    const { relation } = grant;
    const asked = /column "(.+?)" of relation "(.+)"$/.exec(refusal.message);
    // If several relations have such a column, the refusal names the right one.
    if (asked && relation.name !== asked[2]) continue;
    const column = asked ? grant.select?.columns.get(asked[1] ?? '') : undefined;
    if (column?.mask && statement?.kind.kind === 'write')
      return {
        text: `"${column.column.name}" is seen behind a mask, at ${column.rule}: a statement that writes cannot read it.`,
      };
    const names = new Set(relation.columns.map((column) => column.name));
    const withheld = askedOf(relation, statement, 'select').filter(
      (name) => names.has(name) && !grant.select?.columns.has(name),
    );
    if (withheld.length === 0) continue;
    return {
      text: `Add ${withheld.map((name) => `"${name}"`).join(', ')} to the columns of ${nameOf(relation)} at ${grant.select?.rule ?? grant.rule}, or under its masks where a part of the value is enough.`,
      snippet: columnsSnippet(relation, withheld, (grant.select?.columns.size ?? 0) > 0),
    };
  }
  return {
    text: `Columns of the system tell where rows lie. If the role may know, name it among the columns at ${refusal.rule ?? role.rule}.`,
  };
}

/** COPY writes the columns that it names, or all of them. */
function copyAdvice({ refusal, statement, catalog }: Refused): Advice {
  const [relation] = relationsOf(statement, catalog);
  const name = /column "(.+?)"/.exec(refusal.message)?.[1] ?? '';
  return {
    text: `Add "${name}" to the columns of "insert" at ${refusal.rule ?? 'the table'}, or let COPY name the columns that are granted${relation ? `: COPY ${nameOf(relation)} (…) FROM STDIN` : ''}.`,
  };
}

function relationAdvice(refused: Refused): Advice {
  const { refusal, statement, role, catalog } = refused;
  const [, action, name] = /was not granted (\w+).* on (.+)\.$/.exec(refusal.hint ?? '') ?? [];
  const relation = relationsOf(statement, catalog).find((candidate) => nameOf(candidate) === name);
  if (!relation) return { text: `Grant the relation in ${fileOf(role)}, for what the statement does with it.` };
  if (relation.schema === 'pg_catalog' || relation.schema === 'information_schema') {
    return {
      text: `"${relation.name}" holds data, secrets or other sessions' statements: no restricted role may have it.`,
    };
  }
  if (action !== 'SELECT') return writesTo(relation, refused, (action ?? 'update').toLowerCase());
  const known = new Set(relation.columns.map((column) => column.name));
  const asked = askedOf(relation, statement, 'select').filter((column) => known.has(column));
  return {
    text: `Grant ${nameOf(relation)} in ${fileOf(role)}: the columns that are needed, with "rows" beside them where not every row is.`,
    snippet: columnsSnippet(relation, asked.length > 0 ? asked : [ANY], false),
  };
}

function writeAdvice({ refusal, statement }: Refused): Advice {
  if (statement?.kind.kind === 'copy-in') {
    return {
      text: 'COPY cannot be held to rows or a scope: let the application INSERT, or say "scope: none" in the insert grant if every row may come in.',
    };
  }
  return { text: refusal.hint ?? 'A restricted role cannot write it; the table behind it can be granted.' };
}

/** A command that the role was not granted on the relation: the columns that this statement writes by it, and those that it reads. */
function writesTo(relation: Relation, { statement, role }: Refused, verb: string): Advice {
  const grant = role.relations.get(relation.oid);
  const reads = askedOf(relation, statement, 'select').filter((name) => !grant?.select?.columns.has(name));
  const written = verb === 'insert' || verb === 'update' ? askedOf(relation, statement, verb) : [];
  // UPDATE, DELETE and MERGE need SELECT on the rows that they find, even if they read no column.
  const selects = reads.length > 0 || (verb !== 'insert' && !grant?.select);
  const beside = (grant?.select?.columns.size ?? 0) > 0;
  const columns = verb === 'delete' ? '' : 'the columns that may be written, ';
  return {
    text: `Grant it in ${fileOf(role)}: ${columns}with "rows" beside them where not every row may be.${selects ? ' What the statement reads of it must be granted, too.' : ''}`,
    snippet: writeSnippet(relation, verb, written, selects ? reads : undefined, beside),
  };
}

/** A column that the statement writes is granted with its command. */
function writtenAdvice({ refusal, statement, catalog }: Refused, verb: string): Advice {
  const name = /column "(.+?)"/.exec(refusal.message)?.[1] ?? '';
  const relation = relationsOf(statement, catalog).find((r) => refusal.message.endsWith(`relation "${r.name}"`));
  const list = verb === 'INSERT' ? ', or let the statement name the columns that are granted' : '';
  return {
    text: `Add "${name}" to the columns of "${verb.toLowerCase()}" of ${relation ? nameOf(relation) : 'the table'} at ${refusal.rule ?? 'its grant'}${list}.`,
  };
}

function functionAdvice({ refusal, role, catalog }: Refused): Advice {
  const shown = /^permission denied for function (.+)$/.exec(refusal.message)?.[1] ?? '';
  const named = catalog.functionsNamed(shown.split('.').at(-1) ?? '');
  const schema = shown.includes('.') ? shown.split('.')[0] : (named.find(isBuiltIn) ?? named[0])?.schema;
  const fns = named.filter((fn) => fn.schema === schema);
  const types = (args: readonly number[]): string =>
    args.map((oid) => catalog.typesByOid.get(oid)?.name ?? ANY).join(', ');
  // An overloaded function is granted with its argument types.
  const texts = fns.map((fn) => `${fn.schema}.${fn.name}${fns.length > 1 ? `(${types(fn.args)})` : ''}`);
  return {
    text: `If it reads and writes nothing beyond its arguments, grant it in ${fileOf(role)}. One that runs SQL text, or reads files, settings or other sessions, undoes every other rule.`,
    ...(texts.length > 0 && { snippet: `functions: [${texts.map((text) => JSON.stringify(text)).join(', ')}]` }),
  };
}

function isBuiltIn(fn: { readonly schema: string }): boolean {
  return fn.schema === 'pg_catalog';
}

function operatorAdvice({ refusal, role, catalog }: Refused): Advice {
  const [schema, name] = /operator ([^.]+)\.(.+)$/.exec(refusal.message)?.slice(1) ?? [];
  const operators = catalog.operatorsNamed(name ?? '').filter((operator) => operator.schema === schema);
  const fns = operators.flatMap((operator) => catalog.functionsByOid.get(operator.fn) ?? []);
  return {
    text: `An operator is its function: if that reads and writes nothing beyond its arguments, grant it in ${fileOf(role)}.`,
    ...(fns.length > 0 && {
      snippet: `functions: [${fns.map((fn) => yamlText(`${fn.schema}.${fn.name}`)).join(', ')}]`,
    }),
  };
}

function statementAdvice({ refusal, statement, role }: Refused): Advice {
  const analyze = refusal.message.endsWith('EXPLAIN ANALYZE');
  const word = analyze
    ? 'explain_analyze'
    : (COPIES[statement?.kind.kind ?? ''] ?? GRANTABLE[statement?.command ?? '']);
  if (word === undefined)
    return { text: 'Only a role with "access: unrestricted" may do this; no grant to a restricted one does.' };
  return { text: `If the role may do this, say so in ${fileOf(role)}.`, snippet: statementsSnippet(role, word) };
}

function statementsSnippet(role: RolePolicy, word: StatementOption): string {
  return `statements: [${[...role.statements, word].join(', ')}]`;
}

function relationsOf(statement: StatementJudgement | undefined, catalog: Catalog): Relation[] {
  const names = new Set(statement?.tables ?? []);
  return catalog.data.relations.filter((relation) => names.has(nameOf(relation)));
}

/** Columns of that relation with which the statement would do that. */
function askedOf(
  relation: Relation,
  statement: StatementJudgement | undefined,
  action: 'select' | 'insert' | 'update',
): string[] {
  const prefix = `${nameOf(relation)}.`;
  return (statement?.access?.[action] ?? [])
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length));
}

/** As judgements name it. */
function nameOf(relation: Relation): string {
  return `${relation.schema}.${relation.name}`;
}

/** `roles/teacher.yaml` */
function fileOf(role: RolePolicy): string {
  return role.rule.replace(/:\d+$/, '');
}

/** A placeholder where the DBA has to choose. */
export const ANY = '…';

/** Added to a list that only has the columns to be added. */
const BESIDE = ' # beside those that are granted';

/** A table with the columns that are to be read. `beside`: others are granted already. */
function columnsSnippet(relation: Relation, columns: readonly string[], beside: boolean): string {
  const added = `      columns: ${list(columns)}${beside ? BESIDE : ''}`;
  return ['tables:', `  ${key(relation)}:`, '    select:', added].join('\n');
}

/**
 * A kind of write on a table, and the columns that must also be granted for reading; `select`: absent if none. `beside`: other columns are read
 * already.
 */
function writeSnippet(
  relation: Relation,
  verb: string,
  written: readonly string[],
  select: readonly string[] | undefined,
  beside: boolean,
): string {
  const lines = ['tables:', `  ${key(relation)}:`];
  if (select) lines.push(`    select: { columns: ${list(select)} }${beside ? BESIDE : ''}`);
  lines.push(`    ${verb}: ${verb === 'delete' ? '{}' : `{ columns: ${list(written)} }`}`);
  return lines.join('\n');
}

/** In quotes where YAML would read more than a name. */
function yamlText(text: string): string {
  const plain = /^[\p{L}_][\p{L}\p{N}_. ]*$/u.test(text) && text === text.trim();
  return plain && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
}

function list(columns: readonly string[]): string {
  return `[${columns.map((column) => (column === ANY ? ANY : yamlText(column))).join(', ')}]`;
}

/** As a key of `tables:`; the schema only where it is not `public`. */
function key(relation: Relation): string {
  const parts = relation.schema === 'public' ? [relation.name] : [relation.schema, relation.name];
  return yamlText(parts.map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.'));
}
