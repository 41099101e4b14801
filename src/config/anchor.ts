/** The key `log.anchor`: where the head of the log is kept, out of reach of anyone who can change the log. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { mapping, written } from '../policy/schema/schema-values.ts';
import { FORMS, readDuration } from '../policy/source/quantity.ts';
import { type CollectorAddress, collectorAddress } from './collector-address.ts';

export interface AnchorConfig {
  readonly to: CollectorAddress | { readonly kind: 'file'; readonly path: string };
  /** PEM file, absolute. */
  readonly ca?: string;
  readonly everyMs: number;
}

const EVERY_MS = 60_000;
const LEAST_EVERY_MS = 1_000;
const EXPECTED = 'expected a file, https://…, syslog://host:514 or syslog+tls://host:6514, without a user';

export const anchorSchema = mapping({
  to: z
    .string()
    .min(1)
    // Text in the form of an address must be a valid one.
    .refine((to) => collectorAddress(to) !== undefined || !/^[a-z+]+:/i.test(to), EXPECTED),
  every: written(FORMS.duration, readDuration)
    .refine((ms) => ms >= LEAST_EVERY_MS, 'expected at least 1 s')
    .default(EVERY_MS),
  ca: z.string().min(1).optional(),
})
  .refine(({ to, ca }) => ca === undefined || /^(https|syslog\+tls):/.test(to), {
    path: ['ca'],
    error: 'expected an address with TLS beside it',
  })
  .optional();

/** `folder`: of the configuration; its paths are relative to it. */
export function anchorOf(folder: string, raw: z.output<typeof anchorSchema>): { readonly anchor?: AnchorConfig } {
  if (!raw) return {};
  const to = collectorAddress(raw.to) ?? { kind: 'file' as const, path: resolve(folder, raw.to) };
  return { anchor: { to, everyMs: raw.every, ...(raw.ca !== undefined && { ca: resolve(folder, raw.ca) }) } };
}
