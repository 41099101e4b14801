/** For each reason of a refusal: what would have to be granted, and where, if the statement is meant to work. */
import type { Refusal } from '../errors.ts';
import type { StatementJudgement } from '../guard/decision.ts';
import type { RelationGrant, RolePolicy, StatementOption } from '../policy/policy.ts';
import type { Catalog, Relation } from '../sql/catalog.ts';

export interface Advice {
  /** One or two sentences. */
  readonly text: string;
  /** YAML that would grant it, to be put into the role's file. */
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
const GRANTABLE: readonly { readonly command: RegExp; readonly words: readonly StatementOption[] }[] = [
  { command: /^COPY/, words: ['copy_to', 'copy_from'] },
  { command: /^EXPLAIN/, words: ['explain', 'explain_analyze'] },
  { command: /^(UN)?LISTEN/, words: ['listen'] },
  { command: /^NOTIFY/, words: ['notify'] },
  { command: /^LOCK/, words: ['lock'] },
  { command: /^CALL/, words: ['call'] },
];

/** Stands for what the DBA has to choose. */
const ANY = '…';

/** What to tell a DBA who expected the statement to work. */
export function adviceFor(refused: Refused): Advice {
  const { refusal, statement, role } = refused;
  switch (refusal.reason) {
    case 'column-withheld':
      return columnAdvice(refused);
    case 'relation-not-granted':
      return relationAdvice(refused);
    case 'relation-unknown':
      return {
        text: 'The database has no such relation in the search path, or the role may not know of it. Check the name and its schema.',
      };
    case 'column-unknown':
      return { text: 'No relation in this query has such a column. Check the name and the alias before it.' };
    case 'function-not-granted':
      return functionAdvice(refusal, role);
    case 'operator-not-granted':
      return {
        text: `The operator is not built in; grant the function behind it in ${fileOf(role)}.`,
        snippet: 'functions: [SCHEMA.FUNCTION]   # SELECT oprcode FROM pg_operator WHERE oprname = …',
      };
    case 'type-not-granted':
      return {
        text: 'The type is not built in, and the role is granted nothing that has it. Grant a column of that type, or cast to a built-in one.',
      };
    case 'setting-not-allowed':
      return {
        text: 'The setting changes what statements mean, or tells about the server; it cannot be granted to a restricted role.',
      };
    case 'statement-not-allowed':
      return statementAdvice(statement?.command ?? '', role);
    case 'write-restricted':
      return writeAdvice(refused);
    case 'collects':
      return {
        text: `The expression gathers values of several guarded rows into one, past every limit of rows. If the role may, say so in ${fileOf(role)}.`,
        snippet: 'collect: allow',
      };
    case 'estimates':
      return {
        text: 'The planner estimates from statistics over every row, hidden ones too: EXPLAIN works over relations that the role holds whole.',
      };
    case 'limit-rows':
    case 'limit-bytes':
      return {
        text: `Raise the limit in ${fileOf(role)}, or ask for less.`,
        snippet: 'limits:\n  rows_per_statement: …\n  bytes_per_statement: …',
      };
    case 'role-disabled':
      return { text: 'The policy files hold an error that closed the role; `rowgate check` names it.' };
    case 'syntax':
      return { text: 'PostgreSQL itself would not accept this text.' };
    case 'too-large':
      return { text: 'The text is longer, or nested deeper, than is judged. Send values as parameters, or split it.' };
    case 'unsupported':
      return { text: 'Rowgate does not judge this form; nothing grants it. Write the statement another way.' };
    case 'provenance':
    case 'not-verified':
    case 'internal':
      return {
        text: 'Rowgate refused to be safe. Please report the statement as a bug, together with the log record.',
      };
    case 'not-recorded':
      return { text: 'The decision log cannot be written; until it can, nothing runs.' };
  }
}

function columnAdvice({ statement, role, catalog }: Refused): Advice {
  const grants = [...role.relations.values()].filter((grant) => !grant.system);
  for (const grant of grants) {
    const name = `${grant.relation.schema}.${grant.relation.name}`;
    const asked = columnsOf(name, statement);
    const known = new Set(grant.relation.columns.map((column) => column.name));
    const withheld = asked.filter((column) => known.has(column) && !isReadable(grant, column));
    if (withheld.length === 0) continue;
    const shown = [...(grant.select?.columns.values() ?? [])];
    const plain = shown.filter((c) => c.mask === undefined).map((c) => c.column.name);
    const where = grant.select?.rule ?? grant.rule;
    return {
      text: `Add ${withheld.map((c) => `"${c}"`).join(', ')} to the columns of ${name} at ${where}, or a mask where part of the value is enough.`,
      snippet: tableSnippet(grant.relation, [...plain, ...withheld]),
    };
  }
  const system = statement?.tables.some((table) => catalog.hasSchema(table.split('.')[0] ?? '')) === true;
  return {
    text: system
      ? 'The column is not one that a grant can name: it tells where rows lie, or moves with hidden data.'
      : 'The column is not granted; add it to the columns of its table.',
  };
}

function relationAdvice({ statement, role, catalog }: Refused): Advice {
  for (const name of statement?.tables ?? []) {
    const dot = name.indexOf('.');
    const relation = catalog.relation(name.slice(0, dot), name.slice(dot + 1));
    if (!relation || role.relations.has(relation.oid)) continue;
    if (relation.schema === 'pg_catalog' || relation.schema === 'information_schema') {
      return {
        text: `"${relation.name}" holds data, secrets or other sessions' statements; it cannot be granted to a restricted role.`,
      };
    }
    const known = new Set(relation.columns.map((column) => column.name));
    const asked = columnsOf(name, statement).filter((column) => known.has(column));
    return {
      text: `Grant the table in ${fileOf(role)}, with the columns that are needed and, where not every row is, a condition.`,
      snippet: tableSnippet(
        relation,
        asked.length > 0 ? asked : [ANY],
        'rows: …   # a condition, or leave it out: every row',
      ),
    };
  }
  return { text: `Grant the table in ${fileOf(role)}.`, snippet: 'tables:\n  NAME:\n    select: { columns: […] }' };
}

function functionAdvice(refusal: Refusal, role: RolePolicy): Advice {
  const name = /function ("?)(.+?)\1(?:\(| |$)/.exec(refusal.message)?.[2] ?? 'SCHEMA.NAME';
  return {
    text: `If the function reads and writes nothing beyond its arguments, grant it in ${fileOf(role)}. One that runs SQL text, reads files, settings or other sessions undoes every other rule.`,
    snippet: `functions: [${name.includes('.') ? name : `public.${name}`}]`,
  };
}

function statementAdvice(command: string, role: RolePolicy): Advice {
  const words = GRANTABLE.find((entry) => entry.command.test(command))?.words.filter(
    (word) => !role.statements.has(word),
  );
  if (!words || words.length === 0) {
    return { text: 'It can never be granted to a restricted role: only one with `access: unrestricted` may.' };
  }
  const granted = [...role.statements, words.length === 1 ? words[0] : words.join(' or ')];
  return {
    text: `Add the word to \`statements\` in ${fileOf(role)}. Files and programs of the server stay closed.`,
    snippet: `statements: [${granted.join(', ')}]`,
  };
}

function writeAdvice({ statement, role, catalog }: Refused): Advice {
  const command = statement?.command.toLowerCase() ?? '';
  const verb = ['insert', 'update', 'delete'].includes(command) ? command : 'update';
  const text =
    'A write needs the whole table for now: every column for reading and writing, no mask, no condition, no scope.';
  const name = statement?.tables[0] ?? '';
  const relation = catalog.relation(name.split('.')[0] ?? '', name.slice(name.indexOf('.') + 1));
  if (!relation) return { text };
  const snippet = [
    'tables:',
    `  ${yamlName(relation)}:`,
    '    select: { columns: "*" }',
    `    ${verb}: ${verb === 'delete' ? '{}' : '{ columns: "*" }'}`,
  ];
  return { text: `${text} In ${fileOf(role)}:`, snippet: snippet.join('\n') };
}

function isReadable(grant: RelationGrant, column: string): boolean {
  return grant.select?.columns.has(column) === true;
}

/** Columns of that relation among those that the statement asked for. */
function columnsOf(relation: string, statement: StatementJudgement | undefined): string[] {
  return (statement?.columns ?? [])
    .filter((c) => c.startsWith(`${relation}.`))
    .map((c) => c.slice(relation.length + 1));
}

function tableSnippet(relation: Relation, columns: readonly string[], more?: string): string {
  const list = columns.map((column) => (column === ANY ? ANY : yamlText(column)));
  const lines = ['tables:', `  ${yamlName(relation)}:`, '    select:', `      columns: [${list.join(', ')}]`];
  if (more !== undefined) lines.push(`    ${more}`);
  return lines.join('\n');
}

/** As a key of `tables:`; the schema only where it is not `public`. */
function yamlName(relation: Relation): string {
  const parts = relation.schema === 'public' ? [relation.name] : [relation.schema, relation.name];
  return yamlText(parts.map((part) => (/[."]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.'));
}

/** In quotes where YAML would read more than a name. */
function yamlText(text: string): string {
  return /^[\p{L}_][\p{L}\p{N}_. ]*$/u.test(text) && !/^(true|false|null|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text);
}

/** `roles/teacher.yaml` */
function fileOf(role: RolePolicy): string {
  return role.rule.replace(/:\d+$/, '');
}
