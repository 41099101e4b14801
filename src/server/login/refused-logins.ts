/**
 * Records refused logins, in the decision log and the operators': the first ones of an address in a minute each by itself, the others when that is over, in one
 * record for each address, principal and reason that says how many they were.
 */
import type { Logger } from 'pino';
import type { LoginReason, LoginRefusal } from '../../core/login-refusal.ts';
import type { RecordSink, RefusedLogin } from '../../decision-log/record-sink.ts';
import type { ClientCertificate } from '../../identity/client-certificate.ts';
import type { PeerAddress } from '../../identity/peer-address.ts';
import type { Policy } from '../../policy/model/policy.ts';
import { networkOf } from '../slots/network-of.ts';
import type { StartupRequest } from './startup-request.ts';

const INTERVAL_MS = 60_000;
/** How many of an interval have a record of their own, from all addresses together. */
const MOST_WHOLE = 500;
/** Counts kept apart in an interval by address, and as many by principal alone. */
const MOST_GROUPS = 1_000;

/** A stranger's name may fill a startup packet; it does not fill the log. */
const SHOWN_OF_NAME = 64;

/** Who was refused, as far as that was known by then. */
export interface RefusedClient {
  readonly peer: PeerAddress;
  readonly request: StartupRequest | undefined;
  readonly certificate: ClientCertificate | undefined;
}

export interface RefusedLoginsOptions {
  readonly records: RecordSink;
  readonly log: Logger;
  policy(): Policy;
  readonly database: string;
  /** How many of an address have a record of their own. */
  readonly first: number;
  /** Told of each as it happens. */
  told?(reason: LoginReason, sqlstate: string): void;
  /** Of the log's records, milliseconds since the epoch. */
  clock(): number;
}

interface Group {
  readonly fields: RefusedLogin;
  readonly since: number;
  count: number;
}

export class RefusedLogins {
  /** By address, in this interval. */
  private readonly whole = new Map<string, number>();
  private wholeInAll = 0;
  private readonly groups = new Map<string, Group>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: RefusedLoginsOptions) {}

  add(refusal: LoginRefusal, client: RefusedClient): void {
    const { reason, sqlstate } = refusal;
    this.options.told?.(reason, sqlstate);
    this.begin();
    const network = networkOf(client.peer.address);
    if (this.takesWhole(network) && this.record(refusal, client)) return;
    const principal = this.known(client.request)?.user;
    this.groupOf(network, { ...(principal !== undefined && { principal }), reason, sqlstate }).count += 1;
  }

  /** Writes what has been counted, and starts from zero. Counts that cannot be written are kept. */
  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.whole.clear();
    this.wholeInAll = 0;
    for (const [key, { fields, since, count }] of this.groups) {
      const counted = { ...fields, count, since: new Date(since).toISOString() };
      if (!this.options.records.append('login-refused', counted)) continue;
      this.groups.delete(key);
      this.options.log.warn(counted, `logins refused: ${count} more`);
    }
    if (this.groups.size > 0) this.begin();
  }

  private begin(): void {
    this.timer ??= setTimeout(() => this.close(), INTERVAL_MS).unref();
  }

  private takesWhole(network: string): boolean {
    const taken = this.whole.get(network) ?? 0;
    if (taken >= this.options.first || this.wholeInAll >= MOST_WHOLE) return false;
    this.whole.set(network, taken + 1);
    this.wholeInAll += 1;
    return true;
  }

  /** If there are too many different ones, without the address, and then without the principal: so an interval writes only a few records. */
  private groupOf(client: string, fields: RefusedLogin): Group {
    const { reason, sqlstate } = fields;
    return (
      this.group({ ...fields, client }, MOST_GROUPS) ??
      this.group(fields, 2 * MOST_GROUPS) ??
      // Rowgate's own words, and what the server says: they are few.
      this.group({ reason, sqlstate }, Number.POSITIVE_INFINITY)!
    );
  }

  private group(fields: RefusedLogin, most: number): Group | undefined {
    const key = JSON.stringify([fields.client, fields.principal, fields.reason, fields.sqlstate]);
    const known = this.groups.get(key);
    if (known) return known;
    if (this.groups.size >= most) return undefined;
    const made = { fields, since: this.options.clock(), count: 0 };
    this.groups.set(key, made);
    return made;
  }

  /** Of a stranger's data only names that the policy has are kept: a password that was typed as the user name must not be logged. */
  private known(request: StartupRequest | undefined): StartupRequest | undefined {
    return request && this.options.policy().principals.has(request.user) ? request : undefined;
  }

  /** False where it could not be written. */
  private record(refusal: LoginRefusal, client: RefusedClient): boolean {
    const { log, records, database } = this.options;
    const { peer, request, certificate } = client;
    const known = this.known(request);
    const { principals, roles } = this.options.policy();
    const message = refusal.message.replace(/"([^"]*)"/g, (quoted, name: string) =>
      principals.has(name) || roles.has(name) ? quoted : '"…"',
    );
    log[refusal.reason === 'upstream' || refusal.reason === 'internal' ? 'error' : 'warn'](
      {
        client: peer.shown,
        principal: known?.user,
        sqlstate: refusal.sqlstate,
        ...(refusal.reason === 'token' && { detail: refusal.detail }),
        ...refusal.forOperators,
        subject: certificate?.subject?.slice(0, 4 * SHOWN_OF_NAME),
      },
      `login refused: ${message.slice(0, 4 * SHOWN_OF_NAME)}`,
    );
    return records.append('login-refused', {
      client: peer.shown,
      ...(known && { principal: known.user, application: known.application }),
      ...(request?.database === database && { database: request.database }),
      ...(certificate && { certificate: certificate.fingerprint }),
      reason: refusal.reason,
      sqlstate: refusal.sqlstate,
    });
  }
}
