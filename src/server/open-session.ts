/** From an admitted client to a running session: a place under its limit, the server's session, the record of the login, the relay. */
import { Buffer } from 'node:buffer';
import { type LoginRefusal, notRecorded, settingPinned, stopping, upstreamRefused } from '../core/login-refusal.ts';
import type { SessionContext } from '../decision-log/record-sink.ts';
import { pathOfRole } from '../guard/client-path.ts';
import { formatSearchPath, parseSearchPath } from '../guard/search-path.ts';
import { admit, type Peer } from '../identity/login-rules.ts';
import { userOf } from '../identity/proof.ts';
import { attributeValues } from '../policy/model/attribute-values.ts';
import { isGuarded } from '../policy/model/is-guarded.ts';
import type { RolePolicy } from '../policy/model/policy.ts';
import { authenticationOk } from '../protocol/authentication.ts';
import { backendKeyData } from '../protocol/backend-key-data.ts';
import { parameterStatus } from '../protocol/parameter-status.ts';
import { readyForQuery } from '../protocol/ready-for-query.ts';
import type { UpstreamSession } from '../upstream/connect.ts';
import type { AdmittedClient } from './login/client-login.ts';
import type { StartupChannel } from './login/startup-negotiation.ts';
import type { StartupRequest } from './login/startup-request.ts';
import type { Preconnect } from './preconnect.ts';
import { RunningSession } from './running-session.ts';
import type { Services } from './services.ts';
import { noLongerAdmitted } from './sessions.ts';
import { type HeldSlots, takeSession } from './slots/connection-limits.ts';
import { newUlid } from './ulid.ts';

/** Bytes of the cancel key: 4 is all that protocol 3.0 has room for. */
const SHORT_KEY = 4;
const LONG_KEY = 32;

export interface SessionOpening {
  readonly channel: StartupChannel;
  readonly admitted: AdmittedClient;
  /** Of the protocol that the client speaks. */
  readonly minor: number;
  readonly client: string;
  /** A session to the server that was begun while the client proved itself. */
  readonly early: Preconnect | undefined;
  readonly services: Services;
}

/** Begins a session to the server that the client will need if its login succeeds. Undefined if none is begun. */
export function beginPreconnect(request: StartupRequest, peer: Peer, services: Services): Preconnect | undefined {
  const { options, runtime, budgets, headStarts, clock } = services;
  const { pooling = 'none', database } = options;
  const principal = runtime.policy.principals.get(request.user);
  // A pooler has its sessions ready, and a new one may have to be looked at together with those that live.
  if (!principal || pooling !== 'none' || request.database !== database || services.draining()) return undefined;
  const admission = admit(runtime.policy, principal, peer, clock());
  if (admission.refusal || budgets.loginRefusal(principal.name, undefined)) return undefined;
  const { role } = admission;
  const opener = openerFor(role, request, services);
  if ('refusal' in opener) return undefined;
  const comer = { principal: principal.name, address: peer.address };
  return headStarts.begin(comer, role, () => services.upstream.open(opener));
}

function openerFor(role: RolePolicy, request: StartupRequest, services: Services) {
  const { options, upstreamSetup, pinned } = services;
  const { search_path: _, ...others } = Object.fromEntries(request.settings);
  const path = pathOfLogin(role, request, services);
  if (path === false) return { refusal: settingPinned('search_path', pinned.get('search_path') ?? '') };
  return upstreamSetup.opener(options.accountOf(role.name), role, new Map(Object.entries(others)), path);
}

/** The search_path in the startup packet, as far as its role can have it; undefined if it is the policy's, false if the role cannot have it. */
function pathOfLogin(
  role: RolePolicy,
  { settings }: StartupRequest,
  { options, runtime, pinned }: Services,
): string | false | undefined {
  const wanted = settings.get('search_path');
  if (wanted === undefined) return undefined;
  const { pooling = 'none' } = options;
  if (pooling !== 'none') return false;
  const names = wanted.trim() === '' ? [] : parseSearchPath(wanted);
  const own = pinned.get('search_path') ?? '';
  if (names && formatSearchPath(names) === own) return undefined;
  const path = names && (isGuarded(role) ? pathOfRole(names, role, runtime.catalog) : names);
  if (!path) return false;
  const text = formatSearchPath(path);
  return text === own ? undefined : text;
}

