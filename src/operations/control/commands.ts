/** The commands of the control socket by name, except those that concern the guard as a whole: reload and drain. */
import { type CommandContext, type ControlCommand, command, UNRECORDED } from './command.ts';
import { approveOpening, askOpening, closeOpening, listOpenings } from './commands/break-glass.ts';
import { raiseLimit, showLimits } from './commands/limits.ts';
import { addLock, listLocks, releaseLock } from './commands/locks.ts';
import { approveObservation, askObservation, endObservation, listObservations } from './commands/observations.ts';
import { approvePermit, listPermits, requestPermit, revokePermit } from './commands/permits.ts';
import { approveRaise, listRaises, revokeRaise } from './commands/raises.ts';
import { showTop } from './commands/top.ts';
import { type ControlReply, type ControlRequest, done, failed } from './protocol.ts';

/** Records who asked for a drain. */
const recordDrain = command({}, async (_, { records }, by) =>
  records.append('drain', { by, via: 'control' }) ? done({}) : UNRECORDED,
);

const COMMANDS: ReadonlyMap<string, ControlCommand> = new Map([
  ['drain', recordDrain],
  ['top', showTop],
  ['locks.list', listLocks],
  ['locks.add', addLock],
  ['locks.release', releaseLock],
  ['limits.show', showLimits],
  ['limits.raise', raiseLimit],
  ['limits.raises', listRaises],
  ['limits.approve', approveRaise],
  ['limits.revoke', revokeRaise],
  ['permit.request', requestPermit],
  ['permit.list', listPermits],
  ['permit.approve', approvePermit],
  ['permit.revoke', revokePermit],
  ['break-glass.ask', askOpening],
  ['break-glass.list', listOpenings],
  ['break-glass.approve', approveOpening],
  ['break-glass.close', closeOpening],
  ['observe.ask', askObservation],
  ['observe.list', listObservations],
  ['observe.approve', approveObservation],
  ['observe.end', endObservation],
]);

/** Runs commands one at a time: each sees the changes of the one before. */
export class Commands {
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly guard: CommandContext) {}

  run(request: Pick<ControlRequest, 'command' | 'arguments'>, by: string): Promise<ControlReply> {
    const command = COMMANDS.get(request.command);
    if (!command) return Promise.resolve(failed('call', `unknown command "${request.command}"`));
    const answer = this.last.then(() => command.run(request.arguments, this.guard, by));
    this.last = answer.catch(() => {});
    return answer;
  }
}
