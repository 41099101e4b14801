/**
 * Loaded into a guard: on SIGUSR2 says how much lies among the old objects of its heap, how often the whole heap was collected, and how V8 keeps
 * the methods of texts.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
setFlagsFromString('--allow-natives-syntax');
const isFast = new Function('object', 'return %HasFastProperties(object)');
let whole = 0;
new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1;
}).observe({ entryTypes: ['gc'] });

process.on('SIGUSR2', () => {
  // What has lasted for two is old.
  collect({ type: 'minor' });
  collect({ type: 'minor' });
  const old = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space');
  process.stderr.write(
    `old ${old.space_used_size} after ${whole} of the whole, texts ${isFast(String.prototype) ? 'fast' : 'slow'}\n`,
  );
});
