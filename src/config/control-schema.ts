/** The keys `control` and `notify`: who may command a running guard, and where alarms go. */
import { z } from 'zod';
import { mapping } from '../policy/schema/schema-values.ts';

const text = z.string().min(1);
const socket = text.refine((path) => !path.includes('\0'), 'expected the path of a unix socket');

/** A path, `none`, or a path with a group that may use it. Undefined: the default path. */
export const controlSchema = z
  .union([
    z.literal('none'),
    socket.transform((path) => ({ path, group: undefined })),
    mapping({ path: socket, group: text.optional() }).transform(({ path, group }) => ({ path, group })),
  ])
  .optional();

/** Alarms name locked-out principals: they must not be readable on the way. */
const webhook = z.string().refine((value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isHere = /^(localhost|127\.[0-9.]+|\[::1\])$/.test(url?.hostname ?? '');
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isHere);
}, 'expected an https address');

export const notifySchema = z
  .union([
    webhook.transform((url) => ({ url, secret: undefined, format: undefined, ca: undefined })),
    mapping({
      url: webhook,
      secret: z.string().min(16, 'expected at least 16 characters').optional(),
      format: z.enum(['rowgate', 'slack']).optional(),
      ca: text.optional(),
    }).transform(({ url, secret, format, ca }) => ({ url, secret, format, ca })),
  ])
  .optional();

/** Mattermost has no host name of its own, so its format must be named. */
export function alarmFormatOf(url: string, format: 'rowgate' | 'slack' | undefined): 'rowgate' | 'slack' {
  return format ?? (new URL(url).hostname === 'hooks.slack.com' ? 'slack' : 'rowgate');
}
