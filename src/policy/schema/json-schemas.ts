/** The JSON Schemas of policy files, for editors, made from the schemas that read the files. */
import { z } from 'zod';
import { approversSchema } from '../compile/approvers.ts';
import { principalSchema, principalsFileSchema, subjectsSchema } from './principals-schema.ts';
import { grantsSchema, roleSchema } from './role-schema.ts';

export interface Json {
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

/** The kinds of files in the folder, each recognized by a key that only it has. */
export const POLICY_FILES: readonly {
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

/** policies/schema.json: one schema for every file, so that an editor reports a mistake in terms of the file at hand. */
export function publishedSchema(): string {
  const pick = (files: typeof POLICY_FILES): object => {
    const [first, ...others] = files;
    if (!first) return {};
    const chosen = { $ref: `#/definitions/${first.name}` };
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
    return others.length === 0 ? chosen : { if: { required: [first.key] }, then: chosen, else: pick(others) };
  };
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Rowgate policy file',
    ...pick(POLICY_FILES),
    definitions: Object.fromEntries(POLICY_FILES.map(({ name, schema }) => [name, schema()])),
  };
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
