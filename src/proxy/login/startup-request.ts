/** What a StartupMessage asks for: who, which database, which settings. Everything that is not understood is refused. Pure. */
import { type LoginRefusal, noUserName, replicationRefused, unknownOption } from './login-refusal.ts';
import { parseOptions } from './startup-options.ts';
import { readSetting } from './startup-settings.ts';

export interface StartupRequest {
  readonly user: string;
  readonly database: string;
  readonly application: string;
  /** What the client chose, by lower-case name, `application_name` included; for the server. */
  readonly settings: ReadonlyMap<string, string>;
}

export type ReadRequest =
  | { readonly request: StartupRequest; readonly refusal?: undefined }
  | { readonly refusal: LoginRefusal };

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
  for (const [name, value] of wanted) {
    const read = readSetting(name, value, pinned);
    if (read.refusal) return { refusal: read.refusal };
    if (read.setting) settings.set(...read.setting);
  }
  return {
    request: {
      user,
      database: parameters.get('database') || user,
      application: settings.get('application_name') ?? '',
      settings,
    },
  };
}
