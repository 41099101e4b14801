/** The configuration of a running guard, in which the passwords of the accounts at the server may be replaced. */
import { isDeepStrictEqual } from 'node:util';
import type { Config, Login } from '../config/config.ts';

export interface Renewable {
  /** As it was given, with the passwords of now. */
  readonly config: Config;
  /** Takes the passwords of accounts that are known; true where there are other ones. */
  take(next: Config): boolean;
}

export function withCurrentPasswords(given: Config): Renewable {
  let { login, logins } = given.upstream;
  return {
    config: {
      ...given,
      upstream: {
        ...given.upstream,
        get login() {
          return login;
        },
        get logins() {
          return logins;
        },
      },
    },
    take({ upstream: next }) {
      const before = [login, logins];
      login = renewed(login, next.login);
      logins = new Map([...logins].map(([role, own]) => [role, renewed(own, next.logins.get(role))]));
      return !isDeepStrictEqual([login, logins], before);
    },
  };
}

/** Another user is another account, with other rights: that needs a restart. What is equal stays the same: what it remembers does too. */
function renewed(now: Login, next: Login | undefined): Login {
  return next?.user === now.user && !isDeepStrictEqual(next, now) ? next : now;
}
