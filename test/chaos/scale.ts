/** The size of the trials: small at `npm test`, in full by `npm run reliability`, whose figures go into worst-days.md. */

export interface Scale {
  readonly full: boolean;
  readonly clients: number;
  /** How long a crowd works before the failure, and after it. */
  readonly workMs: number;
  readonly strangers: number;
  readonly slowStrangers: number;
  readonly noiseMs: number;
  readonly resets: number;
  readonly reloads: number;
}

const FULL: Scale = {
  full: true,
  clients: 50,
  workMs: 3_000,
  strangers: 5_000,
  slowStrangers: 400,
  noiseMs: 60_000,
  resets: 1_000,
  reloads: 100,
};

const TASTE: Scale = {
  full: false,
  clients: 12,
  workMs: 300,
  strangers: 300,
  slowStrangers: 40,
  noiseMs: 1_000,
  resets: 40,
  reloads: 8,
};

export const SCALE = process.env.ROWGATE_RELIABILITY ? FULL : TASTE;
