/** The effect of statements on the session's `search_path`, by which later names are judged. */
import { type Refusal, refusal } from '../../core/refusal.ts';
import type { StatementJudgement, StatementKind } from '../../guard/decision.ts';
import type { SettingChange } from '../end-user/token-setting.ts';
import type { Conversation } from './conversation.ts';

/** How the statement changes `search_path`; undefined if it does not. */
export function pathChange(kind: StatementKind): SettingChange | undefined {
  if (kind.kind === 'discard') return kind.all ? { local: false, to: 'default' } : undefined;
  if (kind.kind !== 'set' || !kind.path) return undefined;
  const { local, to } = kind.path;
  return { local, to: to === 'default' ? to : { token: to.path } };
}

/** May the path be another one after it? */
export function movesPath(c: Conversation, kind: StatementKind): boolean {
  if (c.path.isMoved && endsTransaction(kind)) return true;
  const change = pathChange(kind);
  return change !== undefined && (c.path.isMoved || c.path.tokenAfter(change) !== c.path.token);
}

function endsTransaction(kind: StatementKind): boolean {
  return kind.kind === 'transaction' && !['begin', 'savepoint', 'release'].includes(kind.action);
}

/** What finds nothing by the path. */
const WITHOUT_NAMES: ReadonlySet<StatementKind['kind']> = new Set([
  'transaction',
  'set',
  'discard',
  'deallocate',
  'close',
  'listen',
]);

/** Why a message may not change the path; undefined if it may. */
export function cannotMovePath(c: Conversation, statements: readonly StatementJudgement[]): Refusal | undefined {
  const first = statements.findIndex(({ kind }) => movesPath(c, kind));
  if (first < 0) return undefined;
  // INVARIANT 127: all statements of a message were judged by the path before it.
  if (statements.slice(first + 1).some(({ kind }) => !WITHOUT_NAMES.has(kind.kind))) return notInOneMessage();
  const ranCode = c.pins.mayRunAtEnd || statements.slice(0, first).some(({ runsUserCode }) => runsUserCode);
  const leaves = statements.some(({ kind }) => {
    const change = pathChange(kind);
    return change !== undefined && c.path.tokenAfter(change) !== undefined;
  });
  return ranCode && leaves ? codeIsPending() : undefined;
}

function notInOneMessage(): Refusal {
  return refusal('unsupported', '0A000', 'a statement cannot follow a change of search_path in one message', {
    hint: 'Send the statements one by one.',
  });
}

/** Triggers that were put off would find their names by it. */
function codeIsPending(): Refusal {
  return refusal(
    'unsupported',
    '0A000',
    'search_path cannot change in a transaction in which functions or triggers have run',
    {
      hint: 'Set it before, or in the next transaction.',
    },
  );
}
