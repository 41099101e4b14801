/** Adds up a V8 CPU profile (`node --cpu-prof`): how long each function ran, by who called it. */

/** What is read of it; see "Profiler.Profile" of the Chrome DevTools Protocol. Times are in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes. */
  readonly samples: readonly number[];
  /** Before each sample. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

export interface Call {
  /** `judge guard/guard.js:42` */
  readonly name: string;
  /** Microseconds, of itself and of what it called. */
  readonly time: number;
  /** The longest first. */
  readonly calls: readonly Call[];
}

/** Without the time in which nothing ran. */
export function callTree({ nodes, samples, timeDeltas }: CpuProfile): Call {
  const own = new Map<number, number>();
  for (const [i, id] of samples.entries()) own.set(id, (own.get(id) ?? 0) + (timeDeltas[i] ?? 0));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root = nodes[0];
  if (!root) throw new Error('an empty profile');
  return added(root, byId, own);
}

function added(node: ProfileNode, byId: ReadonlyMap<number, ProfileNode>, own: ReadonlyMap<number, number>): Call {
  const calls = (node.children ?? [])
    .map((id) => byId.get(id)!)
    .filter(({ callFrame }) => callFrame.functionName !== '(idle)')
    .map((child) => added(child, byId, own))
    .sort((a, b) => b.time - a.time);
  const time = calls.reduce((sum, call) => sum + call.time, own.get(node.id) ?? 0);
  return { name: nameOf(node), time, calls };
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  const place = /(?:dist|node_modules)\/(.+)$/.exec(url)?.[1] ?? url;
  return `${functionName || '(anonymous)'}${place && ` ${place}:${lineNumber + 1}`}`;
}
