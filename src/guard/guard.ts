/** The guard of one role under one policy and catalog: text in, judgement out; pure, and remembered. */
import { LRUCache } from 'lru-cache';
import { type Refusal, refusal } from '../errors.ts';
import type { RolePolicy } from '../policy/policy.ts';
import { toldTypes } from '../sql/analyze/analyze.ts';
import { withoutBulk } from '../sql/bulk.ts';
import type { Catalog } from '../sql/catalog.ts';
import { applyEdits } from '../sql/edits.ts';
import { fingerprint, normalize } from '../sql/normalize.ts';
import { TOO_COMPLEX } from '../sql/parse.ts';
import { ParserFault } from '../sql/parser-module.ts';
import { OutOfPatience, Patience } from '../sql/patience.ts';
import { ofWhole } from './bulk-judgement.ts';
import type { Judgement, StatementJudgement, StatementKind } from './decision.ts';
import type { Draft, DraftStatement, Stage } from './draft.ts';
import { regKind } from './metadata/reg-types.ts';
import { Holders } from './people/holders.ts';
import { authorizeStage } from './stages/authorize.ts';
import { classifyStage } from './stages/classify.ts';
import { olderServerStage } from './stages/older-server.ts';
import { openStage } from './stages/open.ts';
import { parseStage } from './stages/parse.ts';
import { peopleStage } from './stages/people.ts';
import { pooledStage } from './stages/pooled.ts';
import { resolveStage } from './stages/resolve.ts';
import { rewriteStage } from './stages/rewrite.ts';
import { verifyStage } from './stages/verify.ts';
import { unreadable } from './unreadable.ts';

/** The stages for a restricted role, in order. */
const RESTRICTED: readonly Stage[] = [
  parseStage,
  olderServerStage,
  classifyStage,
  resolveStage,
  authorizeStage,
  peopleStage,
  rewriteStage,
  verifyStage,
];

/** For a role with `access: unrestricted`: what is needed to follow and record its statements. */
const UNRESTRICTED: readonly Stage[] = [parseStage, openStage];

/** Behind the stage that tells what kind of statement each is. */
function withPooled(stages: readonly Stage[], behind: Stage): readonly Stage[] {
  return stages.flatMap((stage) => (stage === behind ? [stage, pooledStage] : [stage]));
}

const RESTRICTED_POOLED = withPooled(RESTRICTED, classifyStage);
const UNRESTRICTED_POOLED = withPooled(UNRESTRICTED, openStage);

/** How many judgements a guard remembers, and how many bytes of them together. */
const REMEMBERED = 2_000;
const REMEMBERED_BYTES = 16_000_000;

/** Longer texts are judged each time they come: a few of them would push out what everybody else sends. */
const MOST_REMEMBERED_CHARACTERS = 64_000;

export interface GuardOptions {
  readonly catalog: Catalog;
  readonly role: RolePolicy;
  /** Without pg_catalog. */
  readonly searchPath: readonly string[];
  /** What stands between Rowgate and the server; default: nothing. */
  readonly pooling?: 'none' | 'session' | 'transaction';
  /** Begins a judgement's time, and gives what tells whether it is over. Default: no judgement takes too long. */
  readonly deadline?: () => () => boolean;
}

const NO_DEADLINE = (): (() => boolean) => () => false;

export class Guard {
  private readonly remembered = new LRUCache<string, Judgement>({
    max: REMEMBERED,
    maxSize: REMEMBERED_BYTES,
    sizeCalculation: weightOf,
  });

  private readonly holders: readonly Holders[];

  constructor(private readonly options: GuardOptions) {
    const { role, catalog } = options;
    this.holders = (role.subjects ?? []).map((subject) => new Holders(subject, catalog, role));
  }

  /**
   * Judges the text of a Query or Parse. `parameterTypes`: the OIDs that a Parse declares; 0 for those that it leaves open.
   * Never throws: an exception inside is a refusal.
   */
  judge(sql: string, parameterTypes: readonly number[] = []): Judgement {
    // INVARIANT: the types come first, so that no text with a NUL byte can be the key of another text with types.
    const key = `${parameterTypes.join()}\u0000${sql}`;
    const known = this.remembered.get(key);
    if (known) return known;
    const bulk = withoutBulk(sql, parameterTypes);
    const brief = bulk && ofWhole(this.judgeAnew(bulk.text, parameterTypes), sql, bulk);
    const judgement = brief ?? this.judgeAnew(sql, parameterTypes);
    // What was given up may have met a busy moment; what met a fault of the parser will find another one.
    const { refusal: refused, would, fault } = judgement;
    const lasts = ![refused?.reason, would?.refusal?.reason].includes('too-complex') && !(fault instanceof ParserFault);
    if (lasts && key.length <= MOST_REMEMBERED_CHARACTERS) this.remembered.set(key, judgement);
    return judgement;
  }

  private judgeAnew(sql: string, parameterTypes: readonly number[]): Judgement {
    const { mode, access } = this.options.role;
    const pooled = this.options.pooling === 'transaction';
    const unrestricted = pooled ? UNRESTRICTED_POOLED : UNRESTRICTED;
    const restricted = pooled ? RESTRICTED_POOLED : RESTRICTED;
    const stages = access === 'unrestricted' ? unrestricted : restricted;
    const judged = this.judgedBy(stages, sql, parameterTypes);
    if (mode === 'enforce') return judged;
    return observed(judged, this.judgedBy(unrestricted, sql, parameterTypes));
  }

