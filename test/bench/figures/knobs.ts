/** How long is measured: `ROWGATE_BENCH_ROUNDS` and `ROWGATE_BENCH_SECONDS` make a short trial, whose figures stay out of docs/. */

const FULL = { rounds: 5, seconds: 2 };

export const ROUNDS = knob('ROWGATE_BENCH_ROUNDS', FULL.rounds);
/** Of one run of pgbench. */
export const SECONDS = knob('ROWGATE_BENCH_SECONDS', FULL.seconds);
export const IS_TRIAL = ROUNDS < FULL.rounds || SECONDS < FULL.seconds;

function knob(name: string, standard: number): number {
  const text = process.env[name];
  if (text === undefined) return standard;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name} is a whole number of at least 1, not "${text}"`);
  return value;
}
