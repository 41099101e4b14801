/** Ties the parts of the statement generator together. */
import { aggregate } from './aggregates.ts';
import { from } from './from.ts';
import type { Grammar } from './generator.ts';
import { query } from './queries.ts';
import { scalar } from './scalars.ts';

export const GRAMMAR: Grammar = { scalar, query, from, aggregate };
