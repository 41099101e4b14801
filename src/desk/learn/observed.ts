/** What observe mode would have refused and narrowed, and the lines that allow it, best first. */

import { yamlName } from '../../policy/compile/undeclared-keys.ts';
import type { RelationGrant } from '../../policy/model/policy.ts';
import { relationText } from '../init/names.ts';
import { compiled, grow, guardOf, judged, type World } from './grow.ts';
import { GrownRole } from './grown-role.ts';
import type { Need } from './needs.ts';
import { Occurrences, type SeenStatement } from './seen.ts';

/** What statements were refused for: one reason, and one thing that they asked for. */
export interface ObservedReason {
  readonly reason: string;
  /** `students.ine`, `function public.f(integer)`; or the message, where no grant changes it. */
  readonly what: string;
  readonly evidence: Occurrences;
  readonly sample: string;
}

export interface AllowingLine {
  /** To be merged into the role's file. */
  readonly yaml: string;
  /** Statements that need it, and how often they came. */
  readonly statements: number;
  readonly sent: number;
  /** How many pass with this line and those before it. */
  readonly passing: number;
}

export interface ObservedReport {
  readonly role: string;
  readonly all: { readonly statements: number; readonly sent: number };
  readonly refused: { readonly statements: number; readonly sent: number };
  readonly reasons: readonly ObservedReason[];
  readonly lines: readonly AllowingLine[];
  /** Refused statements that pass with all lines. */
  readonly allowed: number;
  /** What gets a filter or a mask. */
  readonly narrowed: readonly { readonly tables: string; readonly evidence: Occurrences; readonly sample: string }[];
}

/** `world.text`: the role's file as it is. */
export function observedReport(
  statements: readonly SeenStatement[],
  world: World & { readonly text: string },
): ObservedReport {
  const seen = statements.filter(({ evidence, would }) => would !== undefined && evidence.count > 0);
  const refused = seen.filter(({ reason }) => reason !== undefined);
  const role = new GrownRole(world.text, world, true);
  const grown = grow(role, refused, world);
  const reasons = new Map<string, { reason: string; what: string; evidence: Occurrences; sample: string }>();
  const users = new Map<string, SeenStatement[]>();
  for (const { statement, needs, refused: still } of grown.statements) {
    for (const key of needs) users.set(key, [...(users.get(key) ?? []), statement]);
    const asked = [...needs].flatMap((key) => role.all.get(key) ?? []);
    const whats = asked.length > 0 ? asked.map((need) => whatOf(need, world)) : [still?.message ?? ''];
    for (const what of whats) {
      const key = `${statement.reason}\0${what}`;
      const found = reasons.get(key) ?? {
        reason: statement.reason ?? '',
        what,
        evidence: new Occurrences(),
        sample: statement.text ?? '',
      };
      reasons.set(key, found);
      found.evidence.add(statement.evidence);
    }
  }
  const passing = grown.statements.filter(({ refused: still }) => !still);
  return {
    role: world.role,
    all: sumOf(seen),
    refused: sumOf(refused),
    reasons: [...reasons.values()].sort((a, b) => b.evidence.count - a.evidence.count),
    lines: linesOf(role, users, passing, world),
    allowed: passing.length,
    narrowed: narrowedOf(
      seen.filter(({ reason }) => reason === undefined),
      world,
    ),
  };
}

function sumOf(statements: readonly SeenStatement[]): { statements: number; sent: number } {
  return { statements: statements.length, sent: statements.reduce((sum, { evidence }) => sum + evidence.count, 0) };
}

/** The line that completes the most statements comes first; if no line completes any, the one that most statements need. */
function linesOf(
  role: GrownRole,
  users: ReadonlyMap<string, readonly SeenStatement[]>,
  passing: readonly { readonly statement: SeenStatement; readonly needs: ReadonlySet<string> }[],
  world: World,
): AllowingLine[] {
  const left = new Map(
    passing.map(({ statement, needs }) => [statement, new Set([...needs].filter((key) => role.all.has(key)))]),
  );
  const lines = new Map(role.all);
  const out: AllowingLine[] = [];
  while (lines.size > 0) {
    let best: string | undefined;
    let most = [-1, -1];
    for (const key of lines.keys()) {
      let [completes, needed] = [0, 0];
      for (const statement of users.get(key) ?? []) {
        needed += statement.evidence.count;
        const needs = left.get(statement);
        if (needs?.size === 1 && needs.has(key)) completes += statement.evidence.count;
      }
      if (completes > most[0]! || (completes === most[0] && needed > most[1]!)) {
        best = key;
        most = [completes, needed];
      }
    }
    const key = best!;
    const need = lines.get(key)!;
    lines.delete(key);
    for (const needs of left.values()) needs.delete(key);
    const done = [...left.values()].filter((needs) => needs.size === 0).length;
    out.push({ yaml: yamlOf(need, world), ...sumOf(users.get(key) ?? []), passing: done });
  }
  return out;
}

function narrowedOf(
  statements: readonly SeenStatement[],
  world: World & { readonly text: string },
): ObservedReport['narrowed'] {
  const policy = compiled(new GrownRole(world.text, world, true), world);
  const guard = policy && guardOf(policy, world);
  const found = new Map<string, { tables: string; evidence: Occurrences; sample: string }>();
  for (const statement of statements) {
    if (!guard || statement.text === undefined) continue;
    const judgement = judged(guard, statement);
    if (judgement.effect !== 'rewrite') continue;
    const held = judgement.statements
      .flatMap(({ tables }) => tables)
      .filter((name) =>
        [...policy.relations.values()].some(
          (grant) => `${grant.relation.schema}.${grant.relation.name}` === name && isHeld(grant),
        ),
      );
    const tables = [...new Set(held)].sort().join(', ');
    if (tables === '') continue;
    const known = found.get(tables) ?? { tables, evidence: new Occurrences(), sample: statement.text };
    found.set(tables, known);
    known.evidence.add(statement.evidence);
  }
  return [...found.values()].sort((a, b) => b.evidence.count - a.evidence.count);
}

/** Its rows are filtered, or a column is seen behind a mask. */
function isHeld({ select, update, delete: remove }: RelationGrant): boolean {
  const conditions = [select, update, remove].some((grant) => (grant?.conditions.length ?? 0) > 0);
  return conditions || [...(select?.columns.values() ?? [])].some(({ mask }) => mask !== undefined);
}

function whatOf(need: Need, world: World): string {
  switch (need.kind) {
    case 'function':
      return `function ${need.text}`;
    case 'sequence':
      return `${need.right} on sequence ${relationText(need.sequence, world)}`;
    case 'statement':
      return need.word;
    case 'collect':
      return 'values of several rows in one';
    default: {
      const name = relationText(need.table, world);
      return `${need.kind} ${need.column === undefined ? name : `${name}.${need.column}`}`;
    }
  }
}

function yamlOf(need: Need, world: World): string {
  switch (need.kind) {
    case 'function':
      return `functions: [${JSON.stringify(need.text)}]`;
    case 'sequence':
      return `sequences: { ${yamlName(relationText(need.sequence, world))}: [${need.right}] }`;
    case 'statement':
      return `statements: [${need.word}]`;
    case 'collect':
      return 'collect: allow';
    default: {
      const name = relationText(need.table, world);
      const inner =
        need.kind === 'delete' ? '{}' : `{ columns: [${need.column === undefined ? '' : yamlName(need.column)}] }`;
      return `tables: { ${yamlName(name)}: { ${need.kind}: ${inner} } }`;
    }
  }
}