/** Undefined if the session runs; otherwise the refusal, and no connection to the server stays open. */
export async function openSession(opening: SessionOpening): Promise<LoginRefusal | undefined> {
  const { admitted, services } = opening;
  const { principal, role, request, proof } = admitted;
  const { address } = admitted.peer;
  const locked = services.budgets.loginRefusal(principal.name, userOf(proof));
  if (locked) return locked;
  // With the limits that hold at this time of the day.
  const now = services.runtime.sessionPolicy(principal.name) ?? { principal, role };
  const { shared, options } = services;
  const taken = await takeSession(shared, options.limits, { principal: now.principal, role: now.role, address });
  if ('refusal' in taken) return taken.refusal;
  let running = false;
  try {
    const opener = openerFor(role, request, services);
    if ('refusal' in opener) return opener.refusal;
    // From here to `run`, which closes it where it does not begin, nothing is refused.
    const early = await opening.early?.take(role);
    const opened = early ? { session: early } : await services.upstream.open(opener);
    if ('failure' in opened) {
      const { detail, refusal } = opened.failure;
      return { ...refusal, forOperators: { upstream: opener.user, detail } };
    }
    const refusal = await run(opening, opened.session, taken.held);
    running = refusal === undefined;
    return refusal;
  } finally {
    if (!running) taken.held.release();
  }
}

async function run(
  opening: SessionOpening,
  server: UpstreamSession,
  held: HeldSlots,
): Promise<LoginRefusal | undefined> {
  const { services, channel } = opening;
  let started = false;
  try {
    const refusal = refusalNow(opening, server);
    if (refusal) return refusal;
    const context = contextOf(opening);
    // No session begins unrecorded (promise P7).
    if (!(await services.records.login({ ...context, ...passwordOf(opening.admitted) }))) return notRecorded();
    const meanwhile = refusalNow(opening, server);
    if (meanwhile) return meanwhile;
    channel.reader.detach();
    connect(opening, server, context, held);
    started = true;
    return undefined;
  } finally {
    if (!started) server.socket.destroy();
  }
}

/** A session that the policy of now would not let in never begins. Throws where the client has left. */
function refusalNow(opening: SessionOpening, server: UpstreamSession): LoginRefusal | undefined {
  const { admitted, services, channel } = opening;
  const { principal, role, peer, proof } = admitted;
  channel.reader.check();
  if (services.draining()) return stopping();
  // The files may have changed since the handshake.
  const untrusted = peer.certificate && services.tls()?.authorities.noLongerTrusted(peer.certificate);
  if (untrusted) return untrusted;
  const login = { principal: principal.name, role: role.name, peer, proof, madeFor: role };
  return (
    noLongerAdmitted(login, services.runtime.policy, services.clock()) ??
    services.budgets.loginRefusal(principal.name, userOf(proof)) ??
    versionRefusal(opening, server)
  );
}

/** Statements are judged by what the server that runs them understands (promise P2): hosts of one upstream may differ. */
function versionRefusal({ services }: SessionOpening, server: UpstreamSession): LoginRefusal | undefined {
  const reported = server.parameters.get('server_version') ?? '';
  const known = services.runtime.serverVersion;
  if (Number.parseInt(reported, 10) === known) return undefined;
  return {
    ...upstreamRefused('08001', 'the database server is of another version than the one that is known'),
    forOperators: { reported, known },
  };
}

function contextOf({ admitted, channel, client, services }: SessionOpening): SessionContext {
  const { principal, role, request, user } = admitted;
  return {
    session: newUlid(),
    principal: principal.name,
    ...(user !== undefined && { user }),
    role: role.name,
    attributes: attributeValues(role.attributes, principal.attributes),
    client,
    ...(channel.certificate !== undefined && { certificate: channel.certificate.fingerprint }),
    database: services.options.database,
    application: request.application,
  };
}

/** Which of several passwords it was, while one is being replaced: so one sees who still has the old one. */
function passwordOf({ proof, principal: { verifiers } }: AdmittedClient): { readonly via?: string } {
  if (proof.kind !== 'password' || verifiers.length < 2) return {};
  return { via: `password ${verifiers.indexOf(proof.verifier) + 1} of ${verifiers.length}` };
}

/** Joins the two sides and lets the client begin. */
function connect(opening: SessionOpening, server: UpstreamSession, context: SessionContext, held: HeldSlots): void {
  const { admitted, services, channel, minor } = opening;
  const { role, peer, proof, token, finalMessage } = admitted;
  const statuses = [...server.parameters].map(([name, value]) => parameterStatus({ name, value }));
  const session = new RunningSession(services, {
    peer,
    proof,
    madeFor: role,
    context,
    client: channel.socket,
    server,
    held,
    token,
    // Not asked of the policy once more: it may have changed since. Statements are judged by the path that the server has, or not at all.
    path: server.searchPath,
    keyLength: minor >= 2 ? LONG_KEY : SHORT_KEY,
  });
  channel.socket.write(
    Buffer.concat([finalMessage, authenticationOk(), ...statuses, backendKeyData(session.key), readyForQuery('I')]),
  );
  services.budgets.loggedIn(context.principal, context.client);
  if (proof.kind === 'password') services.headStarts.cameIn({ principal: context.principal, address: peer.address });
  services.log.debug(session.logged, 'session began');
}
