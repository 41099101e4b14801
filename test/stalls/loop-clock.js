/**
 * Loaded into a guard by `node --import`: notes when its event loop turned, at most once in a millisecond, and how much processor time the process
 * had taken by then. Who connects to the socket that ROWGATE_LOOP_CLOCK names is told those since the last one asked.
 */
import { createServer } from 'node:net';
import { isMainThread } from 'node:worker_threads';

const path = process.env.ROWGATE_LOOP_CLOCK;

if (path && isMainThread) {
  let turns = [];
  const note = () => {
    const { user, system } = process.cpuUsage();
    turns.push([Number(process.hrtime.bigint()) / 1e6, (user + system) / 1000]);
    setTimeout(note, 1).unref();
  };
  note();
  createServer((socket) => {
    socket.end(JSON.stringify(turns));
    turns = turns.slice(-1);
  })
    .on('error', () => {})
    .listen(path)
    .unref();
}
