/** The chain of every log: whether it is as it was written. */
import { z } from 'zod';
import { count, name, part, time } from './values.ts';

const place = {
  file: z.string(),
  line: count.optional(),
  seq: count.optional(),
  kind: z.string(),
  message: z.string(),
};

/** GET /api/logs: the result of the last verification (`checked` absent: none yet). POST /api/logs/verify reads all files again and answers the same. */
export const logsPage = z.object({
  logs: z.array(
    z.object({
      guard: name,
      checked: time.optional(),
      verification: part(
        z.object({
          sound: z.boolean(),
          findings: z.array(z.object(place)),
          notes: z.array(z.object(place)),
          chains: z.array(
            z.object({
              file: z.string(),
              guard: z.string().optional(),
              files: count,
              records: count,
              seals: count,
              bytes: count,
              from: time.optional(),
              until: time.optional(),
              sealed: z.object({ seal: count, seq: count, hash: z.string(), at: time }).optional(),
              last: count.optional(),
            }),
          ),
          keys: z.array(z.object({ id: z.string(), key: z.string(), given: z.boolean() })),
          anchors: z.object({ used: count, passedOver: count }),
        }),
      ).optional(),
    }),
  ),
});
export type Logs = z.output<typeof logsPage>;
