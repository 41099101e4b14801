/** Principals: the list, and one: what it may, what it used of that, and what it did. */
import type { Breach } from '../../decision-log/reports/breach.ts';
import type { Period } from '../../decision-log/reports/period.ts';
import type { Unused } from '../../desk/unused.ts';
import type { ShownLimits } from '../../operations/control/commands/limits.ts';
import type { ShownLock } from '../../operations/control/commands/locks.ts';
import { type Principal, roleOf } from '../../policy/model/policy.ts';
import type { PrincipalsList } from '../api/principals.ts';
import type { Ground } from '../ground.ts';
import { askOf } from '../guards.ts';
import { ConsoleProblem, partOf } from '../problem.ts';
import type { Handlers } from '../routes.ts';
import { tablesSeen } from '../tables-seen.ts';

type Pages = 'principals' | 'principal' | 'access' | 'history';

const USED_DAYS = 30;

export function principalPages(ground: Ground): Pick<Handlers, Pages> {
  return {
    async principals() {
      const words = ['log', 'report', 'principals', ...ground.logWords(), '--since=7d'];
      const [{ policy }, done] = await Promise.all([
        ground.policies(),
        partOf(async () => (await ground.report(words)) as readonly Done[]),
      ]);
      const known = [...policy.principals.values()].map((principal) => ({
        name: principal.name,
        ...factsOf(principal, roleOf(policy, principal)),
      }));
      const names = new Set(known.map(({ name }) => name));
      const gone = (done.ok ? done.value : []).filter(({ principal }) => !names.has(principal));
      return { principals: [...known, ...gone.map(({ principal: name }) => ({ name }))], done };
    },
    async principal({ parameter }) {
      const name = parameter('name');
      const found = await partOf(() => ground.policies());
      const principal = found.ok ? found.value.policy.principals.get(name) : undefined;
      if (!principal && found.ok && !(await isInLog(ground, name)))
        throw new ConsoleProblem('unknown', `neither the policies nor the log know a principal "${name}"`);
      const limits = await Promise.all(
        ground.guards.map(async (guard) => ({
          guard: guard.name,
          limits: await partOf(() => askOf<ShownLimits>(guard, 'limits.show', { principal: name })),
        })),
      );
      return {
        name,
        ...(principal && found.ok && factsOf(principal, roleOf(found.value.policy, principal))),
        attributes: Object.fromEntries(principal?.attributes ?? []),
        limits,
        locks: await locksOf(ground, name),
      };
    },
    async access({ parameter }) {
      const name = parameter('name');
      const { policy, catalog } = await ground.policies();
      const principal = policy.principals.get(name);
      const role = principal && roleOf(policy, principal);
      if (!role) throw new ConsoleProblem('unknown', `the policies know no principal "${name}"`);
      const used = await partOf(() => taken(ground, name, USED_DAYS));
      const reads = used.ok ? new Map(used.value.columns.map((read) => [read.name, read.statements])) : undefined;
      return {
        unrestricted: role.access === 'unrestricted',
        observed: role.mode === 'observe',
        tables: tablesSeen(role, catalog, reads),
        unused: await partOf(() => unusedOf(ground, role.name)),
      };
    },
    async history({ parameter, question: { days } }) {
      const name = parameter('name');
      const found = await taken(ground, name, days);
      const { since, until, totals, people, step, timeline, clients, statements: shapes } = found;
      return {
        ...{ since, until, people, step, timeline, clients, shapes },
        ...{ statements: totals.statements, refused: totals.refused, rows: totals.rows },
        refusals: found.refusals,
      };
    },
  };
}

function factsOf({ disabled, mode: own }: Principal, role: ReturnType<typeof roleOf>) {
  const closed = disabled ?? role?.disabled;
  return {
    ...(role && { role: role.name, mode: own ?? role.mode }),
    ...(closed !== undefined && { disabled: closed }),
  };
}

async function isInLog(ground: Ground, name: string): Promise<boolean> {
  for (const { principal } of ground.tail.decisions) if (principal === name) return true;
  const found = await ground.command.run({
    words: ['log', 'query', ...ground.logWords(), `--principal=${name}`, '--limit=1', '--json'],
  });
  return found.exitCode === 0;
}

async function locksOf({ guards }: Ground, name: string) {
  const all = await Promise.all(
    guards.map(async (guard) => {
      const { locks } = await askOf<{ readonly locks: readonly ShownLock[] }>(guard, 'locks.list', {}).catch(() => ({
        locks: [],
      }));
      return locks.filter(({ principal }) => principal === name).map((lock) => ({ guard: guard.name, ...lock }));
    }),
  );
  return all.flat();
}

type Done = Extract<PrincipalsList['done'], { ok: true }>['value'][number];

type Taken = Breach & Pick<Period, 'since' | 'until'>;

/** As the report on a breach counts it. */
async function taken(ground: Ground, name: string, days: number): Promise<Taken> {
  const words = ['log', 'report', 'breach', ...ground.logWords(), `--principal=${name}`, `--since=${days}d`];
  return (await ground.report(words)) as Taken;
}

interface UnusedAnswer {
  readonly monthsNotSeen: readonly string[];
  readonly gaps: readonly string[];
  readonly unused: readonly Unused[];
}

async function unusedOf(ground: Ground, role: string) {
  const found = (await ground.report(['access', '--unused', ...ground.logWords()])) as UnusedAnswer;
  return {
    monthsNotSeen: found.monthsNotSeen,
    gaps: found.gaps,
    grants: found.unused
      .filter(({ roles }) => roles.includes(role))
      .map(({ rule, name, command, columns = [], standing }) => ({
        ...{ rule, name, standing, columns },
        ...(command !== undefined && { command }),
      })),
  };
}
