/** Where in the rows of a result people stand, of each subject: made once for a run, from the judgement and what the server says of the columns. */
import type { PeopleOfRow } from '../guard/decision.ts';
import type { KeyTypes } from '../policy/subject-keys.ts';
import { typeOfCopied } from './key-text.ts';
import type { KeyColumn, ShownColumns } from './shown-columns.ts';

export interface SubjectInRow {
  readonly subject: string;
  /** Columns that hold a key of it, whoever is meant by it. `copied`: as what it is read where the server says no type. */
  readonly keys: readonly (Pick<KeyColumn, 'at' | 'type'> & { readonly copied?: number })[];
  /** Columns that the judgement takes for keys and the server does not name, as those of a UNION: no one is known by them, but a canary would be. */
  readonly perhaps: readonly Pick<KeyColumn, 'at' | 'type'>[];
  /** People whose key shows, unless it is NULL: the columns of each. */
  readonly ways: readonly (readonly number[])[];
  /** People in every row whose key does not show. */
  readonly unnamed: number;
}

export interface RowPlan {
  readonly subjects: readonly SubjectInRow[];
  /** Columns in which something computed stands. `all`: nobody says which these are. */
  readonly unplaced: readonly number[] | 'all';
  /** So many columns must be looked at. */
  readonly columns: number;
}

/**
 * INVARIANT: a key that the judgement expects in a column counts as one only where the server says that it is one; any other column that the
 * server says to be a key counts as well.
 * @param people whom a row can be about; undefined: nothing was said of it, so each table that shows without its key is one more.
 * @returns undefined where nobody stands in it.
 */
export function planOf(people: readonly PeopleOfRow[] | undefined, shown: ShownColumns): RowPlan | undefined {
  const { keys, unplaced, keyless } = shown;
  const names = new Set([
    ...(people ?? []).map(({ subject }) => subject),
    ...keys.flatMap(({ subjects }) => subjects),
    ...(people ? [] : keyless.keys()),
  ]);
  if (names.size === 0) return undefined;
  const subjects = [...names].map((name): SubjectInRow => {
    const own = keys.filter((key) => key.subjects.includes(name));
    const isKey = (at: number) => own.some((key) => key.at === at);
    const untold = people ? 0 : (keyless.get(name) ?? 0);
    return subjectOf(name, people, own, isKey, untold, shown.types);
  });
  return { subjects, unplaced, columns: columnsOf(subjects, unplaced) };
}

/**
 * Where nothing was judged of whom a row can be about: in what was computed from tables of a subject somebody may stand whom no column names.
 * @param about subjects whose tables the statement names.
 */
export function withUnseen(
  plan: RowPlan | undefined,
  about: readonly string[],
  unplaced: readonly number[],
): RowPlan | undefined {
  const unseen = about.filter((name) => !plan?.subjects.some(({ subject }) => subject === name));
  if (unseen.length === 0 || unplaced.length === 0) return plan;
  const nameless = unseen.map((subject) => ({ subject, keys: [], perhaps: [], ways: [], unnamed: 1 }));
  return plan
    ? { ...plan, subjects: [...plan.subjects, ...nameless] }
    : { subjects: nameless, unplaced, columns: columnsOf([], unplaced) };
}

/** Of COPY TO, of whose columns the server says nothing: it was judged as the SELECT that it is, and its keys stand where that says. */
export function planOfCopy(people: readonly PeopleOfRow[] | undefined, types?: KeyTypes): RowPlan | undefined {
  if (!people || people.length === 0) return undefined;
  const names = new Set(people.map(({ subject }) => subject));
  const subjects = [...names].map((name) => {
    const columns = people
      .filter((one) => one.subject === name)
      .flatMap(({ ways }) => ways.flatMap(({ keys }) => keys));
    const copied = typeOfCopied(types?.get(name) ?? []);
    const own = [...new Set(columns)].sort((a, b) => a - b).map((at) => ({ at, type: 0, copied }));
    return subjectOf(name, people, own, () => true, 0);
  });
  return { subjects, unplaced: 'all', columns: columnsOf(subjects, []) };
}

function subjectOf(
  subject: string,
  people: readonly PeopleOfRow[] = [],
  keys: SubjectInRow['keys'],
  isKey: (column: number) => boolean,
  untold: number,
  types: readonly number[] = [],
): SubjectInRow {
  const own = people.filter((one) => one.subject === subject);
  const ways = own.flatMap((one) => one.ways.map((way) => way.keys.filter(isKey)));
  const shown = ways.filter((way) => way.length > 0);
  const never = own.reduce((sum, one) => sum + one.unnamed, 0);
  const unnamed = new Set(own.flatMap((one) => one.ways.flatMap((way) => way.keys.filter((at) => !isKey(at)))));
  const perhaps = [...unnamed].map((at) => ({ at, type: types[at] ?? 0 }));
  return { subject, keys, perhaps, ways: shown, unnamed: never + ways.length - shown.length + untold };
}

function columnsOf(subjects: readonly SubjectInRow[], unplaced: readonly number[]): number {
  return (
    1 + Math.max(-1, ...subjects.flatMap(({ keys, perhaps }) => [...keys, ...perhaps].map(({ at }) => at)), ...unplaced)
  );
}
