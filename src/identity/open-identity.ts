/** Puts together what a process knows of the people behind accounts. */
import type { Identity } from '../session/end-user/end-user.ts';
import { SessionPersons } from './session-persons.ts';
import { TokenVerifier, type VerifierOptions } from './verifier.ts';

/** Reads nothing before a token has to be verified. */
export function openIdentity(options: VerifierOptions): Identity {
  const verifier = new TokenVerifier(options);
  return {
    persons: (wake) => new SessionPersons(verifier, options.elapsed, wake),
    verify: (rule, token) => verifier.verify(rule, token),
    known: (rule, token) => verifier.known(rule, token),
    keysChanged: () => verifier.keysChanged(),
  };
}
