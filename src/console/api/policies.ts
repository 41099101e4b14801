/** Policies: who sees which table, their history, their problems, and other ones tried out. Nothing is applied from here. */
import { z } from 'zod';
import { count, name, part, rule, time } from './values.ts';

/** In one word, of the table as a whole: the most that a role sees of it. */
export const seen = z.enum(['whole', 'filtered', 'masked', 'some-columns', 'nothing']);

/** GET /api/policies */
export const policiesPage = z.object({
  tables: z.array(z.string()),
  roles: z.array(
    z.object({
      name,
      mode: z.enum(['enforce', 'observe']),
      unrestricted: z.boolean(),
      disabled: z.string().optional(),
      rule,
      principals: count,
      /** By table; `filtered` and `masked` may hold together. Absent: nothing. */
      sees: z.record(
        z.string(),
        z.object({
          form: seen,
          filtered: z.boolean(),
          masked: count,
          withheld: count,
          writes: z.array(z.string()),
          rule: rule.optional(),
        }),
      ),
    }),
  ),
  errors: z.array(z.string()),
});

/** GET /api/policies/history, the newest first. */
export const policyHistory = z.object({
  changes: z.array(
    z.object({
      time,
      guard: z.string(),
      from: z.string().optional(),
      to: z.string(),
      by: z.string(),
      via: z.string(),
      /** The problems of an edit that was rejected. */
      problems: z.array(z.string()).optional(),
      /** Its files are kept beside the log: it can be compared. */
      kept: z.boolean(),
    }),
  ),
});

/** POST /api/policies/diff: hashes of the history; without `to`, the folder as it is. */
export const diffQuestion = z.strictObject({
  from: z.string().regex(/^(sha256:)?[0-9a-f]{8,64}$/),
  to: z
    .string()
    .regex(/^(sha256:)?[0-9a-f]{8,64}$/)
    .optional(),
});
export const diffFound = z.object({
  changes: z.array(z.object({ principal: z.string().nullable(), words: z.string(), less: z.boolean() })),
  unproven: count,
  errors: z.array(z.string()),
  notCompared: z.array(z.string()),
});

export const diagnostic = z.object({
  file: z.string(),
  line: count,
  column: count,
  severity: z.enum(['error', 'warning']),
  message: z.string(),
  accepted: z.unknown().optional(),
});

/** GET /api/policies/check, and the answer of POST /api/policies/try with `do: check`. */
export const checkFound = z.object({
  diagnostics: z.array(diagnostic),
  roles: count,
  principals: count,
  unrestricted: z.array(z.string()),
  observed: z.array(z.string()),
  grants: z.array(z.string()),
});

export const policyFile = z.strictObject({
  /** Within the folder, as `roles/teacher.yaml`. */
  path: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,3}\.ya?ml$/),
  /** Null: without this file. */
  text: z.string().max(200_000).nullable(),
});

/** GET /api/policies/files (auditor): the folder's text, without passwords, to edit in the page. */
export const policyFiles = z.object({ files: z.array(z.object({ path: z.string(), text: z.string() })) });

/** POST /api/policies/try (auditor): files that replace those of the folder for the trial; the folder itself does not change. */
export const tryQuestion = z.strictObject({
  files: z.array(policyFile).min(1).max(100),
  do: z.array(z.enum(['check', 'test', 'replay', 'diff'])).min(1),
  /** Of `replay`. */
  since: z.string().max(40).optional(),
});

export const replayFound = z.object({
  span: z.object({ from: z.string(), to: z.string() }).nullable(),
  all: count,
  sent: count,
  same: count,
  refused: count,
  narrower: count,
  wider: count,
  unknown: count,
  byShape: count,
  statements: z.array(
    z.object({
      principal: z.string(),
      role: z.string().optional(),
      statement: z.string().nullable(),
      count,
      last: time,
      byShape: z.boolean(),
      /** refused, narrower, allowed, wider, unknown */
      kind: z.string(),
      reason: z.string().optional(),
      rule: rule.optional(),
      message: z.string().optional(),
      words: z.string().optional(),
      why: z.string().optional(),
    }),
  ),
  limits: z.array(
    z.object({ principal: z.string(), name: z.string(), effect: z.string(), rule, count, first: z.unknown() }),
  ),
  strange: count,
  errors: z.array(z.string()),
});

export const testFound = z.object({
  tests: count,
  passed: count,
  failed: count,
  skipped: count,
  results: z.array(
    z.object({
      file: z.string(),
      line: count,
      name: z.string(),
      status: z.enum(['passed', 'failed', 'skipped', 'broken']),
      /** What differed, or why it was skipped. */
      differs: z.string().nullable(),
    }),
  ),
  errors: z.array(z.string()),
});

export const tried = z.object({
  check: part(checkFound).optional(),
  test: part(testFound).optional(),
  replay: part(replayFound).optional(),
  diff: part(diffFound).optional(),
});
