/** What a StartupMessage asks for: who, which database, which settings. Everything that is not understood is refused. Pure. */
import {
  invalidSetting,
  type LoginRefusal,
  noUserName,
  replicationRefused,
  unknownOption,
} from '../../core/login-refusal.ts';
import { parseOptions } from '../../upstream/startup-options.ts';
import { readSetting } from '../../upstream/startup-settings.ts';

export interface StartupRequest {
  readonly user: string;
  readonly database: string;
  readonly application: string;
  /** How the client wants to show who it is; absent: by what it is asked for. */
  readonly login?: TokenLoginWay;
  /** The token of the end user of the whole session. */
  readonly token?: string;
  /** What the client chose, by lower-case name, `application_name` included; for the server. */
  readonly settings: ReadonlyMap<string, string>;
}

/** `oauth`: by SASL OAUTHBEARER. `token`: by a token instead of a password. */
export type TokenLoginWay = 'oauth' | 'token';

/** Settings of the guard's own: they never go to the server. */
const LOGIN = 'rowgate.login';
const TOKEN = 'rowgate.token';

export type ReadRequest =
  | { readonly request: StartupRequest; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

/** Reads what a login uses of the startup packet. Other parameters are settings; `pinned` ones must have their pinned value. */
export function readRequest(parameters: ReadonlyMap<string, string>, pinned: ReadonlyMap<string, string>): ReadRequest {
  const user = parameters.get('user') ?? '';
  if (user === '') return { refusal: noUserName() };
  const replication = parameters.get('replication');
  if (replication !== undefined && !/^(false|off|no|0)$/i.test(replication)) return { refusal: replicationRefused() };
  const wanted: (readonly [string, string])[] = [];
  const options = parseOptions(parameters.get('options') ?? '');
  if ('unknown' in options) return { refusal: unknownOption(options.unknown) };
  wanted.push(...options.settings);
  for (const [name, value] of parameters) {
    if (!['user', 'database', 'replication', 'options'].includes(name)) wanted.push([name, value]);
  }
  const settings = new Map<string, string>();
  let login: TokenLoginWay | undefined;
  let token: string | undefined;
  // Of a name that is given twice the last value holds, as at the server: lib/pq puts its client_encoding behind what `options` says.
  for (const [name, value] of new Map(wanted.map((one) => [one[0].toLowerCase(), one])).values()) {
    if (name.toLowerCase() === LOGIN) {
      if (value !== 'oauth' && value !== 'token') return { refusal: invalidSetting(name, value) };
      login = value;
      continue;
    }
    if (name.toLowerCase() === TOKEN) {
      token = value || undefined;
      continue;
    }
    const read = readSetting(name, value, pinned);
    if (read.refusal) return { refusal: read.refusal };
    if (read.setting) settings.set(...read.setting);
  }
  return {
    request: {
      user,
      database: parameters.get('database') || user,
      application: settings.get('application_name') ?? '',
      ...(login && { login }),
      ...(token !== undefined && { token }),
      settings,
    },
  };
}
