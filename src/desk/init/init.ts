/** What `rowgate init` does: reads a server, drafts a policy of it, and writes the files. Says what it did; prints nothing. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ask } from '../../app/ask-server.ts';
import { catalogText } from '../../catalog/file.ts';
import { readCatalogWithReaches } from '../../catalog/reaches.ts';
import type { UpstreamConfig } from '../../config/config.ts';
import { upstreamOf, upstreamSchema } from '../../config/upstream.ts';
import { parseUpstreamUrl } from '../../config/upstream-url.ts';
import { parseSearchPath } from '../../guard/search-path.ts';
import { Catalog } from '../../sql/catalog/catalog.ts';
import { draftPolicy, type PolicyDraft } from './draft.ts';
import { OWN_ACCOUNT, type WrittenFiles, writeFiles } from './files.ts';
import { readComments, readLogins, readVerifiers } from './logins.ts';

export interface InitOptions {
  /** Of an account that sees what there is: a superuser's, where passwords are to be kept. */
  readonly url: string;
  readonly folder: string;
  readonly subjects: readonly string[];
  readonly keepPasswords: boolean;
}

export interface Initialized extends WrittenFiles {
  readonly draft: PolicyDraft;
  readonly superusers: readonly string[];
}

/** The parser must be loaded. Throws NoSubject, an Error for an invalid URL, and the server's errors. */
export async function initialize({ url, folder, subjects, keepPasswords }: InitOptions): Promise<Initialized> {
  const upstream = upstreamFrom(url);
  const roles = await rolesIn(folder);
  return ask(upstream, async (query) => {
    const data = await readCatalogWithReaches(query);
    const catalog = new Catalog(data);
    const { logins, superusers } = await readLogins(query, new Set([OWN_ACCOUNT]));
    const comments = await readComments(query);
    const [setting] = await query('SHOW search_path');
    const named = parseSearchPath(String(setting?.search_path ?? '')) ?? [];
    const found = named.filter((schema) => catalog.hasSchema(schema) && !schema.startsWith('pg_'));
    const searchPath = found.length > 0 ? found : ['public'];
    const draft = draftPolicy({ catalog, searchPath, logins, subjects, comments, timeZone: 'UTC', roles });
    const names = [...draft.roles.keys()];
    const verifiers = keepPasswords ? await readVerifiers(query, names) : new Map<string, string>();
    const written = await writeFiles({
      folder,
      draft,
      url: (user, password) => url.replace(/^(postgres(?:ql)?:\/\/)[^@/]*@/, `$1${user}:${password}@`),
      database: upstream.database,
      searchPath,
      verifiers,
      catalogText: catalogText(data),
    });
    return { ...written, draft, superusers };
  });
}

function upstreamFrom(url: string): UpstreamConfig {
  const parsed = parseUpstreamUrl([{ text: url, fromVariable: true }]);
  if (typeof parsed === 'string') throw new Error(`--url: ${parsed}`);
  const upstream = upstreamOf('.', upstreamSchema.parse({ url }), parsed);
  if (typeof upstream === 'string') throw new Error(`--url: ${upstream}`);
  return upstream;
}

/** Logins that have a principal already, with its role. */
async function rolesIn(folder: string): Promise<Map<string, string>> {
  const file = join(folder, 'policies/principals.yaml');
  if (!existsSync(file)) return new Map();
  const { principals = {} } = (parse(await readFile(file, 'utf8')) ?? {}) as {
    principals?: Readonly<Record<string, { role?: unknown }>>;
  };
  return new Map(Object.entries(principals).map(([login, { role }]) => [login, String(role)]));
}
