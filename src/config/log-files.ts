/** The keys `log.rotate`, `log.keep` and `log.seal`: when a log file is closed, how long it is kept, and who signs it. */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { mapping, oneOrList, written } from '../policy/schema/schema-values.ts';
import { FORMS, type QuantityPeriod, readBytes, readDuration, readPeriod } from '../policy/source/quantity.ts';

export interface LogFiles {
  readonly rotate: { readonly every?: Rotation; readonly bytes?: number };
  /** Absent: kept for ever. */
  readonly keep?: QuantityPeriod;
  readonly seal: {
    readonly signer: Signer;
    readonly everyMs: number;
    readonly records: number;
  };
}

/** The file of the key, which is created if it is missing; or a command that signs, and its public key, 32 bytes in base64url. */
export type Signer = { readonly key: string } | { readonly command: string; readonly publicKey: string };

const PERIODS = ['hourly', 'daily', 'weekly', 'monthly'] as const;
type Rotation = (typeof PERIODS)[number];

const text = z.string().min(1);
/** A smaller limit would close the file after each record. */
const LEAST_BYTES = 64 * 1024;
/** Each seal is a signature: more frequent ones would cost too much. */
const LEAST_EVERY_MS = 100;
const PUBLIC_KEY = /^[A-Za-z0-9_-]{43}$/;

const EXPECTED_ROTATION = 'expected hourly, daily, weekly, monthly or a size such as "256 MB", at least "64 kB"';
const part = z.union([z.string(), z.number()], EXPECTED_ROTATION).transform((text, context) => {
  const every = PERIODS.find((period) => period === text);
  if (every) return { every };
  const reading = readBytes(String(text));
  if ('value' in reading && reading.value >= LEAST_BYTES) return { bytes: reading.value };
  context.addIssue({ code: 'custom', message: EXPECTED_ROTATION });
  return z.NEVER;
});
const rotate = oneOrList(part)
  .refine(
    (parts) => parts.length === new Set(parts.map((part) => Object.keys(part)[0])).size,
    'expected one time and one size at most',
  )
  .default([{ every: 'daily' }]);

const seal = mapping({
  key: text.optional(),
  command: text.optional(),
  public_key: z.string().regex(PUBLIC_KEY, 'expected an Ed25519 key, 32 bytes in base64url').optional(),
  every: written(FORMS.duration, readDuration)
    .refine((ms) => ms >= LEAST_EVERY_MS, 'expected at least 100 ms')
    .default(10_000),
  records: z.int().min(1).max(1_000_000).default(10_000),
})
  .refine(({ key, command }) => key === undefined || command === undefined, 'expected key or command, not both')
  .refine(({ command, public_key: publicKey }) => (command === undefined) === (publicKey === undefined), {
    path: ['public_key'],
    error: 'expected command and public_key together: the key is what its signatures are held against',
  })
  .prefault({});

export const logFilesKeys = { rotate, keep: written(FORMS.period, readPeriod).optional(), seal };

interface Raw {
  readonly rotate: z.output<typeof rotate>;
  readonly keep?: QuantityPeriod | undefined;
  readonly seal: z.output<typeof seal>;
}

/** @param file the configuration's path, which relative paths refer to. `log`: the absolute path of the log. */
export function logFilesOf(file: string, log: string, { rotate, keep, seal }: Raw): LogFiles {
  const { key, command, public_key: publicKey, every: everyMs, records } = seal;
  const signer: Signer =
    command !== undefined && publicKey !== undefined
      ? { command, publicKey }
      : { key: key === undefined ? `${log}.key` : resolve(dirname(file), key) };
  return { rotate: Object.assign({}, ...rotate), ...(keep && { keep }), seal: { signer, everyMs, records } };
}
