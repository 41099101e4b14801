/** The schema of `*.test.yaml`: what a policy is expected to do. What its names mean is for `test-file.ts`. */
import { z } from 'zod';
import { REASONS, type Reason } from '../../core/reasons.ts';
import { attributeName, catalogName, mapping, name, written } from '../../policy/schema/schema-values.ts';
import { FORMS, readDuration } from '../../policy/source/quantity.ts';

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()], { error: 'expected a value' });

/** Why a test that is refused may be refused: a reason of the decision log, or that of a login that has ended. */
export type ExpectedReason = Reason | 'expired';

const REASON_WORDS = ['expired', ...(Object.keys(REASONS) as Reason[])] as const;

/** The principal or role, and the time: of a whole file, or of one test. */
const WHO = {
  as: name.optional(),
  role: name.optional(),
  attributes: z.record(attributeName, z.union([scalar, z.array(scalar)])).optional(),
  user: z.record(z.string().min(1), z.unknown()).optional(),
  now: z.string({ error: 'expected a time such as 2026-11-25T12:00' }).optional(),
} as const;

/** `take: { student: 51, within: 1 day }`: amounts by what they count. */
const take = z
  .object({ within: written(FORMS.duration, readDuration).optional() })
  .catchall(z.union([z.int().nonnegative(), z.string()], { error: 'expected an amount' }));

export const testSchema = mapping({
  name: z.string().min(1).optional(),
  ...WHO,
  sql: z.string().min(1).optional(),
  parameters: z.array(scalar).optional(),
  effect: z.enum(['pass', 'allow', 'rewrite', 'refuse']).optional(),
  reason: z.enum(REASON_WORDS).optional(),
  rows: z.array(z.array(scalar)).optional(),
  take: take.optional(),
  sees: z.record(catalogName, z.enum(['plain', 'masked', 'withheld'])).optional(),
});

export const testFileSchema = mapping({
  ...WHO,
  data: z.string().min(1).optional(),
  tests: z.array(testSchema).min(1),
});

export type WrittenTest = z.output<typeof testSchema>;
export type WrittenTestFile = z.output<typeof testFileSchema>;
export type Sight = 'plain' | 'masked' | 'withheld';
