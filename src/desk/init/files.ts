/** The files of a drafted policy: what is new is written, what is there is added to, and nothing is overwritten. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Document, isMap, isSeq, parseDocument } from 'yaml';
import { z } from 'zod';
import { configSchema } from '../../config/schema.ts';
import { identifier, sqlLiteral } from '../../native/sql-text.ts';
import { makeFolder } from '../../net/make-folder.ts';
import { POLICY_FILES } from '../../policy/schema/json-schemas.ts';
import { DEFAULT_ITERATIONS, formatVerifier, makeVerifier } from '../../protocol/scram-verifier.ts';
import { withMark } from '../learn/written-mark.ts';
import { type PolicyDraft, type SubjectDraft, subjectsFile, yamlOf } from './draft.ts';

export interface FilesInput {
  /** Of `rowgate.yaml`. */
  readonly folder: string;
  readonly draft: PolicyDraft;
  /** With user and password of the account that reads the catalog. */
  readonly url: (user: string, password: string) => string;
  readonly database: string;
  readonly searchPath: readonly string[];
  /** By login: the server's own, to be kept. */
  readonly verifiers: ReadonlyMap<string, string>;
  readonly catalogText: string;
}

export interface WrittenFiles {
  /** Relative to the folder. */
  readonly created: readonly string[];
  readonly extended: readonly string[];
  /** By login: made up here, and kept nowhere. */
  readonly passwords: ReadonlyMap<string, string>;
  /** What shuts the way past Rowgate, in `upstream.sql` as well. */
  readonly alterRoles: readonly string[];
}

/** The account that reads the catalog. */
export const OWN_ACCOUNT = 'rowgate';
const CONFIG = 'rowgate.yaml';
const SUBJECTS = 'policies/subjects.yaml';
const PRINCIPALS = 'policies/principals.yaml';
const UPSTREAM = 'upstream.sql';

/** Never overwrites: existing files are kept, or extended by missing entries. */
export async function writeFiles(input: FilesInput): Promise<WrittenFiles> {
  const { folder, draft } = input;
  const created: string[] = [];
  const extended: string[] = [];
  const create = async (path: string, text: string, mode = 0o644): Promise<void> => {
    if (existsSync(join(folder, path))) return;
    makeFolder(dirname(join(folder, path)));
    await writeFile(join(folder, path), text, { flag: 'wx', mode });
    created.push(path);
  };
  /** @param add adds what is missing; false if nothing was. */
  const extend = async (path: string, add: (document: Document) => boolean): Promise<void> => {
    const document = parseDocument(await readFile(join(folder, path), 'utf8'));
    if (!add(document)) return;
    await writeFile(join(folder, path), document.toString({ lineWidth: 0 }));
    extended.push(path);
  };

  for (const { name, schema } of POLICY_FILES)
    await create(`schemas/${name}.json`, `${JSON.stringify(schema(), undefined, 2)}\n`);
  const ofConfig = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7', unrepresentable: 'any' });
  await create('schemas/rowgate.json', `${JSON.stringify(ofConfig, undefined, 2)}\n`);

  const passwords = new Map<string, string>();
  const accounts = new Map<string, { role: string; password: string }>();
  const principals: Record<string, { role: string; password: string }> = {};
  for (const [login, { role }] of draft.roles) {
    const kept = input.verifiers.get(login);
    const password = madeUp();
    if (kept === undefined) passwords.set(login, password);
    principals[login] = { role, password: kept ?? (await verifierOf(password)) };
    accounts.set(login, { role, password: madeUp() });
  }
  const alterRoles: string[] = [];
  for (const [login, { password }] of accounts)
    alterRoles.push(`ALTER ROLE ${identifier(login)} PASSWORD ${sqlLiteral(await verifierOf(password))};`);

  const own = madeUp();
  const isNew = !existsSync(join(folder, CONFIG));
  const logins = Object.fromEntries(
    [...accounts].map(([login, { role, password }]) => [role, { user: forConfig(login), password }]),
  );
  if (isNew) {
    const config = {
      listen: '127.0.0.1:6432',
      upstream: { url: forConfig(input.url(OWN_ACCOUNT, own)), ...(accounts.size > 0 && { logins }) },
      search_path: input.searchPath,
      policies: './policies',
      log: { file: './decisions.jsonl' },
    };
    await create(CONFIG, `${modeline('schemas/rowgate.json')}${yamlOf(config)}`, 0o600);
  } else await extend(CONFIG, (document) => addEntries(document, ['upstream', 'logins'], logins));

  if (existsSync(join(folder, SUBJECTS))) await extend(SUBJECTS, (document) => addSubjects(document, draft.subjects));
  else await create(SUBJECTS, `${modeline('../schemas/subjects.json')}${yamlOf(subjectsFile(draft.subjects))}`);
  if (existsSync(join(folder, PRINCIPALS)))
    await extend(PRINCIPALS, (document) => addEntries(document, ['principals'], principals));
  else await create(PRINCIPALS, `${modeline('../schemas/principals.json')}${yamlOf({ principals })}`, 0o600);
  for (const role of draft.roles.values())
    await create(`policies/roles/${role.role}.yaml`, withMark(`${modeline('../../schemas/role.json')}${yamlOf(role)}`));
  await create('policies/catalog.json', input.catalogText, 0o600);

  const sql = upstreamSql(input.database, isNew ? await verifierOf(own) : undefined, alterRoles);
  const file = join(folder, UPSTREAM);
  if (!existsSync(file)) await create(UPSTREAM, sql, 0o600);
  else if (isNew || alterRoles.length > 0) {
    await writeFile(file, `\n${sql}`, { flag: 'a' });
    extended.push(UPSTREAM);
  }
  return { created, extended, passwords, alterRoles };
}

