/** The people whom a statement gives itself, where it reads nobody else. */
import type { GivenKeys } from './disclosure.ts';
import type { LevelReader } from './level-reader.ts';

/** undefined: something that it reads is held to nobody, or to keys that are not known before it runs. */
export function givenPeople({ references, opaque }: LevelReader): readonly GivenKeys[] | undefined {
  // Each place where the statement reads a table of the subject, wherever it stands, by each of its key columns.
  if (opaque) return undefined;
  const people: GivenKeys[] = [];
  for (const key of references) {
    const given = key.givenKeys();
    if (!given) return undefined;
    if (!people.includes(given)) people.push(given);
  }
  return people;
}
