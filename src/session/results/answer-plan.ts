/**
 * Which columns of a result contain data subjects, and which are values: made once for a run, from the judgement and from the server's description of
 * the columns.
 */
import type { Disclosure, RowKey } from '../../guard/subjects/disclosure.ts';
import type { KeyTypes } from '../../policy/model/subject-keys.ts';
import type { KeyColumn, ShownColumns } from '../server/shown-columns.ts';
import { typeOfCopied } from './key-text.ts';

/** Of the data subjects of one kind. */
export interface SubjectPlan {
  readonly subject: string;
  /** Columns that hold a key of it. `copied`: as what it is read where the server says no type. */
  readonly keys: readonly KeyPlace[];
  /** Columns that the judgement takes for keys and the server calls another table's: no one is known by them, but a canary would be. */
  readonly perhaps: readonly Pick<KeyColumn, 'at' | 'type'>[];
  /**
   * A row is named where each of these shows a key: by a result column that is not NULL, or by an added key, by its number. Absent: no row is.
   */
  readonly named: readonly NamedBy[] | undefined;
  /** Columns that are values in a row that is named. */
  readonly values: readonly number[];
  /**
   * The cost of a row that is not named. `columns`: all of them are values, and the row costs at least one. `row`: one.
   */
  readonly unnamed: 'columns' | 'row';
}

export type NamedBy = Pick<RowKey, 'columns' | 'added' | 'type'>;

export type KeyPlace = Pick<KeyColumn, 'at' | 'type'> & { readonly copied?: number };

export interface AnswerPlan {
  readonly subjects: readonly SubjectPlan[];
  /** This many columns must be read in a row of which only the keys count. */
  readonly columns: number;
  /** Of a COPY: a row is one value, of all its bytes. */
  readonly copied: boolean;
}

/**
 * INVARIANT 69: a key that the judgement expects in a column counts as one unless the server says that the column has another origin; any other
 * column that the server reports as a key counts as well. @param disclosures undefined: nothing was judged (unrestricted roles). `about`: subjects
 * whose tables its text then names. @returns undefined if it shows no data subject.
 */
export function planOf(
  disclosures: readonly Disclosure[] | undefined,
  about: readonly string[],
  shown: ShownColumns,
): AnswerPlan | undefined {
  const names = new Set([
    ...(disclosures ?? []).map(({ subject }) => subject),
    ...shown.keys.flatMap(({ subjects }) => subjects),
    ...(disclosures ? [] : [...shown.keyless.keys(), ...(shown.unplaced.length > 0 ? about : [])]),
  ]);
  if (names.size === 0) return undefined;
  const subjects = [...names].map((name) => {
    const own = shown.keys.filter((key) => key.subjects.includes(name));
    const disclosure = disclosures?.find(({ subject }) => subject === name);
    if (disclosure) return judged(disclosure, own, shown);
    return disclosures ? notJudged(name, own) : free(name, own, about.includes(name) ? shown.unplaced : []);
  });
  return { subjects, columns: columnsOf(subjects), copied: false };
}

/** For COPY TO, whose columns the server does not describe: it was judged as the SELECT that it contains, which tells where its keys are. */
export function planOfCopy(disclosures: readonly Disclosure[] | undefined, types?: KeyTypes): AnswerPlan | undefined {
  if (!disclosures || disclosures.length === 0) return undefined;
  const subjects = disclosures.map((disclosure): SubjectPlan => {
    const { subject, named, values } = disclosure;
    const unknown = typeOfCopied(types?.get(subject) ?? []);
    const keys = (named ?? []).flatMap(({ columns, type }) =>
      columns.map((at) => ({ at, type: 0, copied: type === 0 ? unknown : type })),
    );
    return {
      ...restOf(disclosure),
      keys: unique(keys).sort((a, b) => a.at - b.at),
      perhaps: [],
      named: values.length > 0 ? undefined : named,
    };
  });
  return { subjects, columns: columnsOf(subjects), copied: true };
}

function judged(disclosure: Disclosure, keys: readonly KeyColumn[], { tables, types }: ShownColumns): SubjectPlan {
  const isKey = (at: number) => keys.some((key) => key.at === at);
  const expected = (disclosure.named ?? []).flatMap(({ columns, type }) => columns.map((at) => ({ at, type })));
  // For a UNION the server reports no table, nor for a column that USING merged.
  const computed = expected.filter(({ at, type }) => tables[at] === 0 && types[at] === type);
  const holds = (at: number) => isKey(at) || computed.some((key) => key.at === at);
  return {
    ...restOf(disclosure),
    keys: unique([...keys, ...computed]),
    perhaps: unique(expected.filter(({ at }) => !holds(at)).map(({ at }) => ({ at, type: types[at] ?? 0 }))),
    named: disclosure.named?.map(({ columns, added, type }) => ({ columns: columns.filter(holds), added, type })),
  };
}

function restOf({ subject, values }: Disclosure) {
  return { subject, values, unnamed: 'columns' } as const;
}

/** What the judgement did not expect is as dear as can be. */
function notJudged(subject: string, keys: readonly KeyColumn[]): SubjectPlan {
  return { subject, keys, perhaps: [], named: undefined, values: [], unnamed: 'columns' };
}

/** For unrestricted roles: keys that are shown name a row, and computed columns are values. */
function free(subject: string, keys: readonly KeyColumn[], values: readonly number[]): SubjectPlan {
  const named = keys.length > 0 ? [{ columns: keys.map(({ at }) => at), added: [], type: 0 }] : undefined;
  return { subject, keys, perhaps: [], named, values, unnamed: 'row' };
}

function unique<T extends { readonly at: number }>(keys: readonly T[]): T[] {
  return keys.filter((key, index) => keys.findIndex(({ at }) => at === key.at) === index);
}

function columnsOf(subjects: readonly SubjectPlan[]): number {
  return (
    1 +
    Math.max(
      -1,
      ...subjects.flatMap(({ keys, perhaps, values }) => [...[...keys, ...perhaps].map(({ at }) => at), ...values]),
    )
  );
}
