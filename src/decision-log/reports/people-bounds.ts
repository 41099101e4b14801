/** Bounds for the number of people that statements have shown. Pure: the console's pages use it too. */

export interface ShownSubjects {
  readonly subject: string;
  /** The number of different ids, by the name of the key that they were made with. A person has different ids under different keys. */
  readonly named: readonly { readonly key: string; readonly people: number }[];
  /** People counted in outcomes without ids (`log.subjects: counted`). Each counts as often as shown. */
  readonly counted: number;
  /** Statements that told nothing else, and values of 8 bytes: about any person in the role's scope. */
  readonly questions: number;
  readonly values: number;
  /** Statements that named people, and those that told only a number or a value. */
  readonly namedIn: number;
  readonly countedIn: number;
}

type Counted = Pick<ShownSubjects, 'named' | 'counted' | 'questions' | 'values'>;

/** The least number of different people: under one key, different ids are different people. */
export function atLeast({ named, counted }: Pick<Counted, 'named' | 'counted'>): number {
  const most = Math.max(0, ...named.map(({ people }) => people));
  return most === 0 && counted > 0 ? 1 : most;
}

/** The most people. */
export function atMost(people: Counted): number {
  return people.named.reduce((sum, { people: each }) => sum + each, 0) + people.counted + unnamed(people);
}

/** The most further people who were not named. */
export function unnamed({ questions, values }: Pick<Counted, 'questions' | 'values'>): number {
  return questions + values;
}
