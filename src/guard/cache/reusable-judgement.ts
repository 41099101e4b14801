/** A judgement that holds for all texts of one normalized text in which what it has looked into is the same. */
import { applyEdits } from '../../sql/text/edits.ts';
import { fingerprint, normalize } from '../../sql/text/normalize.ts';
import type { Slot, Template } from '../../sql/text/template.ts';
import type { Judgement, StatementJudgement, StatementKind, TextEdit } from '../decision.ts';
import type { Disclosure } from '../subjects/disclosure.ts';
import { moved as elsewhere } from '../subjects/moved.ts';
import type { LiteralCondition, LiteralDependencies } from './literal-dependencies.ts';
import type { NormalizedText } from './normalized-text.ts';

/** What these hold comes from no literal. */
const SHARED: ReadonlySet<StatementKind['kind']> = new Set(['read', 'write', 'transaction']);

export class ReusableJudgement {
  /** Of each edit and extent: how many literals end before its places. */
  private readonly edits: readonly { readonly edit: TextEdit; readonly start: Place; readonly end: Place }[];
  private readonly statements: readonly {
    readonly start: Place;
    readonly end: Place;
    readonly whole: Omit<StatementJudgement, 'extent' | 'disclosures' | 'literals'>;
    readonly literals: readonly { readonly at: Place; readonly type: number }[] | undefined;
    readonly disclosures: readonly Disclosure[] | undefined;
    /** The places that contain keys; undefined: there are none. */
    readonly given: ReadonlyMap<number, Place> | undefined;
  }[];
  private readonly template: readonly Part[];
  private readonly whole: Omit<Judgement, 'statements' | 'edits' | 'template'>;
  private readonly ends: readonly number[];

  private constructor(
    judgement: Judgement,
    text: string,
    normalizedText: NormalizedText,
    private readonly pinned: readonly { readonly literal: number; readonly text: string }[],
    private readonly conditions: readonly LiteralCondition[],
  ) {
    const place = (at: number): Place => ({ at, literals: normalizedText.ends.filter((end) => end <= at).length });
    this.edits = judgement.edits.map((edit) => ({ edit, start: place(edit.start), end: place(edit.end) }));
    this.template = partsOf(text, judgement.edits, normalizedText);
    this.statements = judgement.statements.map(({ extent, disclosures, literals, ...whole }) => ({
      start: place(extent!.start),
      end: place(extent!.end),
      whole,
      literals: literals?.map(({ at, type }) => ({ at: place(at), type })),
      disclosures,
      given: givenPlaces(disclosures, place),
    }));
    const { statements: _statements, edits: _edits, template: _template, ...whole } = judgement;
    this.whole = whole;
    this.ends = normalizedText.ends;
  }

  /** Undefined if the judgement applies only to its own text. `literals`: what was read and asked of them. */
  static of(
    judgement: Judgement,
    text: string,
    normalizedText: NormalizedText,
    literals: LiteralDependencies,
  ): ReusableJudgement | undefined {
    const pinned = literals.pinned();
    const conditions = literals.conditions();
    const { refusal, would, fault, looksUpNames, statements } = judgement;
    if (refusal || would || fault !== undefined || looksUpNames || pinned.length === normalizedText.starts.length)
      return undefined;
    if (!statements.every(({ kind, extent }) => SHARED.has(kind.kind) && extent)) return undefined;
    const shared = new ReusableJudgement(
      judgement,
      text,
      normalizedText,
      pinned.map((literal) => ({
        literal,
        text: text.slice(normalizedText.starts[literal], normalizedText.ends[literal]),
      })),
      conditions,
    );
    const fixed = new Set(pinned);
    const other = otherwise(text, normalizedText, (literal, source) => {
      return !fixed.has(literal) && holdAll(conditions, literal, source);
    });
    return shared.holdsOf({ text, normalizedText }) && shared.holdsOf(other) ? shared : undefined;
  }

