/** What the stages have found, as plain data: the end of each judgement. */
import type { Refusal } from '../core/refusal.ts';
import { type Analysis, toldTypes } from '../sql/analyze/analyze.ts';
import { applyEdits } from '../sql/text/edits.ts';
import { fingerprint, normalize } from '../sql/text/normalize.ts';
import type { Judgement, JudgementSteps, StatementJudgement, StatementKind } from './decision.ts';
import { type Draft, type DraftStatement, eachStatement } from './draft.ts';
import { regKind } from './metadata/reg-types.ts';
import { unreadable } from './unreadable.ts';

/** The judgement that a draft comes to. */
export function* judgementOf(draft: Draft): JudgementSteps {
  const refused = draft.refusal ?? draft.statements.find((s) => s.refusal)?.refusal;
  const statements: StatementJudgement[] = [];
  yield* eachStatement(draft, (statement) => statements.push(statementOf(draft, statement, draft.refusal)));
  if (draft.statements.length === 0 && draft.refusal) statements.push(unreadable(draft.refusal));
  const rewritten = draft.edits.length > 0;
  return {
    effect: refused ? 'refuse' : rewritten ? 'rewrite' : 'allow',
    ...(refused && { refusal: refused }),
    statements,
    template: refused || !rewritten ? [draft.text] : applyEdits(draft.text, draft.edits),
    // Those of a PREPARE are its own.
    parameters: Math.max(0, ...draft.statements.map(parametersOf)),
    ...parameterTypesOf(draft),
    ...(looksUpNames(draft) && { looksUpNames: true }),
    edits: refused ? [] : draft.edits,
    ...(draft.fault !== undefined && { fault: draft.fault }),
  };
}

/** How many parameters of the message it uses. */
function parametersOf({ kind, analysis, token, parameters }: DraftStatement): number {
  if (typeof token?.to === 'object' && 'parameter' in token.to) return token.to.parameter;
  return kind.kind === 'prepare' ? 0 : (analysis?.parameters ?? parameters);
}

/** Whether an untyped literal got a type whose text is looked up, such as regclass. */
function looksUpNames({ statements, catalog }: Draft): boolean {
  return statements.some(({ analysis }) =>
    [...(analysis?.marks.literals.values() ?? [])].some((type) => regKind(catalog, type).kind !== 'no'),
  );
}

/** A fingerprint and the shape of a statement, in steps. */
const STEPS_OF_SHAPE = 200;

function statementOf(draft: Draft, statement: DraftStatement, whole: Refusal | undefined): StatementJudgement {
  const text = draft.text.slice(statement.start, statement.end);
  draft.workLimit.spend(STEPS_OF_SHAPE);
  const refused = statement.refusal ?? whole;
  const rule = refused?.rule ?? statement.rule;
  return {
    effect: refused ? 'refuse' : statement.rewritten ? 'rewrite' : 'allow',
    kind: filled(statement.kind, statement),
    command: statement.command,
    fingerprint: fingerprint(text),
    normalized: normalize(text),
    tables: [...statement.tables].sort(),
    columns: [...statement.columns].sort(),
    extent: { start: statement.start, end: statement.end },
    // Of PREPARE the statement inside has it.
    ...(!refused && statement.check && statement.kind.kind !== 'prepare' && { check: statement.check }),
    ...(!refused && statement.kind.kind !== 'prepare' && patternsOf(statement)),
    ...(!refused && statement.disclosures && { disclosures: statement.disclosures }),
    ...(statement.about && { about: statement.about }),
    ...(!refused && statement.runsUserCode && { runsUserCode: true }),
    ...(!refused && statement.leavesNothing && { leavesNothing: true }),
    ...(!refused && statement.plans && { plans: statement.plans }),
    ...(!refused && statement.reusable && { reusable: true }),
    ...(!refused && statement.literals.length > 0 && { literals: statement.literals }),
    ...(refused && { refusal: refused }),
    ...(refused && statement.analysis && { access: accessOf(statement.analysis) }),
    ...(rule !== undefined && { rule }),
  };
}

function accessOf({ uses }: Analysis): NonNullable<StatementJudgement['access']> {
  const columns = { select: new Set<string>(), insert: new Set<string>(), update: new Set<string>() };
  for (const use of uses) {
    if (use.kind !== 'column' && use.kind !== 'written') continue;
    const { schema, name } = use.relation;
    // Reading a column is enough to name it with DEFAULT.
    columns[use.kind === 'column' || use.defaulted ? 'select' : use.action].add(`${schema}.${name}.${use.column}`);
  }
  return { select: [...columns.select].sort(), insert: [...columns.insert].sort(), update: [...columns.update].sort() };
}

/** Those of the message itself: a PREPARE declares its own. */
function parameterTypesOf({ statements: [first, ...others] }: Draft): Pick<Judgement, 'parameterTypes'> {
  if (!first?.analysis || others.length > 0 || first.kind.kind === 'prepare') return {};
  const parameterTypes = toldTypes(first.analysis).map((type, at) => first.readAs.get(at + 1) ?? type);
  return parameterTypes.length > 0 ? { parameterTypes } : {};
}

/** Patterns that get their values later, if rows may be hidden from their query. */
function patternsOf({ analysis }: DraftStatement): Pick<StatementJudgement, 'patterns' | 'patternParts'> {
  if (!analysis) return {};
  const { patterns, patternParts, levels } = analysis.marks;
  if (!levels.some((level) => level.entries.some((entry) => entry.guard))) return {};
  const sorted = (numbers: ReadonlySet<number>): number[] => [...numbers].sort((a, b) => a - b);
  return {
    ...(patterns.size > 0 && { patterns: sorted(patterns) }),
    ...(patternParts.size > 0 && { patternParts: sorted(patternParts) }),
  };
}

/** What PREPARE and DECLARE carry has the tables and the effect of the whole. */
function filled(kind: StatementKind, statement: DraftStatement): StatementKind {
  if (kind.kind !== 'prepare' && kind.kind !== 'declare') return kind;
  const inner: StatementJudgement = {
    ...kind.inner,
    effect: statement.rewritten ? 'rewrite' : 'allow',
    tables: [...statement.tables].sort(),
    columns: [...statement.columns].sort(),
    ...(statement.check && { check: statement.check }),
    ...(kind.kind === 'prepare' && patternsOf(statement)),
    ...(statement.disclosures && { disclosures: statement.disclosures }),
    ...(statement.runsUserCode && { runsUserCode: true }),
    ...(statement.leavesNothing && { leavesNothing: true }),
    ...(statement.plans && { plans: statement.plans }),
    ...(statement.rule !== undefined && { rule: statement.rule }),
  };
  return { ...kind, inner };
}
