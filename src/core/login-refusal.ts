/** Every way in which a login ends without a session: what the client is told, and the reason in the decision log. */
import type { Refusal } from './refusal.ts';

/** A closed list, as `Reason` for statements. */
export type LoginReason =
  | 'protocol' // the peer does not speak it, or not this version
  | 'tls-required'
  | 'too-many-logins' // connections before login
  | 'startup-setting' // a setting or option that a client may not choose
  | 'database'
  | 'password' // wrong, or no such principal: not told apart
  | 'token' // refused, or not of an end user who may log in
  | 'token-unchecked' // the issuer's keys cannot be had
  | 'discovery' // no login yet: the client asked where it gets a token
  | 'address'
  | 'expired'
  | 'certificate'
  | 'disabled'
  | 'locked'
  | 'break-glass' // closed, and nothing opens it now
  | 'connections'
  | 'upstream'
  | 'not-recorded'
  | 'stopping'
  | 'idle' // a session that its client left waiting
  | 'internal';

export interface LoginRefusal {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly reason: LoginReason;
  /** Its answer has waited for what failed before (`attempted`), or for the client itself. */
  readonly hasWaited?: true;
  /** What else the operators' log says; the client is never told. */
  readonly forOperators?: Readonly<Record<string, unknown>>;
}

function refuse(reason: LoginReason, sqlstate: string, message: string, hint?: string): LoginRefusal {
  return { reason, sqlstate, message, ...(hint !== undefined && { hint }) };
}

export const protocolViolation = (message: string) => refuse('protocol', '08P01', message);

export const unsupportedProtocol = (major: number, minor: number) =>
  refuse('protocol', '0A000', `unsupported frontend protocol ${major}.${minor}: Rowgate supports 3.0 to 3.2`);

export const noUserName = () => refuse('protocol', '28000', 'no PostgreSQL user name specified in startup packet');

export const replicationRefused = () => refuse('protocol', '0A000', 'replication connections are not supported');

export const tlsRequired = (): LoginRefusal => ({
  ...refuse('tls-required', '28000', 'connection requires TLS'),
  detail: 'The configuration of Rowgate has "tls", and "tls.required" is true where it does not say otherwise.',
  hint: 'Set sslmode=require, or better sslmode=verify-full, in the client.',
});

export const tooManyLogins = () =>
  refuse('too-many-logins', '53300', 'too many connections that have not logged in yet', 'Try again in a moment.');

export const loginTimeout = (): LoginRefusal => ({
  ...refuse('protocol', '08006', 'login took too long'),
  hasWaited: true,
});

export const unknownOption = (option: string) =>
  refuse(
    'startup-setting',
    '0A000',
    `command-line option "${option}" is not supported`,
    'Settings are given as -c name=value.',
  );

export const settingNotAllowed = (name: string) =>
  refuse('startup-setting', '42501', `permission denied to set parameter "${name}"`);

export const settingPinned = (name: string, value: string) =>
  refuse('startup-setting', '42501', `parameter "${name}" cannot be changed`, `Rowgate keeps it at ${value}.`);

export const invalidSetting = (name: string, value: string) =>
  refuse('startup-setting', '22023', `invalid value for parameter "${name}": "${value}"`);

export const notThroughPooler = (name: string) =>
  refuse(
    'startup-setting',
    '0A000',
    `parameter "${name}" cannot be set at startup through a pooler of transactions`,
    'Set it inside a transaction by SET LOCAL.',
  );

export const encodingRefused = (encoding: string) =>
  refuse('startup-setting', '0A000', `client encoding "${encoding}" is not supported`, 'Set client_encoding to UTF8.');

export const unknownDatabase = (database: string) =>
  refuse('database', '3D000', `database "${database}" does not exist`);

/** INVARIANT 89: the same words for a wrong password and for a principal that does not exist. */
export const wrongPassword = (user: string) =>
  refuse('password', '28P01', `password authentication failed for user "${user}"`);

/** The same words for every token that does not let in by that name. `detail` says nothing about names. */
export const tokenRefused = (user: string, detail?: string): LoginRefusal => ({
  ...refuse('token', '28000', `OAuth bearer authentication failed for user "${user}"`),
  ...(detail !== undefined && { detail }),
});

export const tokenUnchecked = () =>
  refuse(
    'token-unchecked',
    '28000',
    'the token cannot be checked now',
    'The keys of its issuer cannot be had. Try again later.',
  );

/** Only for a client with a valid token. */
export const severalPrincipals = () =>
  refuse(
    'token',
    '28000',
    'several principals take this token',
    'Log in by the name of one of them in the place of your own.',
  );

/** The message of a refused token, after which the client sends another one. */
export const tokenAsked = (user: string): LoginRefusal => ({ ...tokenRefused(user), reason: 'discovery' });

/** For the token in the startup packet: a client that has proved its password is told what is wrong with it. */
export const startupToken = ({ sqlstate, message }: Refusal) => refuse('token', sqlstate, message);

export const noTokens = () => refuse('token', '28000', 'this account takes no tokens');

export const noTokensHere = () => refuse('token', '28000', 'logins by token are not configured here');

export const tokenOverTls = () =>
  refuse('tls-required', '28000', 'a token is taken over TLS only', 'Set sslmode=verify-full in the client.');

export const wrongAddress = (user: string) =>
  refuse(
    'address',
    '28000',
    `user "${user}" may not log in from this address`,
    'The principal\'s "from" lists the addresses.',
  );

export const expired = (user: string) => refuse('expired', '28000', `login of user "${user}" is no longer valid`);

export const certificateRequired = (user: string) =>
  refuse('certificate', '28000', `user "${user}" must show its own client certificate`);

export const certificateExpired = (user: string) =>
  refuse('certificate', '28000', `client certificate of user "${user}" is out of date`);

export const certificateRevoked = () => refuse('certificate', '28000', 'client certificate is revoked');

export const revocationUnknown = () =>
  refuse('certificate', '28000', 'client certificate could not be checked against a current revocation list');

export const certificateNotTrusted = () => refuse('certificate', '28000', 'client certificate is not trusted');

export const principalDisabled = (user: string) => refuse('disabled', '28000', `user "${user}" is disabled`);

export const roleDisabled = (role: string) =>
  refuse('disabled', '28000', `role "${role}" is disabled`, 'The operator finds the reason with "rowgate check".');

export const tooManyConnections = (user: string) =>
  refuse('connections', '53300', `too many connections for role "${user}"`);

export const tooManyFromAddress = () => refuse('connections', '53300', 'too many connections from this address');

export const tooManyClients = () => refuse('connections', '53300', 'sorry, too many clients already');

export const reservedConnections = () =>
  refuse('connections', '53300', 'remaining connection slots are reserved for unrestricted roles');

export const upstreamRefused = (sqlstate: string, message: string) => refuse('upstream', sqlstate, message);

export const notRecorded = () => refuse('not-recorded', '58030', 'could not write the decision log');

/** In PostgreSQL's words, as is the next. */
export const sessionIdle = () => refuse('idle', '57P05', 'terminating connection due to idle-session timeout');

export const transactionIdle = () =>
  refuse('idle', '25P03', 'terminating connection due to idle-in-transaction timeout');

export const notReady = () => refuse('upstream', '57P03', 'Rowgate is waiting for the database server');

export const stopping = () => refuse('stopping', '57P03', 'Rowgate is shutting down');

export const internalError = (err: unknown): LoginRefusal => ({
  ...refuse('internal', 'XX000', 'internal error in Rowgate'),
  forOperators: { err },
});
