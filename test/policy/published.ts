/** What is published of the schemas: a JSON Schema for editors, and the reference of every key in docs/policies.md. */
import { z } from 'zod';
import { approversSchema } from '../../src/policy/compile/approvers.ts';
import { principalSchema, principalsFileSchema, subjectsSchema } from '../../src/policy/schema/principals-schema.ts';
import { grantsSchema, roleSchema } from '../../src/policy/schema/role-schema.ts';

interface Json {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly title?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Json>>;
  readonly additionalProperties?: Json | boolean;
  readonly items?: Json;
  readonly anyOf?: readonly Json[];
  readonly required?: readonly string[];
}

function jsonOf(schema: z.ZodType): Json {
  const { $schema, ...json } = z.toJSONSchema(schema, { io: 'input', target: 'draft-7' });
  return json as Json;
}

function principalsJson(): Json {
  const file = jsonOf(principalsFileSchema);
  const { description } = file.properties?.principals ?? {};
  const principals = {
    type: 'object',
    additionalProperties: jsonOf(principalSchema),
    ...(description && { description }),
  };
  return { ...file, properties: { principals } };
}

/** The files of the folder, each told by the key that only it has. */
const FILES: readonly {
  readonly key: string;
  readonly name: string;
  readonly title: string;
  readonly schema: () => Json;
}[] = [
  { key: 'role', name: 'role', title: 'Role files: `roles/*.yaml`', schema: () => jsonOf(roleSchema) },
  { key: 'principals', name: 'principals', title: 'Who may log in: `principals.yaml`', schema: principalsJson },
  {
    key: 'subjects',
    name: 'subjects',
    title: 'Whose data it is: `subjects.yaml`',
    schema: () => jsonOf(subjectsSchema),
  },
  {
    key: 'approvers',
    name: 'approvers',
    title: 'Who may approve exports: `approvers.yaml`',
    schema: () => jsonOf(approversSchema),
  },
  {
    key: 'tables',
    name: 'grants',
    title: 'Grants for many roles: `grants/*.yaml`',
    schema: () => jsonOf(grantsSchema),
  },
];

/** policies/schema.json: one schema for every file, so that a mistake is told in terms of the file at hand. */
export function publishedSchema(): string {
  const pick = (files: typeof FILES): object => {
    const [first, ...others] = files;
    if (!first) return {};
    const chosen = { $ref: `#/definitions/${first.name}` };
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
    return others.length === 0 ? chosen : { if: { required: [first.key] }, then: chosen, else: pick(others) };
  };
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Rowgate policy file',
    ...pick(FILES),
    definitions: Object.fromEntries(FILES.map(({ name, schema }) => [name, schema()])),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

/** The generated part of docs/policies.md. */
export function keyReference(): string {
  return FILES.map(({ title, schema }) => {
    const rows = keys(schema(), '', title.startsWith('Role'));
    return `## ${title}\n\n| key and value | meaning |\n|---|---|\n${rows.join('\n')}\n`;
  }).join('\n');
}

/** One line of the table for each key; `NAME` stands for a name of your own. What a role file has too is spelled out there alone. */
function keys(json: Json, path: string, isRole: boolean): string[] {
  const rows: string[] = [];
  for (const [key, value] of Object.entries(json.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    const needed = json.required?.includes(key) ? ' Required.' : '';
    const model = /(?:^|\.)(limits|during|tables|accept)(?:_per_user)?$/.exec(at)?.[1];
    const isElsewhere = model !== undefined && !(isRole && at === model);
    // What each command of a table may say is spelled out under `select`.
    if (/^tables\.NAME\.(?!select)\w+\.(?:rows|scope)$/.test(at)) continue;
    const kind = isElsewhere ? `as \`${model}\` of a role` : valueKind(value);
    rows.push(`| \`${at}\`: ${kind} | ${describe(value)}${needed} |`);
    if (!isElsewhere) for (const nested of containers(value, at)) rows.push(...keys(nested.json, nested.path, isRole));
  }
  return rows;
}

/** The mappings with known keys inside a value, with the path by which they are reached. */
function containers(json: Json, path: string): { json: Json; path: string }[] {
  if (json.properties) return [{ json, path }];
  if (json.anyOf) return json.anyOf.flatMap((branch) => containers(branch, path));
  if (json.items) return containers(json.items, `${path}[]`);
  if (typeof json.additionalProperties === 'object') return containers(json.additionalProperties, `${path}.NAME`);
  return [];
}

function describe(json: Json): string {
  return (json.description ?? '').replaceAll('|', '\\|');
}

function valueKind(json: Json): string {
  if (json.title !== undefined) return json.title;
  if (json.anyOf) {
    const kinds = [...new Set(json.anyOf.map(valueKind))];
    return kinds[1] === `list of ${kinds[0]}` ? `${kinds[0]}, or a list` : kinds.join(' or ');
  }
  if (json.const !== undefined) return `\`${String(json.const)}\``;
  if (json.enum) return json.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (json.type === 'array') return `list of ${json.items ? valueKind(json.items) : 'anything'}`;
  if (json.type === 'object') {
    return json.properties
      ? 'mapping'
      : `by name: ${typeof json.additionalProperties === 'object' ? valueKind(json.additionalProperties) : 'anything'}`;
  }
  if (json.type === 'integer') return 'whole number';
  return json.type === 'string' ? 'text' : String(json.type);
}
