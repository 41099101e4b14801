/** Notices changed files, such as the policies folder or a certificate. The caller decides what to do. */
import { watch } from 'chokidar';

/** Editors, checkouts and renewals write several times: wait until nothing has changed for this long. */
const QUIET_MS = 200;

/** Calls `changed` after each burst of changes below these paths. Returns the function that stops watching. */
export async function watchFiles(paths: string | string[], changed: () => void): Promise<() => Promise<void>> {
  // A watcher of no paths never becomes ready.
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
