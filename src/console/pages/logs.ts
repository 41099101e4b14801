/** The chain of every log, as it was verified last. */
import type { Logs } from '../api/logs.ts';
import type { Ground } from '../ground.ts';
import type { ShownGuard } from '../guards.ts';
import { partOf } from '../problem.ts';
import type { Handlers } from '../routes.ts';

type Log = Logs['logs'][number];
type Verification = Extract<NonNullable<Log['verification']>, { ok: true }>['value'];

export function logPages(ground: Ground): Pick<Handlers, 'logs' | 'verify'> {
  const known = new Map<string, Log>();
  const shown = (): Logs => ({ logs: ground.guards.map(({ name }) => known.get(name) ?? { guard: name }) });
  return {
    logs: async () => shown(),
    async verify({ signal }) {
      await Promise.all(
        ground.guards.map(async (guard) => {
          const verification = await partOf(() => verified(ground, guard, signal));
          known.set(guard.name, { guard: guard.name, checked: new Date().toISOString(), verification });
        }),
      );
      return shown();
    },
  };
}

async function verified(ground: Ground, { isOwn, log }: ShownGuard, signal: AbortSignal): Promise<Verification> {
  const place = isOwn ? `--config=${ground.config.file}` : `--log=${log}`;
  return (await ground.command.json({ words: ['log', 'verify', place], signal })) as Verification;
}
