/** The guard of one role under one policy and catalog: text in, judgement out; pure, and remembered. */
import { LRUCache } from 'lru-cache';
import { type Refusal, refusal } from '../core/refusal.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import type { Catalog } from '../sql/catalog/catalog.ts';
import { withoutBulk } from '../sql/parse/bulk-constants.ts';
import { TOO_COMPLEX } from '../sql/parse/parse.ts';
import { ParserFault } from '../sql/parse/parser-module.ts';
import { type Steps, WorkLimit, WorkLimitExceeded } from '../sql/parse/work-limit.ts';
import { ofWhole } from './bulk-judgement.ts';
import { JudgementCache } from './cache/judgement-cache.ts';
import { LiteralDependencies } from './cache/literal-dependencies.ts';
import { type NormalizedText, normalizedTextOf } from './cache/normalized-text.ts';
import { RecentTexts } from './cache/recent-texts.ts';
import { TextPatterns } from './cache/text-patterns.ts';
import type { Judgement, JudgementSteps } from './decision.ts';
import { type Draft, type Stage, stepsOf } from './draft.ts';
import { judgementOf } from './judgement-of.ts';
import { isSearchPath } from './search-path.ts';
import { authorizeStage } from './stages/authorize.ts';
import { classifyStage } from './stages/classify.ts';
import { disclosuresStage } from './stages/disclosures.ts';
import { olderServerStage } from './stages/older-server.ts';
import { openEditsStage, openStage } from './stages/open.ts';
import { openPlansStage } from './stages/open-plans.ts';
import { parseStage } from './stages/parse.ts';
import { planReuseStage } from './stages/plan-reuse.ts';
import { pooledStage } from './stages/pooled.ts';
import { reservedNamesStage, resolveStage } from './stages/resolve.ts';
import { rewriteStage } from './stages/rewrite.ts';
import { tokenStage } from './stages/token.ts';
import { userCodeStage } from './stages/user-code.ts';
import { verifyStage } from './stages/verify.ts';
import { SubjectRelations } from './subjects/subject-relations.ts';
import { unreadable } from './unreadable.ts';
import { userCodeOf } from './user-code.ts';
import { holdsToken, ofToken, withoutToken } from './without-token.ts';

/** The stages for a restricted role, in order. */
const RESTRICTED: readonly Stage[] = [
  parseStage,
  tokenStage,
  olderServerStage,
  classifyStage,
  reservedNamesStage,
  resolveStage,
  authorizeStage,
  disclosuresStage,
  userCodeStage,
  planReuseStage,
  rewriteStage,
  verifyStage,
];

/** For a role with `access: unrestricted`: what is needed to follow and record its statements. */
const UNRESTRICTED: readonly Stage[] = [parseStage, tokenStage, openEditsStage, openStage, openPlansStage];

/** After the stage that tells what kind of statement each is. */
function withPooled(stages: readonly Stage[], behind: Stage): readonly Stage[] {
  return stages.flatMap((stage) => (stage === behind ? [stage, pooledStage] : [stage]));
}

const RESTRICTED_POOLED = withPooled(RESTRICTED, classifyStage);
const UNRESTRICTED_POOLED = withPooled(UNRESTRICTED, openStage);

/** How many judgements a guard remembers, and how many bytes of them together. */
const REMEMBERED = 2_000;
const REMEMBERED_BYTES = 16_000_000;
/** There is a guard for each path that clients set: together they remember no more than a few others. */
const REMEMBERED_BYTES_OF_A_PATH = 1_000_000;

/** Longer texts are judged each time they come: a few of them would push out what everybody else sends. */
const MOST_REMEMBERED_CHARACTERS = 64_000;

export interface GuardOptions {
  readonly catalog: Catalog;
  readonly role: RolePolicy;
  /** Of the session, without pg_catalog. */
  readonly searchPath: readonly string[];
  /** By which the policy was compiled, where that is another one. */
  readonly policyPath?: readonly string[];
  /** The pooler between Rowgate and the server; default: none. */
  readonly pooling?: 'none' | 'session' | 'transaction';
  /** Begins a judgement's time, and gives what tells whether it is over. Default: no judgement takes too long. */
  readonly deadline?: () => () => boolean;
}

/** Collected while judging, to build a reusable judgement. */
interface Learning {
  readonly normalizedText: NormalizedText;
  /** Once the text has parsed. */
  literals?: LiteralDependencies;
}

const NO_PIECES: Draft['pieces'] = new Map();

const NO_DEADLINE = (): (() => boolean) => () => false;

export class Guard {
  private readonly remembered: LRUCache<string, Judgement>;
  private readonly shapes: JudgementCache;
  private readonly patterns = new TextPatterns();
  private readonly texts = new RecentTexts();
  private readonly subjects: readonly SubjectRelations[];

