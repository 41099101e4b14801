/** Notices that something in the policies folder changed. What to do about it is `reload.ts`'s. */
import { watch } from 'chokidar';

/** An editor writes in several steps, a checkout many files: wait until it has been quiet for this long. */
const QUIET_MS = 200;

/** Calls `changed` after each burst of changes; returns how to stop. */
export async function watchPolicies(folder: string, changed: () => void): Promise<() => Promise<void>> {
  let timer: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { ignoreInitial: true, ignored: (path) => path.includes('/.git/') });
  watcher.on('all', () => {
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  });
  // A folder that cannot be watched is still read on SIGHUP.
  watcher.on('error', () => {});
  await new Promise<void>((ready) => watcher.once('ready', () => ready()));
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
