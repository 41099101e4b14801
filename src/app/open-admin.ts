/** The admin address of a guard that is one process, or of the primary for all. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { exposition } from '../operations/admin/exposition.ts';
import { type AdminSources, type RunningAdmin, startAdmin } from '../operations/admin/server.ts';
import type { WatchedGuard } from '../operations/admin/watched-guard.ts';
import { orStartError } from './start-error.ts';

/** Where there is one process, it answers for itself. */
export function onlyProcess(watched: WatchedGuard): AdminSources {
  return { readiness: () => watched.readiness(), metrics: async () => exposition([await watched.metrics()]) };
}

/** Open before anything else, so that a guard that waits for its database can say so. */
export async function openAdmin(
  { admin }: Config,
  log: Logger,
  sources: AdminSources,
): Promise<RunningAdmin | undefined> {
  if (!admin) return undefined;
  return orStartError(`could not begin to listen on the admin address ${admin.host}:${admin.port}`, () =>
    startAdmin(admin, sources, log),
  );
}