  constructor(private readonly options: GuardOptions) {
    const { role, catalog, searchPath, policyPath = searchPath } = options;
    const maxSize = isSearchPath(searchPath, policyPath) ? REMEMBERED_BYTES : REMEMBERED_BYTES_OF_A_PATH;
    this.remembered = new LRUCache({ max: REMEMBERED, maxSize, sizeCalculation: weightOf });
    this.shapes = new JudgementCache(maxSize / 4);
    this.subjects = (role.subjects ?? []).map((subject) => new SubjectRelations(subject, catalog, role));
  }

  /**
   * Judges the text of a Query or Parse. `parameterTypes`: the OIDs that a Parse declares; 0 for those that it leaves open.
   * Never throws: an exception inside is a refusal.
   */
  judge(sql: string, parameterTypes: readonly number[] = []): Judgement {
    const begun = this.begin(sql, parameterTypes);
    if (!isUnderWay(begun)) return begun;
    let step = begun.next();
    while (!step.done) step = begun.next();
    return step.value;
  }

  /** The same in short steps; returns at once if the text is known. Abandoned steps leave nothing behind. */
  begin(sql: string, parameterTypes: readonly number[] = []): Judgement | JudgementSteps {
    // The types come first, so that no text with a NUL byte can be the key of another text with types.
    const types = `${parameterTypes.join()}\u0000`;
    const key = types + sql;
    const known = this.remembered.get(key);
    if (known) return known;
    const without = withoutToken(sql);
    if (without) return this.judgeWithToken(sql, parameterTypes, types, key, without);
    return this.beginUnknown(sql, parameterTypes, types, key);
  }

  private *judgeWithToken(
    sql: string,
    parameterTypes: readonly number[],
    types: string,
    key: string,
    without: NonNullable<ReturnType<typeof withoutToken>>,
  ): JudgementSteps {
    const judgement = yield* allSteps(this.begin(without.text, parameterTypes));
    return ofToken(judgement, sql, without) ?? (yield* allSteps(this.beginUnknown(sql, parameterTypes, types, key)));
  }

  private beginUnknown(
    sql: string,
    parameterTypes: readonly number[],
    types: string,
    key: string,
  ): Judgement | JudgementSteps {
    const met = this.options.role.mode === 'enforce' ? this.patterns.match(types, sql) : undefined;
    const normalizedText =
      met?.normalizedText ?? (this.options.role.mode === 'enforce' ? normalizedTextOf(sql) : undefined);
    const shape = met?.shape ?? (normalizedText && types + normalizedText.key);
    const shared = shape !== undefined && this.shapes.find(shape, sql, normalizedText!);
    if (shared) {
      if (!met) this.patterns.add(types, sql, { shape, normalizedText: normalizedText! });
      // A text that comes once must not push out those that come again.
      if (key.length <= MOST_REMEMBERED_CHARACTERS && this.texts.comesAgain(sql, normalizedText!))
        this.remembered.set(key, shared);
      return shared;
    }
    return this.judgeUnknown(sql, parameterTypes, key, normalizedText, shape);
  }

  private *judgeUnknown(
    sql: string,
    parameterTypes: readonly number[],
    key: string,
    normalizedText: NormalizedText | undefined,
    shape: string | undefined,
  ): JudgementSteps {
    yield;
    const learning: Learning | undefined =
      shape !== undefined && this.shapes.comesAgain(shape) ? { normalizedText: normalizedText! } : undefined;
    const judgement = yield* this.judgeFirst(sql, parameterTypes, key, learning);
    if (learning?.literals && !holdsToken(judgement))
      this.shapes.learn(shape!, sql, normalizedText!, judgement, learning.literals);
    return judgement;
  }

  private *judgeFirst(
    sql: string,
    parameterTypes: readonly number[],
    key: string,
    learning: Learning | undefined,
  ): JudgementSteps {
    const bulk = yield* withoutBulk(sql, parameterTypes);
    yield;
    const brief = bulk && ofWhole(yield* this.judgeAnew(bulk.text, parameterTypes), sql, bulk);
    const judgement = brief ?? (yield* this.judgeAnew(sql, parameterTypes, learning));
    // A judgement that was given up may only have met a busy moment; one that met a parser fault will find a new parser.
    const { refusal: refused, would, fault } = judgement;
    const lasts = ![refused?.reason, would?.refusal?.reason].includes('too-complex') && !(fault instanceof ParserFault);
    if (lasts && key.length <= MOST_REMEMBERED_CHARACTERS && !holdsToken(judgement))
      this.remembered.set(key, judgement);
    return judgement;
  }

