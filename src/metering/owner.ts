/** The names of owners that budgets are counted for: a principal, or an end user. */
import type { Owner } from './measure.ts';

/** A principal, or with `user` one of its end users. */
export interface Holder {
  readonly principal: string;
  readonly user?: string;
}

/** `principal:portal`, `user:portal/7731`. The owners of a principal's end users begin with the owner of its empty user. */
export function ownerOf({ principal, user }: Holder): Owner {
  if (user === undefined) return `principal:${principal}`;
  // The first slash always ends the principal's name, so two holders never have the same owner.
  return `${OF_USER}${principal.replace(/[%/]/g, (character) => encodeURIComponent(character))}/${user}`;
}

/** Undefined for an owner that is not a holder, such as a permit. */
export function holderOf(owner: Owner): Holder | undefined {
  if (owner.startsWith(OF_PRINCIPAL)) return { principal: owner.slice(OF_PRINCIPAL.length) };
  const slash = owner.indexOf('/');
  if (!isOfUser(owner) || slash < 0) return undefined;
  return { principal: decodeURIComponent(owner.slice(OF_USER.length, slash)), user: owner.slice(slash + 1) };
}

export function isOfUser(owner: Owner): boolean {
  return owner.startsWith(OF_USER);
}

/** `portal`, `portal/7731`: for display. */
export function holderName({ principal, user }: Holder): string {
  return user === undefined ? principal : `${principal}/${user}`;
}

/** `principal "portal"`, `user "portal/7731"` */
export function holderWords(holder: Holder): string {
  return `${holder.user === undefined ? 'principal' : 'user'} "${holderName(holder)}"`;
}

const OF_PRINCIPAL = 'principal:';
const OF_USER = 'user:';
