/** The keys `control` and `notify`: who may tell a running guard what, and whom it tells. */
import { z } from 'zod';
import { mapping } from '../policy/schema/schema-values.ts';

const text = z.string().min(1);
const socket = text.refine((path) => !path.includes('\0'), 'expected the path of a unix socket');

/** A path, `none`, or with a group whose members may use it. Undefined: the default place. */
export const controlSchema = z
  .union([
    z.literal('none'),
    socket.transform((path) => ({ path, group: undefined })),
    mapping({ path: socket, group: text.optional() }).transform(({ path, group }) => ({ path, group })),
  ])
  .optional();

/** What goes out is signed and says who was locked out of what: nobody on the way is to read it. */
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

/** Mattermost's addresses have no name of their own. */
export function formatOf(url: string, format: 'rowgate' | 'slack' | undefined): 'rowgate' | 'slack' {
  return format ?? (new URL(url).hostname === 'hooks.slack.com' ? 'slack' : 'rowgate');
}