  private *judgeAnew(sql: string, parameterTypes: readonly number[], learning?: Learning): JudgementSteps {
    const { mode, access } = this.options.role;
    const pooled = this.options.pooling === 'transaction';
    const unrestricted = pooled ? UNRESTRICTED_POOLED : UNRESTRICTED;
    const restricted = pooled ? RESTRICTED_POOLED : RESTRICTED;
    const stages = access === 'unrestricted' ? unrestricted : restricted;
    const judged = yield* this.judgedBy(stages, sql, parameterTypes, learning);
    if (mode === 'enforce') return judged;
    return observed(judged, yield* this.judgedBy(unrestricted, sql, parameterTypes));
  }

  private *judgedBy(
    stages: readonly Stage[],
    sql: string,
    parameterTypes: readonly number[],
    learning?: Learning,
  ): JudgementSteps {
    const workLimit = new WorkLimit(this.deadline());
    try {
      const draft = yield* this.drafted(stages, sql, parameterTypes, workLimit, learning);
      return yield* this.resumed(judgementOf(draft), workLimit);
    } catch (error) {
      if (!(error instanceof WorkLimitExceeded)) throw error;
      const refused = tooComplex();
      const statements = [unreadable(refused)];
      return { effect: 'refuse', refusal: refused, statements, template: [sql], parameters: 0, edits: [] };
    }
  }

  /** Each of the steps has a time of its own. */
  private *resumed<T>(steps: Steps<T>, workLimit: WorkLimit): Steps<T> {
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      yield;
      workLimit.resume(this.deadline());
    }
  }

  private deadline(): () => boolean {
    return (this.options.deadline ?? NO_DEADLINE)();
  }

  private *drafted(
    stages: readonly Stage[],
    sql: string,
    parameterTypes: readonly number[],
    workLimit: WorkLimit,
    learning?: Learning,
  ): Steps<Draft> {
    const { role, catalog, searchPath, policyPath = searchPath } = this.options;
    const draft: Draft = {
      text: sql,
      role,
      catalog,
      searchPath,
      policyPath,
      parameterTypes,
      subjects: this.subjects,
      userCode: { runsIn: (analysis, of) => userCodeOf(catalog).runsIn(analysis, of) },
      workLimit,
      parsed: undefined,
      statements: [],
      refusal: undefined,
      edits: [],
      pieces: NO_PIECES,
    };
    try {
      for (const stage of stages) {
        // Whether our own output parses to the intended tree, literals included, depends on no literal.
        if (stage === verifyStage && learning?.literals)
          learning.literals.unwatched(() => Array.from(stepsOf(stage, draft)));
        else yield* this.resumed(stepsOf(stage, draft), workLimit);
        if (stage === parseStage && learning && draft.parsed)
          learning.literals = new LiteralDependencies(draft.parsed, learning.normalizedText);
        if (draft.refusal || draft.statements.some((s) => s.refusal)) break;
        yield;
        workLimit.resume(this.deadline());
      }
    } catch (error) {
      if (error instanceof WorkLimitExceeded) throw error;
      // INVARIANT 4: what the guard cannot get through does not run.
      const nested = error instanceof RangeError; // the stack's end, whichever walk came to it first
      draft.refusal = nested
        ? refusal('too-large', '54001', 'statement is nested too deeply', { hint: 'Split the statement.' })
        : refusal('internal', 'XX000', 'the statement could not be judged', {
            hint: 'Write it in another way, and report it with its decision.',
          });
      if (!nested) draft.fault = error;
    }
    return draft;
  }
}

/** Whether `begin` returned steps instead of a judgement. */
export function isUnderWay(begun: Judgement | JudgementSteps): begun is JudgementSteps {
  return !('effect' in begun);
}

function* allSteps(begun: Judgement | JudgementSteps): JudgementSteps {
  return isUnderWay(begun) ? yield* begun : begun;
}

/** Observe mode: everything is sent unchanged, and the record says what would have been done. @param open the judgement of an unrestricted role. */
function observed(judged: Judgement, open: Judgement): Judgement {
  if (judged.refusal?.reason === 'too-large') return judged;
  // INVARIANT 5: what runs must be followed. What does not parse the server refuses itself; anything else that cannot be read does not run.
  if (open.refusal && open.refusal.reason !== 'syntax') return open;
  // What is sent is the client's own, parameters included.
  const { parameterTypes: _types, ...rest } = judged;
  return {
    ...rest,
    effect: 'allow',
    statements: judged.statements.map((s, i) => {
      // Of a refused statement classification may have told no more than that.
      const { kind, command, plans, reusable, literals } = open.statements[i] ?? s;
      // What is judged late belongs to the text that is not sent, and so does what is prepared of it.
      const { check: _c, patterns: _p, patternParts: _pp, plans: _pl, reusable: _r, literals: _l, ...seen } = s;
      const own = { effect: 'allow' as const, kind, command: s.command || command };
      return { ...seen, ...own, ...(plans && { plans }), ...(reusable && { reusable }), ...(literals && { literals }) };
    }),
    template: open.template,
    // Those of tokens, which end here in every mode.
    edits: open.edits,
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
