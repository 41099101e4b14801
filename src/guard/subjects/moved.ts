/** The same proofs of another text that differs in literals alone, or of the whole text of which a part was judged: places stand elsewhere there. */
import type { Disclosures } from './disclosure.ts';

/** `move`: where a place of the text that was judged stands in the other. */
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
