/** Measures several places in turns, so that what else the machine does meets all of them. */
import { ROUNDS } from './knobs.ts';

/** What was measured, by name, one of each round in the rounds' order. Each round begins with another place. */
export async function interleave<Place extends { readonly name: string }, Measured>(
  places: readonly Place[],
  measure: (place: Place) => Promise<Measured>,
  rounds = ROUNDS,
): Promise<Map<string, Measured[]>> {
  const measured = new Map<string, Measured[]>(places.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < places.length; turn++) {
      const place = places[(round + turn) % places.length]!;
      measured.get(place.name)!.push(await measure(place));
    }
  }
  return measured;
}

/** Pair by pair, of the same round. Undefined where one of the two was not measured. */
export function ratios(
  of: readonly number[] | undefined,
  to: readonly number[] | undefined,
): readonly number[] | undefined {
  return of && to && of.map((value, round) => value / to[round]!);
}
