/** The names under which is counted, and whose they are: a principal's, or those of a person behind one. */
import type { Owner } from './measure.ts';

/** A principal, or with `user` one of the people behind it. */
export interface Holder {
  readonly principal: string;
  readonly user?: string;
}

/** `principal:portal`, `user:portal/7731`. Those of a principal's people begin with that of its empty user. */
export function ownerOf({ principal, user }: Holder): Owner {
  if (user === undefined) return `principal:${principal}`;
  // The first slash ends the principal's name, whatever either of them is called: no two holders have one owner.
  return `${OF_USER}${principal.replace(/[%/]/g, (character) => encodeURIComponent(character))}/${user}`;
}

/** Undefined for what is nobody's, as the rows of a permit. */
export function holderOf(owner: Owner): Holder | undefined {
  if (owner.startsWith(OF_PRINCIPAL)) return { principal: owner.slice(OF_PRINCIPAL.length) };
  const slash = owner.indexOf('/');
  if (!isOfUser(owner) || slash < 0) return undefined;
  return { principal: decodeURIComponent(owner.slice(OF_USER.length, slash)), user: owner.slice(slash + 1) };
}

export function isOfUser(owner: Owner): boolean {
  return owner.startsWith(OF_USER);
}

/** `portal`, `portal/7731`: for people. */
export function holderName({ principal, user }: Holder): string {
  return user === undefined ? principal : `${principal}/${user}`;
}

/** `principal "portal"`, `user "portal/7731"` */
export function holderWords(holder: Holder): string {
  return `${holder.user === undefined ? 'principal' : 'user'} "${holderName(holder)}"`;
}

/** A token that was given back, by its digest: among the locks in the state of an earlier version. */
export function ownerOfToken(digest: string): Owner {
  return `${OF_TOKEN}${digest}`;
}

export function tokenOf(owner: Owner): string | undefined {
  return owner.startsWith(OF_TOKEN) ? owner.slice(OF_TOKEN.length) : undefined;
}

const OF_TOKEN = 'token:';
const OF_PRINCIPAL = 'principal:';
const OF_USER = 'user:';