  private judgedBy(stages: readonly Stage[], sql: string, parameterTypes: readonly number[]): Judgement {
    const patience = new Patience((this.options.deadline ?? NO_DEADLINE)());
    try {
      return judgementOf(this.drafted(stages, sql, parameterTypes, patience));
    } catch (error) {
      if (!(error instanceof OutOfPatience)) throw error;
      const refused = tooComplex();
      const statements = [unreadable(refused)];
      return { effect: 'refuse', refusal: refused, statements, template: [sql], parameters: 0, edits: [] };
    }
  }

  private drafted(stages: readonly Stage[], sql: string, parameterTypes: readonly number[], patience: Patience): Draft {
    const { role, catalog, searchPath } = this.options;
    const draft: Draft = {
      text: sql,
      role,
      catalog,
      searchPath,
      parameterTypes,
      holders: this.holders,
      patience,
      parsed: undefined,
      statements: [],
      refusal: undefined,
      edits: [],
    };
    try {
      for (const stage of stages) {
        stage.run(draft);
        if (draft.refusal || draft.statements.some((s) => s.refusal)) break;
      }
    } catch (error) {
      if (error instanceof OutOfPatience) throw error;
      // INVARIANT: what the guard cannot get through does not run.
      const nested = error instanceof RangeError; // the stack's end, whichever walk came to it first
      draft.refusal = nested
        ? refusal('too-large', '54001', 'statement is nested too deeply')
        : refusal('internal', 'XX000', 'the statement could not be judged');
      if (!nested) draft.fault = error;
    }
    return draft;
  }
}

function judgementOf(draft: Draft): Judgement {
  const refused = draft.refusal ?? draft.statements.find((s) => s.refusal)?.refusal;
  const statements = draft.statements.map((s) => statementOf(draft, s, draft.refusal));
  if (draft.statements.length === 0 && draft.refusal) statements.push(unreadable(draft.refusal));
  const rewritten = draft.edits.length > 0;
  return {
    effect: refused ? 'refuse' : rewritten ? 'rewrite' : 'allow',
    ...(refused && { refusal: refused }),
    statements,
    template: refused || !rewritten ? [draft.text] : applyEdits(draft.text, draft.edits),
    // Those of a PREPARE are its own.
    parameters: Math.max(
      0,
      ...draft.statements.map((s) => (s.kind.kind === 'prepare' ? 0 : (s.analysis?.parameters ?? 0))),
    ),
    ...parameterTypesOf(draft),
    ...(looksUpNames(draft) && { looksUpNames: true }),
    edits: refused ? [] : draft.edits,
    ...(draft.fault !== undefined && { fault: draft.fault }),
  };
}

/** Whether an untyped literal took a type whose text is looked up, as regclass. */
function looksUpNames({ statements, catalog }: Draft): boolean {
  return statements.some(({ analysis }) =>
    [...(analysis?.marks.literals.values() ?? [])].some((type) => regKind(catalog, type).kind !== 'no'),
  );
}

/**
 * Observe mode: everything goes through as it came; what would have been done stands beside it.
 * @param open the judgement of a role that may do everything.
 */
function observed(judged: Judgement, open: Judgement): Judgement {
  if (judged.refusal?.reason === 'too-large') return judged;
  // INVARIANT: what runs must be followed. What does not parse the server refuses itself; anything else that cannot be read does not run.
  if (open.refusal && open.refusal.reason !== 'syntax') return open;
  // What is sent is the client's own, parameters included.
  const { parameterTypes: _types, ...rest } = judged;
  return {
    ...rest,
    effect: 'allow',
    statements: judged.statements.map((s, i) => {
      // Of a refused statement classification may have told no more than that.
      const { kind, command } = open.statements[i] ?? s;
      // What is judged late belongs to the text that is not sent.
      const { check: _check, patterns: _patterns, patternParts: _parts, ...seen } = s;
      return { ...seen, effect: 'allow' as const, kind, command: s.command || command };
    }),
    template: open.template,
    edits: [],
    would: { effect: judged.effect, ...(judged.refusal && { refusal: judged.refusal }) },
  };
}

function tooComplex(): Refusal {
  return refusal('too-complex', '54001', TOO_COMPLEX, {
    hint: 'Send values as parameters or as plain constants, or split the statement.',
  });
}

/** Bytes that a judgement holds, about. */
function weightOf({ template, statements }: Judgement, key: string): number {
  let characters = key.length;
  for (const piece of template) characters += typeof piece === 'string' ? piece.length : 50;
  for (const statement of statements) {
    characters += statement.normalized.length + 200;
    for (const name of [...statement.tables, ...statement.columns]) characters += name.length + 10;
  }
  return characters * 2;
}

/** A fingerprint and the shape of a statement, in steps. */
const STEPS_OF_SHAPE = 200;

function statementOf(draft: Draft, statement: DraftStatement, whole: Refusal | undefined): StatementJudgement {
  const text = draft.text.slice(statement.start, statement.end);
  draft.patience.spend(STEPS_OF_SHAPE);
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
    ...(!refused && statement.people && { people: statement.people }),
    ...(refused && { refusal: refused }),
    ...(rule !== undefined && { rule }),
  };
}

/** Those of the message itself: a PREPARE declares its own. */
function parameterTypesOf({ statements: [first, ...others] }: Draft): Pick<Judgement, 'parameterTypes'> {
  if (!first?.analysis || others.length > 0 || first.kind.kind === 'prepare') return {};
  const parameterTypes = toldTypes(first.analysis);
  return parameterTypes.length > 0 ? { parameterTypes } : {};
}

/** Patterns that get their values later, where rows may be hidden beside them. */
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
    ...(statement.people && { people: statement.people }),
    ...(statement.rule !== undefined && { rule: statement.rule }),
  };
  return { ...kind, inner };
}