/** `verifier`: of the account that reads the catalog, where it is new. */
function upstreamSql(database: string, verifier: string | undefined, alterRoles: readonly string[]): string {
  const own = identifier(OWN_ACCOUNT);
  const account = verifier && [
    '-- Reads the catalog, and nothing else.',
    `CREATE ROLE ${own} LOGIN NOINHERIT PASSWORD ${sqlLiteral(verifier)};`,
    `GRANT CONNECT ON DATABASE ${identifier(database)} TO ${own};`,
  ];
  const logins = [
    '-- Rowgate logs in for each role by the login that it was drafted from: its rights, ownership, row security and current_user stay.',
    '-- From here on only Rowgate knows its password, so no client can connect past it.',
    ...alterRoles,
  ];
  return [...(account ?? []), ...(alterRoles.length > 0 ? logins : []), ''].join('\n');
}

function addSubjects(document: Document, subjects: readonly SubjectDraft[]): boolean {
  let added = false;
  for (const { name, keys, categories } of subjects) {
    const present = document.getIn(['subjects', name, 'keys'], true);
    if (!isSeq(present)) {
      if (document.hasIn(['subjects', name])) continue;
      document.setIn(['subjects', name], document.createNode({ keys, categories }));
      added = true;
      continue;
    }
    const known = new Set((present.toJSON() as unknown[]).map(String));
    for (const key of keys.filter((one) => !known.has(one))) {
      present.add(key);
      added = true;
    }
  }
  return added;
}

function addEntries(document: Document, path: readonly string[], entries: Readonly<Record<string, unknown>>): boolean {
  let added = false;
  for (const [name, value] of Object.entries(entries)) {
    if (document.hasIn([...path, name])) continue;
    if (!isMap(document.getIn(path, true))) document.setIn(path, document.createNode({}));
    document.setIn([...path, name], document.createNode(value));
    added = true;
  }
  return added;
}

function modeline(schema: string): string {
  return `# yaml-language-server: $schema=${relative('.', schema)}\n`;
}

/** `$` begins a variable there. */
function forConfig(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function madeUp(): string {
  return randomBytes(24).toString('base64url');
}

async function verifierOf(password: string): Promise<string> {
  return formatVerifier(await makeVerifier(password, randomBytes(16), DEFAULT_ITERATIONS));
}
