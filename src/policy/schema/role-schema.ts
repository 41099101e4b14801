/** The schemas of role files (`roles/*.yaml`) and grants files (`grants/*.yaml`). */
import { z } from 'zod';
import { raise } from '../compile/signed.ts';
import type { StatementOption } from '../model/policy.ts';
import { during, limitsPerUser, lock, roleLimits, throttle, whenExceeded } from './limits-schema.ts';
import { accept, attributeName, catalogName, mapping, name, sql } from './schema-values.ts';

/** Words that `statements:` may hold. */
export const SEQUENCE_RIGHTS = ['usage', 'select', 'update'] as const;

const STATEMENT_OPTIONS = [
  'copy_to',
  'copy_from',
  'explain',
  'explain_analyze',
  'listen',
  'notify',
  'lock',
  'call',
] as const satisfies readonly StatementOption[];

const columns = z.union([z.literal('*'), z.array(catalogName)], {
  error: 'expected a list of columns, or "*" in quotes',
});
const rows = sql.optional().describe('An SQL condition: only rows for which it is true. `:name` is an attribute.');
const scope = z
  .literal('none')
  .optional()
  .describe('`none`: the role’s scope does not hold for this command. The exception that must be said.');

const write = mapping({ columns: columns.describe('The columns that may be written, or `"*"`.'), rows, scope });

const table = mapping({
  rows: rows.describe('An SQL condition for every command on the table; ANDed to the command’s own.'),
  select: mapping({
    columns: columns
      .optional()
      .describe(
        'The columns that are seen as they are; `"*"` (not on a table with a subject’s key) is all of them, those of tomorrow too.',
      ),
    masks: z
      .record(catalogName, sql)
      .optional()
      .describe('By column: the SQL expression that is seen under the column’s name, in its type.'),
    rows,
    scope,
  })
    .refine((value) => value.columns !== undefined || value.masks !== undefined, { error: 'expected columns or masks' })
    .optional()
    .describe('What may be read.'),
  insert: write.optional().describe('What may be inserted; with `rows` and `scope` as `select`.'),
  update: write.optional().describe('What may be updated; with `rows` and `scope` as `select`.'),
  delete: mapping({ rows, scope })
    .optional()
    .describe('Rows may be deleted: `delete: {}`, or with `rows` and `scope` as `select`.'),
  accept,
}).refine((value) => (value.select ?? value.insert ?? value.update ?? value.delete) !== undefined, {
  error: 'expected at least one of select, insert, update and delete',
});

const tables = z
  .record(catalogName, table)
  .describe(
    'The tables and views that the role may use. Without a schema: that of the one schema on `search_path` that has it.',
  );

export const roleSchema = mapping({
  role: name.describe('The name of the role.'),
  description: z.string().optional().describe('For people.'),
  mode: z
    .enum(['enforce', 'observe'])
    .optional()
    .describe('`enforce` (the default), or `observe`: decide and record, forward unchanged.'),
  access: z
    .literal('unrestricted')
    .optional()
    .describe(
      'For migrations and DBAs: everything may be read and written; it is recorded and metered, and limits hold.',
    ),
  attributes: z
    .record(attributeName, z.string())
    .optional()
    .describe(
      'By name: the type of a value that each principal brings (`integer`, `bigint`, `text`, `uuid`, `date`, `boolean`, or a list as `integer[]`); `bigint from token` where the person behind the account brings it.',
    ),
  use: z.array(z.string()).optional().describe('Names of grants files: `[reference]` is `grants/reference.yaml`.'),
  scope: z
    .record(name, sql)
    .optional()
    .describe(
      'By subject: whose data the role may reach. A condition on the table of the subject’s first key, or `all`. Needed for every subject of which a table is granted.',
    ),
  tables: tables.optional(),
  temporary: z
    .record(catalogName, z.record(catalogName, z.string()))
    .optional()
    .describe(
      'Tables that each session may make for itself, by `CREATE TEMP TABLE` with just these columns: `work_ids: { id: bigint, note: text }`. No relation that a name alone could mean may be called so.',
    ),
  sequences: z
    .record(catalogName, z.array(z.enum(SEQUENCE_RIGHTS)).min(1))
    .optional()
    .describe(
      'Sequences, by PostgreSQL’s privileges: `usage` (`nextval`, `currval`), `select` (its row, `currval`), `update` (`nextval`, `setval`): `{ invoice_number: [usage] }`.',
    ),
  functions: z
    .array(catalogName)
    .optional()
    .describe(
      'Functions and procedures beyond the built-in safe set: `public.school_year`, or with argument types where the name has several; of the server’s own (`pg_advisory_xact_lock`) a name means all.',
    ),
  types: z
    .array(catalogName)
    .optional()
    .describe(
      'Types that may be named, beyond the server’s own and those of granted columns and functions: `public.percentage`. A domain’s CHECK then runs on any value.',
    ),
  collations: z
    .array(catalogName)
    .optional()
    .describe('Users’ collations that COLLATE may name, beyond granted columns’.'),
  catalogs: z
    .array(catalogName)
    .optional()
    .describe(
      'System catalogs read whole: `pg_policies`. Only where every table is held whole, without subjects: they tell of rows.',
    ),
  settings: z
    .record(catalogName, z.union([z.string(), z.number()]))
    .optional()
    .describe(
      'Parameters that may be set beyond the harmless ones: `any`, or for memory and workers the most: `{ work_mem: 64MB, app.tenant: any }`. The planner’s move the order of rows, which may tell of withheld columns; what functions read of an application’s own is the client’s to say: `check` warns.',
    ),
  statements: z.array(z.enum(STATEMENT_OPTIONS)).optional().describe('Kinds of statements beyond the ordinary ones.'),
  collect: z
    .enum(['deny', 'allow'])
    .optional()
    .describe(
      '`deny` (the default) refuses what brings values of several guarded rows into one, as `string_agg`; not where a limit on their people refuses.',
    ),
  min_group: z.int().min(2).optional().describe('Aggregates only, and no group of fewer subjects is shown.'),
  round_to: z
    .int()
    .min(2)
    .max(1_000_000)
    .optional()
    .describe('With `min_group`: counts alone, rounded to multiples of it.'),
  limits: roleLimits,
  limits_per_user: limitsPerUser.optional(),
  during: during.optional(),
  when_exceeded: whenExceeded.optional(),
  throttle: throttle.optional(),
  lock: lock.optional(),
  raise: raise.optional(),
  accept,
});

export const grantsSchema = mapping({
  description: z.string().optional().describe('For people.'),
  tables,
  accept,
});

export type RoleFile = z.output<typeof roleSchema>;
export type GrantsFile = z.output<typeof grantsSchema>;
export type TableGrant = z.output<typeof table>;
