/** The limits on connections, as slots, and what a client is told if there is no free slot. */

import {
  type LoginRefusal,
  reservedConnections,
  tooManyClients,
  tooManyConnections,
  tooManyFromAddress,
  tooManyLogins,
} from '../../core/login-refusal.ts';
import { connectionLimit } from '../../identity/login-rules.ts';
import type { Principal, RolePolicy } from '../../policy/model/policy.ts';
import { networkOf } from './network-of.ts';
import type { SharedState } from './shared-state.ts';
import type { SlotClaim } from './slot-counts.ts';

/** Over all workers together. */
export interface ConnectionLimits {
  /** Sessions. */
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Of `connections`, the last ones, which only unrestricted roles get: so that a DBA comes in when applications have taken all. */
  readonly reservedConnections: number;
  /** Connections that have not logged in. */
  readonly logins: number;
  readonly loginsPerAddress: number;
}

export type TakenSlot = { readonly held: HeldSlots } | { readonly refusal: LoginRefusal };

/** Places that a connection holds. */
export class HeldSlots {
  private keys: readonly string[];

  constructor(
    private readonly state: SharedState,
    keys: readonly string[],
  ) {
    this.keys = keys;
  }

  /** May be called again: only the first call does something. */
  release(): void {
    if (this.keys.length > 0) this.state.give(this.keys);
    this.keys = [];
  }
}

type RefusableClaim = SlotClaim & { readonly refusal: LoginRefusal };

/** For a connection that has not logged in yet; without an address where a proxy has brought it that has not said yet from where. */
export function takeLogin(state: SharedState, limits: ConnectionLimits, address?: string): Promise<TakenSlot> {
  const claims: RefusableClaim[] = [{ key: 'logins', limit: limits.logins, refusal: tooManyLogins() }];
  if (address !== undefined) claims.push(loginFrom(limits, address));
  return takeAll(state, claims);
}

/** What `takeLogin` left open, as soon as the address is known. */
export function takeLoginFrom(state: SharedState, limits: ConnectionLimits, address: string): Promise<TakenSlot> {
  return takeAll(state, [loginFrom(limits, address)]);
}

function loginFrom({ loginsPerAddress }: ConnectionLimits, address: string): RefusableClaim {
  return { key: `logins from ${networkOf(address)}`, limit: loginsPerAddress, refusal: tooManyLogins() };
}

/** For a session that is about to begin. */
export function takeSession(
  state: SharedState,
  limits: ConnectionLimits,
  { principal, role, address }: { principal: Principal; role: RolePolicy; address: string },
): Promise<TakenSlot> {
  const reserved = role.access === 'unrestricted' ? 0 : limits.reservedConnections;
  return takeAll(state, [
    {
      key: `sessions of ${principal.name}`,
      limit: connectionLimit(principal, role),
      refusal: tooManyConnections(principal.name),
    },
    {
      key: `sessions from ${networkOf(address)}`,
      limit: limits.connectionsPerAddress,
      refusal: tooManyFromAddress(),
    },
    {
      key: 'sessions',
      limit: limits.connections - reserved,
      refusal: reserved > 0 ? reservedConnections() : tooManyClients(),
    },
  ]);
}

async function takeAll(state: SharedState, claims: readonly RefusableClaim[]): Promise<TakenSlot> {
  const full = await state.take(claims.map(({ key, limit }) => ({ key, limit })));
  if (full !== undefined) return { refusal: claims[full]?.refusal ?? tooManyClients() };
  const keys = claims.map(({ key }) => key);
  return { held: new HeldSlots(state, keys) };
}
