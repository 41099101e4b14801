/** The key `keys`: secrets for values that the policies do not hold in plain text. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { mapping } from '../policy/schema/schema-values.ts';

/** Characters of a key, at least: as good as 128 bits if generated at random. */
export const SHORTEST_KEY = 32;

/** The key of canaries: in a file of its own, or as a value that the configuration holds. */
export type CanaryKeySource = { readonly file: string } | { readonly secret: string };

const place = z.union([
  z
    .string()
    .min(1)
    .transform((file) => ({ file })),
  mapping({ secret: z.string().min(SHORTEST_KEY, `expected at least ${SHORTEST_KEY} characters`) }),
]);

export const keysSchema = mapping({ canaries: place.optional(), subjects: z.string().min(1).optional() }).prefault({});

/** `folder`: of the configuration; its paths are relative to it. */
export function keysOf(
  folder: string,
  { canaries, subjects }: z.output<typeof keysSchema>,
): { canaries?: CanaryKeySource; subjects?: string } {
  return {
    ...(canaries && { canaries: 'file' in canaries ? { file: resolve(folder, canaries.file) } : canaries }),
    ...(subjects !== undefined && { subjects: resolve(folder, subjects) }),
  };
}
