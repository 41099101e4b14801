/** The same proofs for another text that differs only in literals, or for the whole text of which a part was judged: their places are different. */
import type { Disclosures } from './disclosure.ts';

/** `move`: the place in the other text of a place in the judged text. */
export function moved({ subjects, ...rest }: Disclosures, move: (at: number) => number): Disclosures {
  const place = <Place extends { readonly start: number; readonly end: number }>(one: Place): Place => {
    return { ...one, start: move(one.start), end: move(one.end) };
  };
  return {
    ...rest,
    subjects: subjects.map((one) => {
      const { access, write } = one;
      return {
        ...one,
        ...(access.kind === 'pinned' && { access: { ...access, people: access.people.map(place) } }),
        ...(write?.given && { write: { ...write, given: place(write.given) } }),
      };
    }),
  };
}
