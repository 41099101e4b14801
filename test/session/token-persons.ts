/** End users for tests, whose tokens are their numbers. */
import { refusal } from '../../src/core/refusal.ts';
import type { EndUser, EndUsers } from '../../src/session/end-user/end-user.ts';

/** `late`: who is new has to be waited for. */
export function numbered(late: boolean): (wake: () => void) => EndUsers {
  return (wake) => {
    const known = new Map<string, EndUser>();
    const verified = new Set<string>();
    return {
      giveBack: () => 'done',
      check: (_policy, token) => {
        if (late && !verified.has(token)) {
          setImmediate(() => {
            verified.add(token);
            wake();
          });
          return 'wait';
        }
        if (!/^\d+$/.test(token)) return { refused: refusal('token-refused', '28000', 'it names no end user') };
        const person = known.get(token) ?? {
          user: token,
          attributes: new Map([['who', token]]),
          shown: { who: token },
        };
        known.set(token, person);
        return person;
      },
    };
  };
}
