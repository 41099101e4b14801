/** Whether clients are welcome now, and if not, why: what /readyz says. */

/** Something without which clients would be turned away. Undefined where all is well; else why not, in one line without secrets. */
export type Check = () => string | undefined;

/** The first reason not to send clients here. */
export function notReady(checks: readonly Check[]): string | undefined {
  for (const check of checks) {
    const why = check();
    if (why !== undefined) return why;
  }
  return undefined;
}

/**
 * After a record could not be written, clients are sent elsewhere for so long. Then they may come again: only a statement tries the
 * log anew, and where nobody comes nothing would ever be tried.
 */
const SHUN_MS = 30_000;

/** A session that found no server says so before the next regular look at it, which comes within this time. */
const OUT_OF_REACH_MS = 10_000;

/** @param now milliseconds since the epoch */
export function serverCheck(
  { upstreamFailedAt }: { readonly upstreamFailedAt: number | undefined },
  now: number,
): string | undefined {
  if (upstreamFailedAt === undefined || now - upstreamFailedAt >= OUT_OF_REACH_MS) return undefined;
  return 'the database server could not be reached';
}

/** @param now milliseconds since the epoch */
export function logCheck(
  { unwrittenAt }: { readonly unwrittenAt: number | undefined },
  now: number,
): string | undefined {
  if (unwrittenAt === undefined || now - unwrittenAt >= SHUN_MS) return undefined;
  return 'the decision log could not be written';
}
