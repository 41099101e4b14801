/** The least role that allows its observed statements. Statements that look like theft are left out and listed; doubtful ones are marked for review. */
import type { ColumnRef, Policy } from '../../policy/model/policy.ts';
import { relationText } from '../init/names.ts';
import { type Proposed, proposedConditions } from './conditions.ts';
import { alsoNeeding, type Grown, grow, type World } from './grow.ts';
import { GrownRole } from './grown-role.ts';
import { keyOf, type Need } from './needs.ts';
import { Occurrences, type SeenStatement, type Shares } from './seen.ts';
import type { LearnedLimit, TakenAmounts } from './taken.ts';

/** A line of the role's file. */
export interface LearnedLine {
  readonly need: Need;
  readonly evidence: Occurrences;
  /** What a person should review. It is granted anyway, unless `isLeftOut`. */
  readonly review: readonly string[];
  readonly isLeftOut: boolean;
}

/** A statement that the role is not granted. */
export interface LeftOut {
  readonly statement: SeenStatement;
  readonly count: number;
  readonly why: string;
}

export interface Learned {
  readonly role: GrownRole;
  /** By the key of the need, also those that were left out. */
  readonly lines: ReadonlyMap<string, LearnedLine>;
  readonly limits: readonly LearnedLimit[];
  readonly conditions: readonly Proposed[];
  readonly leftOut: readonly LeftOut[];
  /** Distinct statements that the role allows, and how often they came. */
  readonly allowed: { readonly statements: number; readonly sent: number };
  readonly evidence: Occurrences;
}

export interface LearnInput {
  readonly world: World;
  readonly policy: Policy;
  /** The role's file as it is. */
  readonly text: string;
  readonly statements: readonly SeenStatement[];
  readonly shares: Shares;
  readonly taken: TakenAmounts;
}

/** What came from one place or on one day alone is a thief's as likely as a batch's, unless so much of all use comes from there. */
const USUAL_SHARE = 1 / 3;

/** GDPR, art. 9, and what the law of many countries adds. */
const SPECIAL =
  /health|medic|sant|sick|disab|handicap|religi|faith|ethni|racial|politic|union|sexual|genetic|biometr|criminal/i;

export function learn({ world, policy, text, statements, shares, taken }: LearnInput): Learned {
  const seen = statements.filter(({ evidence }) => evidence.count > 0);
  const all = new Occurrences();
  for (const { evidence } of seen) all.add(evidence);
  const first = new GrownRole(text, world);
  const { statements: found } = grow(first, seen, world);
  const more = new Map<Grown, string[]>();
  for (const key of suspectsOf(found, all, shares).keys())
    for (const one of alsoNeeding(key, first, found, world)) more.set(one, [...(more.get(one) ?? []), key]);
  const grown = found.map((one) => ({ ...one, needs: new Set([...one.needs, ...(more.get(one) ?? [])]) }));
  const suspect = suspectsOf(grown, all, shares);
  const kept = grown.filter(({ needs, refused }) => !refused && ![...needs].some((key) => suspect.has(key)));
  // Grown from nothing again, so that nothing stays that only excluded statements needed.
  const role = new GrownRole(text, world);
  const isAllowed = (need: Need): boolean => !suspect.has(keyOf(need));
  const again = grow(
    role,
    kept.map(({ statement }) => statement),
    world,
    isAllowed,
  );
  const evidence = evidenceOf(kept);
  const lines = new Map<string, LearnedLine>();
  for (const [key, need] of first.all) {
    const isLeftOut = !role.all.has(key);
    const own = (isLeftOut ? evidenceOf(grown) : evidence).get(key) ?? new Occurrences();
    const why = suspect.get(key);
    if (isLeftOut && why === undefined) continue;
    const review = why === undefined ? reviewOf(need, key, again.statements, policy) : [why];
    lines.set(key, { need, evidence: own, review, isLeftOut });
  }
  const allowed = again.statements.filter(({ refused }) => !refused);
  const passed = new Set(allowed.map(({ statement }) => statement));
  return {
    role,
    lines,
    limits: taken.limits(),
    conditions: proposedConditions([...passed], world.catalog, world.searchPath),
    leftOut: leftOutOf(statements, grown, passed, suspect),
    allowed: { statements: passed.size, sent: [...passed].reduce((sum, one) => sum + one.evidence.count, 0) },
    evidence: all,
  };
}

