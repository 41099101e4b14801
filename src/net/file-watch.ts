/** Notices that files changed: in the policies folder, or those of a certificate. What to do about it is others' matter. */
import { watch } from 'chokidar';

/** An editor writes in several steps, a checkout many files, a renewal two: wait until it has been quiet for this long. */
const QUIET_MS = 200;

/** Calls `changed` after each burst of changes below these paths; returns how to stop. */
export async function watchFiles(paths: string | string[], changed: () => void): Promise<() => Promise<void>> {
  // A watcher of nothing never says that it is ready.
  if (paths.length === 0) return async () => {};
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(paths, { ignoreInitial: true, ignored: (path) => path.includes('/.git/') });
  watcher.on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  });
  // What cannot be watched is still read on SIGHUP.
  watcher.on('error', () => {});
  await new Promise<void>((ready) => watcher.once('ready', () => ready()));
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
