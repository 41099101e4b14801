/** Opens the decision log, and beside it what keeps each statement once. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Signer } from '../config/log-files.ts';
import { FileKeys } from '../decision-log/encryption/file-keys.ts';
import { sealCommand } from '../decision-log/seals/seal-command.ts';
import { type SealKey, sealKeyIn } from '../decision-log/seals/seal-key.ts';
import { StatementStore, statementsFolder } from '../decision-log/statements/keep.ts';
import type { SubjectIds } from '../decision-log/subject-ids.ts';
import { type DecisionLog, openLog } from '../decision-log/writer/log.ts';
import type { GuardWatch } from '../operations/admin/watching.ts';

export interface LogsInput {
  readonly config: Config;
  /** Of this process: a worker has a log of its own. */
  readonly recording: Config['log'];
  readonly guard: string;
  readonly subjects: SubjectIds | undefined;
  readonly log: Logger;
  readonly watch: GuardWatch;
}

export interface Logs {
  readonly records: DecisionLog;
  /** Absent if statements are not kept. To be closed after the log. */
  readonly statements: StatementStore | undefined;
}

/** Throws where the decision log cannot be opened. */
export async function openLogs({ config, recording, guard, subjects, log, watch }: LogsInput): Promise<Logs> {
  const { encryptTo, seal, file } = recording;
  const common = {
    ...recording,
    guard,
    seal: { ...seal, key: sealKeyOf(seal.signer) },
    timeZone: config.timeZone,
    clock: Date.now,
    notice: (message: string) => log.error(message),
  };
  const keys = async () => encryptTo && (await FileKeys.to(encryptTo));
  const folder = statementsFolder(config.log.file);
  const ownKeys = recording.text === 'none' ? undefined : await keys();
  const statements = kept(() =>
    StatementStore.open({ ...common, file, folder, searchPath: config.searchPath, keys: ownKeys }),
  );
  try {
    return { records: watch.log(openLog({ ...common, subjects, keys: await keys(), statements })), statements };
  } catch (error) {
    await statements?.close();
    throw error;
  }

  /** Without it, a policy can still be tried on fewer statements: the guard starts anyway. */
  function kept(open: () => StatementStore | undefined): StatementStore | undefined {
    if (recording.text === 'none') return undefined;
    try {
      return open();
    } catch (error) {
      log.error({ err: error }, `statements cannot be kept in ${folder}`);
      return undefined;
    }
  }
}

function sealKeyOf(signer: Signer): SealKey {
  return 'key' in signer ? sealKeyIn(signer.key) : sealCommand(signer.command, signer.publicKey);
}
