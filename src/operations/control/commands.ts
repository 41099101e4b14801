/** The commands of the control socket by name, but for what a guard does as a whole: reloading and draining itself. */
import { type Commanded, type ControlCommand, command, UNRECORDED } from './command.ts';
import { approveOpening, askOpening, closeOpening, listOpenings } from './commands/break-glass.ts';
import { raiseLimit, showLimits } from './commands/limits.ts';
import { addLock, listLocks, releaseLock } from './commands/locks.ts';
import { approvePermit, listPermits, requestPermit, revokePermit } from './commands/permits.ts';
import { approveRaise, listRaises } from './commands/raises.ts';
import { type ControlReply, type ControlRequest, done, failed } from './protocol.ts';

/** Of a drain, that somebody asked for it. */
const recordDrain = command({}, async (_, { records }, by) =>
  records.append('drain', { by, via: 'control' }) ? done({}) : UNRECORDED,
);

const COMMANDS: ReadonlyMap<string, ControlCommand> = new Map([
  ['drain', recordDrain],
  ['locks.list', listLocks],
  ['locks.add', addLock],
  ['locks.release', releaseLock],
  ['limits.show', showLimits],
  ['limits.raise', raiseLimit],
  ['limits.raises', listRaises],
  ['limits.approve', approveRaise],
  ['permit.request', requestPermit],
  ['permit.list', listPermits],
  ['permit.approve', approvePermit],
  ['permit.revoke', revokePermit],
  ['break-glass.ask', askOpening],
  ['break-glass.list', listOpenings],
  ['break-glass.approve', approveOpening],
  ['break-glass.close', closeOpening],
]);

/** Runs commands one after the other: each sees what the one before has changed. */
export class Commands {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly guard: Commanded) {}

  run(request: Pick<ControlRequest, 'command' | 'arguments'>, by: string): Promise<ControlReply> {
    const command = COMMANDS.get(request.command);
    if (!command) return Promise.resolve(failed('call', `unknown command "${request.command}"`));
    const answer = this.last.then(() => command.run(request.arguments, this.guard, by));
    this.last = answer.catch(() => {});
    return answer;
  }
}
