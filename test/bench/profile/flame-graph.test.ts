/** Flame graphs of small profiles, and of a real one. */
import { Session } from 'node:inspector/promises';
import { expect, test } from 'vitest';
import { callTree } from './call-tree.ts';
import { type CpuProfile, flameGraph } from './flame-graph.ts';

function node(id: number, functionName: string, children: number[] = []): CpuProfile['nodes'][number] {
  return { id, callFrame: { functionName, url: 'file:///x/dist/guard/guard.js', lineNumber: 41 }, children };
}

const PROFILE: CpuProfile = {
  nodes: [node(1, '(root)', [2, 3]), node(2, '(idle)'), node(3, 'judge', [4, 5]), node(4, 'parse'), node(5, 'a<b')],
  samples: [2, 3, 4, 4, 5],
  timeDeltas: [1000, 10, 20, 30, 40],
};

test('time is added up to the callers; idle time does not count', () => {
  const root = callTree(PROFILE);
  expect(root.time).toBe(100);
  expect(root.calls).toEqual([
    {
      name: 'judge guard/guard.js:42',
      time: 100,
      calls: [
        { name: 'parse guard/guard.js:42', time: 50, calls: [] },
        { name: 'a<b guard/guard.js:42', time: 40, calls: [] },
      ],
    },
  ]);
});

test('the drawing says each share, and no name ends its markup', () => {
  const svg = flameGraph(PROFILE, 'a & b');
  expect(svg).toContain('<title>parse guard/guard.js:42: 0.000 s, 50.0 %</title>');
  expect(svg).toContain('a&#60;b guard');
  expect(svg).not.toContain('a<b');
  expect(svg).toContain('a &#38; b');
});

test('a real profile', async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  const until = Date.now() + 100;
  while (Date.now() < until) busyWork();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  const svg = flameGraph(profile as CpuProfile, 'real');
  expect(svg).toMatch(/<title>busyWork [^<]+%<\/title>/);
  expect(svg.match(/<g /g)?.length).toBe(svg.match(/<\/g>/g)?.length);
});

function busyWork(): number {
  let sum = 0;
  for (let i = 0; i < 1e5; i++) sum += Math.sqrt(i);
  return sum;
}
