/** Why a token is not taken, in words for whoever sent it. Nothing of the token stands in them. */
import { type Refusal, refusal } from '../core/refusal.ts';

export interface Problem {
  readonly refused: Refusal;
}

/** Nobody is behind this token. */
export function problem(words: string): Problem {
  return { refused: refusal('token-refused', '28000', words) };
}

/** The token may be a good one. */
export function unchecked(): Problem {
  const detail = 'The keys of its issuer cannot be had.';
  return { refused: refusal('token-unchecked', '28000', 'the token cannot be checked now', { detail }) };
}

/** It was to be given back, and is still good. */
export function unkept(): Problem {
  const detail = 'It may still be taken. Try again.';
  return {
    refused: refusal('store-unavailable', '58030', 'that the token was given back could not be kept', { detail }),
  };
}