  /** The judgement of `text`; undefined if a literal that matters has another value. `normalizedText`: of `text`, with the same key. */
  for(text: string, normalizedText: NormalizedText): Judgement | undefined {
    const { starts, ends } = normalizedText;
    for (const { literal, text: same } of this.pinned) {
      if (ends[literal]! - starts[literal]! !== same.length || !text.startsWith(same, starts[literal]))
        return undefined;
    }
    for (const { literal, holds } of this.conditions)
      if (!holds(text.slice(starts[literal], ends[literal]))) return undefined;
    const moved = ({ at, literals }: Place): number =>
      literals === 0 ? at : at + ends[literals - 1]! - this.ends[literals - 1]!;
    const edits = this.edits.map(({ edit, start, end }) =>
      // In front of all literals nothing has moved.
      end.literals === 0 ? edit : { start: moved(start), end: moved(end), text: edit.text },
    );
    // Own fields before the spread: after it each would be copied separately, for half a microsecond.
    const statements = this.statements.map(
      ({ start, end, whole, literals, disclosures, given }): StatementJudgement => {
        const extent = { start: moved(start), end: moved(end) };
        const own = literals && { literals: literals.map(({ at, type }) => ({ at: moved(at), type })) };
        if (disclosures === undefined) return { extent, ...own, ...whole };
        if (given === undefined) return { extent, disclosures, ...own, ...whole };
        const { subjects } = elsewhere({ subjects: disclosures }, (at) => moved(given.get(at)!));
        return { extent, disclosures: subjects, ...own, ...whole };
      },
    );
    return {
      statements,
      edits,
      template: edits.length > 0 ? this.written(text, normalizedText) : [text],
      ...this.whole,
    };
  }

  /** The text with its edits made. */
  private written(text: string, { starts, ends }: NormalizedText): Template {
    const pieces: (string | Slot)[] = [];
    let piece = '';
    for (const part of this.template) {
      if (typeof part === 'string') piece += part;
      else if (typeof part === 'number') piece += text.slice(starts[part], ends[part]);
      else {
        if (piece !== '') pieces.push(piece);
        pieces.push(part);
        piece = '';
      }
    }
    if (piece !== '') pieces.push(piece);
    return pieces;
  }

  /** Whether what is recorded of the statements would be the same, and the edits would make what is sent. */
  private holdsOf({ text, normalizedText }: { text: string; normalizedText: NormalizedText }): boolean {
    const judgement = this.for(text, normalizedText);
    if (!judgement) return false;
    const { statements, edits, template } = judgement;
    const edited = edits.length > 0 ? applyEdits(text, edits) : [text];
    return (
      template.length === edited.length &&
      template.every((piece, i) => piece === edited[i]) &&
      statements.every(({ extent, normalized, fingerprint: print }) => {
        const own = text.slice(extent!.start, extent!.end);
        return normalize(own) === normalized && fingerprint(own) === print;
      })
    );
  }
}

function givenPlaces(
  disclosures: readonly Disclosure[] | undefined,
  place: (at: number) => Place,
): ReadonlyMap<number, Place> | undefined {
  const places = new Map<number, Place>();
  elsewhere({ subjects: disclosures ?? [] }, (at) => {
    places.set(at, place(at));
    return at;
  });
  return places.size > 0 ? places : undefined;
}

/** A place in the text that was judged. */
interface Place {
  readonly at: number;
  readonly literals: number;
}

/** Part of a text with its edits made: text that is the same for the normalized text, the number of a literal, or a slot. */
type Part = string | number | Slot;

function partsOf(text: string, edits: readonly TextEdit[], { starts, ends }: NormalizedText): readonly Part[] {
  const parts: Part[] = [];
  const add = (part: Part): void => {
    const last = parts.at(-1);
    if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
    else if (part !== '') parts.push(part);
  };
  let literal = 0;
  let at = 0;
  const addUntil = (end: number): void => {
    for (; literal < starts.length && starts[literal]! < end; literal += 1) {
      // A replaced literal is already passed.
      if (starts[literal]! < at) continue;
      add(text.slice(at, starts[literal]));
      add(literal);
      at = ends[literal]!;
    }
    add(text.slice(at, end));
  };
  for (const { start, end, text: instead } of edits) {
    addUntil(start);
    for (const piece of instead) add(piece);
    at = end;
  }
  addUntil(text.length);
  return parts;
}

function holdAll(conditions: readonly LiteralCondition[], literal: number, source: string): boolean {
  return conditions.every((condition) => condition.literal !== literal || condition.holds(source));
}

/** A text of the same normalized text in which each literal is another one, where it may be that. */
function otherwise(
  text: string,
  { key, starts, ends }: NormalizedText,
  mayBe: (literal: number, source: string) => boolean,
): { text: string; normalizedText: NormalizedText } {
  let other = '';
  let from = 0;
  const moved = { key, starts: [] as number[], ends: [] as number[] };
  starts.forEach((start, i) => {
    const literal = text.slice(start, ends[i]);
    other += text.slice(from, start);
    moved.starts.push(other.length);
    const changed = another(literal);
    other += mayBe(i, changed) ? changed : literal;
    moved.ends.push(other.length);
    from = ends[i]!;
  });
  return { text: other + text.slice(from), normalizedText: moved };
}

/** Of the same shape. */
function another(literal: string): string {
  if (literal.startsWith("'")) return literal === "'x y'" ? "'y'" : "'x y'";
  return `${literal.slice(0, -1)}${literal.endsWith('7') ? '8' : '7'}`;
}