function evidenceOf(grown: readonly Grown[]): Map<string, Occurrences> {
  const found = new Map<string, Occurrences>();
  for (const { statement, needs } of grown)
    for (const key of needs) {
      const evidence = found.get(key) ?? new Occurrences();
      found.set(key, evidence);
      evidence.add(statement.evidence);
    }
  return found;
}

/** Lines, with why they are not granted. */
function suspectsOf(grown: readonly Grown[], all: Occurrences, shares: Shares): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, evidence] of evidenceOf(grown)) {
    const why = unusual(evidence, all, shares);
    if (why !== undefined) found.set(key, why);
  }
  return found;
}

function unusual(evidence: Occurrences, all: Occurrences, shares: Shares): string | undefined {
  const alone = (of: 'days' | 'addresses'): string | undefined => {
    const [only] = evidence[of].keys();
    return evidence[of].size === 1 && all[of].size > 1 ? only : undefined;
  };
  const [day, address] = [alone('days'), alone('addresses')];
  if (address !== undefined && shares(address) < USUAL_SHARE) return `from ${address} alone`;
  return day !== undefined && 1 / all.days.size < USUAL_SHARE ? `on ${day} alone` : undefined;
}

function reviewOf(need: Need, key: string, grown: readonly Grown[], policy: Policy): string[] {
  if (!('table' in need) || !('column' in need)) return [];
  const { table, column = '' } = need;
  const texts = grown.filter(({ needs }) => needs.has(key)).map(({ statement }) => statement.text ?? '');
  const isOnlyStar =
    need.kind === 'select' && texts.length > 0 && texts.every((text) => hasStar(text) && !names(text, column));
  const categories = [...(policy.subjects?.values() ?? [])].flatMap((subject) => [...subject.categories]);
  const isOne = ({ relation, column: one }: ColumnRef): boolean => relation.oid === table.oid && one.name === column;
  const special = categories
    .filter(([label, columns]) => SPECIAL.test(label) && columns.some(isOne))
    .map(([label]) => label);
  return [...(isOnlyStar ? ['only through *'] : []), ...special.map((label) => `special category: ${label}`)];
}

function hasStar(text: string): boolean {
  return /(?:\bselect\b(?:\s+distinct)?|,|\.|\breturning\b)\s*\*/i.test(text);
}

function names(text: string, column: string): boolean {
  return text
    .toLowerCase()
    .split(/[^\p{L}\p{N}_$]+/u)
    .includes(column.toLowerCase());
}

const WHY: Readonly<Record<string, string>> = {
  except: 'left out by --except',
  refused: 'refused in enforce mode',
  failed: 'failed at the server',
  canary: 'of a session that met a canary',
  locked: 'of a session that was locked',
  'not ended': 'without an outcome',
};

/** An allowed statement may also have been sent by excluded principals: leaving theirs out would not grant less. */
function leftOutOf(
  statements: readonly SeenStatement[],
  grown: readonly Grown[],
  passed: ReadonlySet<SeenStatement>,
  suspect: ReadonlyMap<string, string>,
): LeftOut[] {
  const texts = new Set([...passed].map(({ text, types }) => `${text}\0${types}`));
  const out: LeftOut[] = [];
  for (const statement of statements) {
    if (texts.has(`${statement.text}\0${statement.types}`)) continue;
    for (const [why, count] of statement.left) out.push({ statement, count, why: WHY[why] ?? why });
  }
  for (const { statement, needs, refused } of grown) {
    if (passed.has(statement)) continue;
    const review = [...new Set([...needs].flatMap((key) => suspect.get(key) ?? []))];
    const why =
      review.length > 0
        ? `for review: ${review.join(', ')}`
        : refused
          ? `no grant allows it: ${refused.message}`
          : 'not allowed';
    out.push({ statement, count: statement.evidence.count, why });
  }
  return out.sort((a, b) => b.count - a.count);
}

/** A condition as the role's file would have it. */
export function conditionText({ table, column, share, value }: Proposed, world: World): string {
  const said = value === undefined ? 'its value is not known' : `always ${value}`;
  return `${column} = … stands in ${Math.floor(share * 100)} % of the statements on ${relationText(table, world)}, ${said}`;
}
