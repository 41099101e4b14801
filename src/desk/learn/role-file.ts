/** The text of a learned role's file: each line with its evidence, and what was left out as comments. */

import { stringify } from 'yaml';
import { oneLine } from '../../app/print.ts';
import { TABLE_COMMANDS, type TableCommand } from '../../policy/model/policy.ts';
import type { World } from './grow.ts';
import { conditionText, type Learned, type LearnedLine } from './learn.ts';
import { keyOf } from './needs.ts';
import type { Occurrences } from './seen.ts';
import { roundedUp } from './taken.ts';
import { withMark } from './written-mark.ts';

export interface RoleFileInput {
  readonly learned: Learned;
  readonly world: World;
  /** The file as it is. */
  readonly before: string;
  /** ISO time to a day. */
  readonly dayOf: (time: string) => string;
  readonly span: { readonly from: string; readonly to: string };
}

/** The file, with the mark by which one sees whether it was changed. */
export function roleFile(input: RoleFileInput): string {
  const { learned, before, dayOf, span } = input;
  const { role, allowed, leftOut } = learned;
  const modeline = /^# yaml-language-server:.*\n/.exec(before)?.[0] ?? '';
  const left = leftOut.reduce((sum, { count }) => sum + count, 0);
  const out = [
    `# Learned from what was sent from ${dayOf(span.from)} to ${dayOf(span.to)}: ${allowed.statements} statements, sent ${allowed.sent} times.`,
    ...(leftOut.length > 0
      ? [`# Left out: ${leftOut.length} statements, sent ${left} times; "rowgate learn" lists them.`]
      : []),
    '# Lines that begin with "# review:" were left out, others that say so were not: look at each.',
    // An enforced role stays so: to observe one is to let everything through.
    ...blockOf(role.kept),
    ...tableLines(input),
    ...sequenceLines(input),
    ...listLines(input, 'function', 'functions', role.functions()),
    ...listLines(input, 'statement', 'statements', role.statements()),
    ...(role.collects ? [`collect: allow${evidenceText(learned.lines.get('collect'), dayOf)}`] : []),
    ...limitLines(learned, role.limits),
  ];
  return withMark(`${modeline}${out.join('\n')}\n`);
}

function tableLines({ learned, world, dayOf }: RoleFileInput): string[] {
  const { role, lines, conditions } = learned;
  const tables = role.tables();
  const byTable = new Map<number, LearnedLine[]>();
  for (const line of lines.values()) {
    if (!('table' in line.need)) continue;
    byTable.set(line.need.table.oid, [...(byTable.get(line.need.table.oid) ?? []), line]);
  }
  const out: string[] = [];
  for (const { relation, name, entry } of tables) {
    out.push(`  ${keyText(name)}:`);
    const own = byTable.get(relation.oid) ?? [];
    for (const condition of conditions.filter(({ table }) => table.oid === relation.oid))
      out.push(oneLine(`    # rows: or scope: ${conditionText(condition, world)}`));
    for (const [key, value] of Object.entries(entry)) {
      if (!TABLE_COMMANDS.includes(key as TableCommand)) {
        out.push(...blockOf({ [key]: value }).map((line) => `    ${line}`));
        continue;
      }
      out.push(...commandLines(key as TableCommand, value as Record<string, unknown>, own, dayOf));
    }
    out.push(...reviewLines(own, dayOf));
    byTable.delete(relation.oid);
  }
  const others = [...byTable.values()].flat().filter(({ isLeftOut }) => isLeftOut);
  if (out.length === 0 && others.length === 0) return [];
  return [...(out.length > 0 ? ['tables:', ...out] : []), ...reviewLines(others, dayOf)];
}

function commandLines(
  command: TableCommand,
  { columns, ...rest }: Record<string, unknown>,
  own: readonly LearnedLine[],
  dayOf: RoleFileInput['dayOf'],
): string[] {
  const lineOf = (column: string | undefined): LearnedLine | undefined =>
    own.find(({ need }) => need.kind === command && 'table' in need && need.column === column);
  const whole = evidenceText(lineOf(undefined), dayOf);
  const others = Object.keys(rest).length > 0 ? blockOf(rest).map((line) => `      ${line}`) : [];
  if (!Array.isArray(columns))
    return others.length > 0 ? [`    ${command}:${whole}`, ...others] : [`    ${command}: {}${whole}`];
  if (columns.length === 0) return [`    ${command}:${whole}`, '      columns: []', ...others];
  return [
    `    ${command}:`,
    '      columns:',
    ...columns.map((column: string) => `        - ${keyText(column)}${evidenceText(lineOf(column), dayOf)}`),
    ...others,
  ];
}

