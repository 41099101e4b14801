/** Why a token is refused, in words for the client. They quote nothing of the token. */
import { type Refusal, refusal } from '../core/refusal.ts';

export interface TokenProblem {
  readonly refused: Refusal;
}

/** The token does not prove who the end user is. */
export function problem(words: string): TokenProblem {
  return { refused: refusal('token-refused', '28000', words) };
}

/** The token could not be checked; it may be valid. */
export function keysUnavailable(): TokenProblem {
  const detail = 'The keys of its issuer cannot be had.';
  return {
    refused: refusal('token-unchecked', '28000', 'the token cannot be checked now', {
      detail,
      hint: 'Try again in a moment.',
    }),
  };
}

/** The token should have been revoked, but could not be: it is still valid. */
export function notRevoked(): TokenProblem {
  const detail = 'It may still be taken. Try again.';
  return {
    refused: refusal('store-unavailable', '58030', 'that the token was given back could not be kept', { detail }),
  };
}
