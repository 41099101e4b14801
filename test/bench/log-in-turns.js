/**
 * Loaded before the guard (`node --import …?figures=FILE`): its sessions' records are written and not written in turns, which no configuration allows. So the
 * process, its compiled code, its sessions and the load are the same on both sides, and what else the machine does meets both. SIGUSR2 begins, and the next
 * one ends and writes to the file what both have come to.
 */
import { writeFileSync } from 'node:fs';
import { SessionRecords } from '../../dist/decision-log/writer/session-records.js';

/** A longer turn would differ from the next one by what others do to the machine. */
const TURN_MS = 120;
/** Of that, what is not counted: what the turn before has left, as outcomes that wait. */
const SETTLING_MS = 20;

const file = new URL(import.meta.url).searchParams.get('figures');
const { append } = SessionRecords.prototype;
/** Statements that have ended. */
let ended = 0;
let on = true;
SessionRecords.prototype.append = function (entry, who) {
  if (entry.kind === 'outcome') ended += 1;
  return on ? append.call(this, entry, who) : true;
};

let timer;
let turns = 0;
let sums;

function count() {
  const before = { ended, at: performance.now(), cpu: process.cpuUsage() };
  timer = setTimeout(() => {
    const { user, system } = process.cpuUsage(before.cpu);
    const sum = on ? sums.on : sums.off;
    sum.statements += ended - before.ended;
    sum.ms += performance.now() - before.at;
    sum.cpuUs += user + system;
    next();
  }, TURN_MS - SETTLING_MS);
}

/** On, off, off, on: whatever grows or fades meanwhile is shared. */
function next() {
  turns += 1;
  on = turns % 4 < 2;
  timer = setTimeout(count, SETTLING_MS);
}

process.on('SIGUSR2', () => {
  if (timer === undefined) {
    const nothing = { statements: 0, ms: 0, cpuUs: 0 };
    sums = { on: { ...nothing }, off: { ...nothing } };
    next();
    return;
  }
  clearTimeout(timer);
  timer = undefined;
  on = true;
  writeFileSync(file, JSON.stringify(sums));
});
