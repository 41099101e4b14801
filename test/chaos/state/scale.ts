/** The size of the trials of the state: small at `npm test`, in full by `npm run reliability`. */
import { SCALE as CHAOS } from '../scale.ts';

/** In the database, with ids from 1. */
export const PUPILS = 50_000;

export interface Scale {
  readonly full: boolean;
  /** Clients of one principal, over all guards. */
  readonly clients: number;
  /** People in a page, and the pause behind it. */
  readonly page: number;
  readonly pauseMs: number;
  /** How long they work before the trouble and after it. */
  readonly workMs: number;
  readonly troubleMs: number;
  readonly kills: number;
  /** Per hour. */
  readonly people: number;
  readonly rows: number;
  readonly statements: number;
}

const FULL: Scale = {
  full: true,
  clients: 20,
  page: 3,
  pauseMs: 100,
  workMs: 3_000,
  troubleMs: 10_000,
  kills: 4,
  people: 15_000,
  rows: 40_000,
  statements: 8_000,
};

const TASTE: Scale = {
  full: false,
  clients: 8,
  page: 3,
  pauseMs: 150,
  workMs: 300,
  troubleMs: 1_200,
  kills: 2,
  people: 1_000,
  rows: 2_000,
  statements: 500,
};

export const SCALE = CHAOS.full ? FULL : TASTE;
