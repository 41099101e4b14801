/** The key `log.forward`: the collectors that the decision log is sent to. */
import { resolve } from 'node:path';
import { z } from 'zod';
import { mapping, written } from '../policy/schema/schema-values.ts';
import { FORMS, readBytes } from '../policy/source/quantity.ts';
import { type CollectorAddress, collectorAddress } from './collector-address.ts';

export interface ForwardConfig {
  /** As the file writes it. */
  readonly to: string;
  readonly destination: CollectorAddress & {
    /** PEM files, absolute. */
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** The value of the HTTP header `Authorization`. */
    readonly authorization?: string;
  };
  readonly form: 'ocsf' | 'ecs' | 'json';
  /** The most bytes of a message. */
  readonly longest: number;
}

const text = z.string().min(1);
const LEAST_LONGEST = 4096;
/** What syslog receivers should accept (RFC 5425, 4.3.1), and rsyslog's default. */
const SYSLOG_LONGEST = 8192;
const HTTPS_LONGEST = 256 * 1024;

const collector = mapping({
  to: z.string().transform((to, context) => {
    const address = collectorAddress(to);
    if (address) return { to, address };
    context.addIssue('expected syslog+tls://host:6514, syslog://host:514 or an https address, without a user');
    return z.NEVER;
  }),
  form: z.enum(['ocsf', 'ecs', 'json']).default('ocsf'),
  ca: text.optional(),
  cert: text.optional(),
  key: text.optional(),
  authorization: text.optional(),
  longest: written(FORMS.bytes, readBytes)
    .refine((bytes) => bytes >= LEAST_LONGEST, 'expected at least 4 kB')
    .optional(),
})
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), 'expected cert and key together')
  .refine(({ to: { address }, authorization }) => address.kind === 'https' || authorization === undefined, {
    path: ['authorization'],
    error: 'syslog has none: expected cert and key',
  })
  .refine(({ to: { address }, ca, cert }) => address.kind === 'https' || address.tls || (ca ?? cert) === undefined, {
    path: ['to'],
    error: 'expected syslog+tls, as certificates are named',
  });

export const forwardSchema = z
  .array(collector)
  .refine((all) => new Set(all.map(({ to }) => to.to)).size === all.length, 'expected each address once')
  .default([]);

/** `folder`: of the configuration; its paths are relative to it. */
export function forwardOf(folder: string, collectors: z.output<typeof forwardSchema>): readonly ForwardConfig[] {
  return collectors.map(({ to: { to, address }, form, ca, cert, key, authorization, longest }) => ({
    to,
    destination: {
      ...address,
      ...(ca !== undefined && { ca: resolve(folder, ca) }),
      ...(cert !== undefined && { cert: resolve(folder, cert) }),
      ...(key !== undefined && { key: resolve(folder, key) }),
      ...(authorization !== undefined && { authorization }),
    },
    form,
    longest: longest ?? (address.kind === 'https' ? HTTPS_LONGEST : SYSLOG_LONGEST),
  }));
}
