/** The guard of one role under one policy and catalog: text in, judgement out; pure, and remembered. */
import { LRUCache } from 'lru-cache';
import { type Refusal, refusal } from '../errors.ts';
import type { RolePolicy } from '../policy/policy.ts';
import type { Catalog } from '../sql/catalog.ts';
import { applyEdits } from '../sql/edits.ts';
import { fingerprint, normalize } from '../sql/normalize.ts';
import type { Judgement, StatementJudgement, StatementKind } from './decision.ts';
import type { Draft, DraftStatement, Stage } from './draft.ts';
import { authorizeStage } from './stages/authorize.ts';
import { classifyStage } from './stages/classify.ts';
import { openStage } from './stages/open.ts';
import { parseStage } from './stages/parse.ts';
import { pooledStage } from './stages/pooled.ts';
import { resolveStage } from './stages/resolve.ts';
import { rewriteStage } from './stages/rewrite.ts';
import { verifyStage } from './stages/verify.ts';
import { unreadable } from './unreadable.ts';

/** The stages for a restricted role, in order. */
const RESTRICTED: readonly Stage[] = [
  parseStage,
  classifyStage,
  resolveStage,
  authorizeStage,
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

/** How many statement texts a guard remembers, and how many characters of them together. */
const REMEMBERED = 2_000;
const REMEMBERED_CHARACTERS = 8_000_000;

export interface GuardOptions {
  readonly catalog: Catalog;
  readonly role: RolePolicy;
  /** Without pg_catalog. */
  readonly searchPath: readonly string[];
  /** What stands between Rowgate and the server; default: nothing. */
  readonly pooling?: 'none' | 'session' | 'transaction';
}

export class Guard {
  private readonly remembered = new LRUCache<string, Judgement>({
    max: REMEMBERED,
    maxSize: REMEMBERED_CHARACTERS,
    sizeCalculation: (_judgement, key) => key.length * 2 + 1,
  });

  constructor(private readonly options: GuardOptions) {}

  /**
   * Judges the text of a Query or Parse. `parameterTypes`: the OIDs that a Parse declares; 0 for those that it leaves open.
   * Never throws: an exception inside is a refusal.
   */
  judge(sql: string, parameterTypes: readonly number[] = []): Judgement {
    // INVARIANT: the types come first, so that no text with a NUL byte can be the key of another text with types.
    const key = `${parameterTypes.join()}\u0000${sql}`;
    const known = this.remembered.get(key);
    if (known) return known;
    const judgement = this.judgeAnew(sql, parameterTypes);
    this.remembered.set(key, judgement);
    return judgement;
  }

  private judgeAnew(sql: string, parameterTypes: readonly number[]): Judgement {
    const { mode, access } = this.options.role;
    const pooled = this.options.pooling === 'transaction';
    const unrestricted = pooled ? UNRESTRICTED_POOLED : UNRESTRICTED;
    const restricted = pooled ? RESTRICTED_POOLED : RESTRICTED;
    const stages = access === 'unrestricted' ? unrestricted : restricted;
    const judged = judgementOf(this.drafted(stages, sql, parameterTypes));
    if (mode === 'enforce') return judged;
    return observed(judged, judgementOf(this.drafted(unrestricted, sql, parameterTypes)));
  }

  private drafted(stages: readonly Stage[], sql: string, parameterTypes: readonly number[]): Draft {
    const { role, catalog, searchPath } = this.options;
    const draft: Draft = {
      text: sql,
      role,
      catalog,
      searchPath,
      parameterTypes,
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
    parameters: Math.max(0, ...draft.statements.map((s) => s.analysis?.parameters ?? 0)),
    edits: refused ? [] : draft.edits,
    ...(draft.fault !== undefined && { fault: draft.fault }),
  };
}

/**
 * Observe mode: everything goes through as it came; what would have been done stands beside it.
 * @param open the judgement of a role that may do everything.
 */
function observed(judged: Judgement, open: Judgement): Judgement {
  if (judged.refusal?.reason === 'too-large') return judged;
  // INVARIANT: what runs must be followed. What does not parse the server refuses itself; anything else that cannot be read does not run.
  if (open.refusal && open.refusal.reason !== 'syntax') return open;
  return {
    ...judged,
    effect: 'allow',
    statements: judged.statements.map((s, i) => {
      // Of a refused statement classification may have told no more than that.
      const { kind, command } = open.statements[i] ?? s;
      // What is judged late belongs to the text that is not sent.
      const { check: _check, patterns: _patterns, ...seen } = s;
      return { ...seen, effect: 'allow' as const, kind, command: s.command || command };
    }),
    template: open.template,
    edits: [],
    would: { effect: judged.effect, ...(judged.refusal && { refusal: judged.refusal }) },
  };
}

function statementOf(draft: Draft, statement: DraftStatement, whole: Refusal | undefined): StatementJudgement {
  const text = draft.text.slice(statement.start, statement.end);
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
    ...(refused && { refusal: refused }),
    ...(rule !== undefined && { rule }),
  };
}

/** Patterns that get their values later, where rows may be hidden beside them. */
function patternsOf({ analysis }: DraftStatement): Pick<StatementJudgement, 'patterns'> {
  const { patterns, levels } = analysis?.marks ?? { patterns: new Set<number>(), levels: [] };
  const guarded = levels.some((level) => level.entries.some((entry) => entry.guard));
  return patterns.size > 0 && guarded ? { patterns: [...patterns].sort((a, b) => a - b) } : {};
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
    ...(statement.rule !== undefined && { rule: statement.rule }),
  };
  return { ...kind, inner };
}