function reviewLines(lines: readonly LearnedLine[], dayOf: RoleFileInput['dayOf']): string[] {
  return lines
    .filter(({ isLeftOut }) => isLeftOut)
    .map(({ need, evidence, review }) => {
      const what =
        'table' in need ? `${need.table.schema}.${need.table.name} ${need.kind} ${need.column ?? ''}`.trim() : '';
      return oneLine(`    # review: ${what}, ${review.join(', ')}: ${shownEvidence(evidence, dayOf)}`);
    });
}

function listLines({ learned, dayOf }: RoleFileInput, kind: string, key: string, texts: readonly string[]): string[] {
  if (texts.length === 0) return [];
  return [
    `${key}:`,
    ...texts.map((text) => `  - ${keyText(text)}${evidenceText(learned.lines.get(`${kind} ${text}`), dayOf)}`),
  ];
}

function sequenceLines({ learned, dayOf }: RoleFileInput): string[] {
  const { role, lines } = learned;
  const granted = role.sequences().flatMap(({ name, relation, rights }) => [
    `  ${keyText(name)}:`,
    ...rights.map((right) => {
      const line = lines.get(keyOf({ kind: 'sequence', sequence: relation, right }));
      return `    - ${right}${evidenceText(line, dayOf)}`;
    }),
  ]);
  return granted.length > 0 ? ['sequences:', ...granted] : [];
}

/** Limits on people only warn: how many an enforced role shows is another number. */
function limitLines({ limits }: Learned, before: unknown): string[] {
  const old = (typeof before === 'object' && before !== null ? before : {}) as Record<string, unknown>;
  const { connections, statement_timeout: timeout } = old;
  const others = {
    ...(connections !== undefined && { connections }),
    ...(timeout !== undefined && { statement_timeout: timeout }),
  };
  if (limits.length === 0) return ['limits: none'];
  const out = ['limits:'];
  const people: string[] = [];
  for (const { measure, window, p99, most } of limits) {
    const deny = amountText(measure, roundedUp(most * 1.5));
    const seen = `# 99 %: ${p99}, most: ${most}`;
    if (window === undefined) out.push(`  ${measure}: ${deny} # most: ${most}`);
    else if (measure.startsWith('subjects.'))
      people.push(`    ${measure.slice('subjects.'.length)}: ${roundedUp(Math.max(p99, 1))} ${window} warn ${seen}`);
    else
      out.push(
        `  ${measure}: [${amountText(measure, roundedUp(Math.max(p99, 1)))} ${window} warn, ${deny} ${window}] ${seen}`,
      );
  }
  if (people.length > 0) out.push('  subjects:', ...people);
  if (Object.keys(others).length > 0) out.push(...blockOf(others).map((line) => `  ${line}`));
  return out;
}

function amountText(measure: string, amount: number): string {
  return measure.startsWith('bytes') ? `${Math.max(1, Math.ceil(amount / 1024))} kB` : String(amount);
}

function evidenceText(line: LearnedLine | undefined, dayOf: RoleFileInput['dayOf']): string {
  if (!line || line.evidence.count === 0) return '';
  const review = line.review.length > 0 ? `; review: ${line.review.join(', ')}` : '';
  return oneLine(` # ${shownEvidence(line.evidence, dayOf)}${review}`);
}

function shownEvidence({ count, addresses, first, last }: Occurrences, dayOf: RoleFileInput['dayOf']): string {
  const [from, to] = [dayOf(first), dayOf(last)];
  const from1 = addresses.size === 1 ? '1 address' : `${addresses.size} addresses`;
  return `${count} times, ${from1}, ${from === to ? from : `${from} to ${to}`}`;
}

function blockOf(value: object): string[] {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd().split('\n');
}

/** A scalar as YAML writes it. */
function keyText(text: string): string {
  return stringify(text, { lineWidth: 0 }).trimEnd();
}
