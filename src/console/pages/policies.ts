/** Policies: who sees which table, their history, what `check` finds; and other files tried out, which are put into force nowhere. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { z } from 'zod';
import { withoutVerifiers } from '../../decision-log/policies/kept-policies.ts';
import { withStandIns } from '../../desk/diff/stand-ins.ts';
import type { RolePolicy } from '../../policy/model/policy.ts';
import { readPolicyFolder } from '../../policy-files/folder.ts';
import type { Catalog } from '../../sql/catalog/catalog.ts';
import type { checkFound, diffFound, policyHistory, replayFound, testFound, tryQuestion } from '../api/policies.ts';
import { type Ground, savedCatalog } from '../ground.ts';
import { partOf } from '../problem.ts';
import type { Handlers } from '../routes.ts';
import { isOfPeople, nameOf, tablesSeen } from '../tables-seen.ts';

type Pages = 'policies' | 'policyHistory' | 'diff' | 'check' | 'policyFiles' | 'try';
type Change = Omit<z.input<typeof policyHistory>['changes'][number], 'kept'> & { readonly kept?: string };
type Found<Schema extends z.ZodType> = z.input<Schema>;

export function policyPages(ground: Ground): Pick<Handlers, Pages> {
  const json = async <T>(words: readonly string[], signal?: AbortSignal): Promise<T> =>
    (await ground.command.json({ words, cwd: ground.config.policies, ...(signal && { signal }) })) as T;
  return {
    async policies() {
      const { policy, catalog, errors } = await ground.policies();
      const principals = [...policy.principals.values()];
      return {
        tables: catalog.data.relations.filter(isOfPeople).map(nameOf).sort(),
        roles: [...policy.roles.values()].map((role) => ({
          name: role.name,
          mode: role.mode,
          unrestricted: role.access === 'unrestricted',
          ...(role.disabled !== undefined && { disabled: role.disabled }),
          rule: role.rule,
          principals: principals.filter((principal) => principal.role === role.name).length,
          sees: seesOf(role, catalog),
        })),
        errors: [...errors],
      };
    },
    async policyHistory({ signal }) {
      const words = ['log', 'policies', ...ground.logWords()];
      const changes = (await ground.command.lines({ words, signal })) as unknown as Change[];
      return {
        changes: changes
          .reverse()
          .map(({ kept, ...change }) => ({ ...change, kept: typeof kept === 'string' })) as never,
      };
    },
    diff: ({ question: { from, to }, signal }) => {
      const words = ['diff', ...ground.logWords(), from, to ?? ground.config.policies];
      return withCatalog(ground, (catalog) => json<Found<typeof diffFound>>([...words, catalog], signal));
    },
    check: ({ signal }) => json<Found<typeof checkFound>>(['check', `--config=${ground.config.file}`], signal),
    async policyFiles() {
      return { files: (await readPolicyFolder(ground.config.policies)).map(withoutVerifiers) };
    },
    try: ({ question, signal }) => tryOut(ground, question, signal),
  };
}

/** With a folder that holds a catalog, and the words by which a command takes it. */
function withCatalog<T>(ground: Ground, work: (words: string, folder: string) => Promise<T>): Promise<T> {
  return ground.inFolder(async (folder) => {
    const file = join(folder, 'catalog.json');
    await writeFile(file, savedCatalog((await ground.policies()).catalog));
    return work(`--catalog=${file}`, folder);
  });
}

function tryOut(ground: Ground, { files, do: wanted, since }: z.output<typeof tryQuestion>, signal: AbortSignal) {
  const { file, policies } = ground.config;
  return withCatalog(ground, async (catalog, folder) => {
    const tried = join(folder, 'policies');
    await cp(policies, tried, { recursive: true, dereference: true });
    await rm(join(tried, 'catalog.json'), { force: true });
    for (const { path, text } of files) {
      const at = join(tried, path);
      await mkdir(dirname(at), { recursive: true });
      if (text === null) await rm(at, { force: true });
      else await writeFile(at, withStandIns({ path, text }).text);
    }
    // Files are named as in the folder whose copy is checked.
    const json = async <T>(words: readonly string[]): Promise<T> =>
      (await ground.command.json({ words, signal, cwd: tried })) as T;
    const ofLog = [...ground.logWords(), catalog];
    const asked = [`--config=${file}`, catalog, `--policies=${tried}`];
    const period = since === undefined ? [] : [`--since=${since}`];
    const runs = {
      check: () => json<Found<typeof checkFound>>(['check', ...asked]),
      test: () => json<Found<typeof testFound>>(['test', ...asked]),
      replay: () => json<Found<typeof replayFound>>(['replay', ...ofLog, `--policies=${tried}`, ...period]),
      diff: () => json<Found<typeof diffFound>>(['diff', ...ofLog, policies, tried]),
    };
    const one = <T>(name: keyof typeof runs, run: () => Promise<T>) =>
      wanted.includes(name) ? partOf(run) : undefined;
    const [check, test, replay, diff] = [
      await one('check', runs.check),
      await one('test', runs.test),
      await one('replay', runs.replay),
      await one('diff', runs.diff),
    ];
    return { ...(check && { check }), ...(test && { test }), ...(replay && { replay }), ...(diff && { diff }) };
  });
}

function seesOf(role: RolePolicy, catalog: Catalog) {
  if (role.access === 'unrestricted') return {};
  const seen = tablesSeen(role, catalog).filter(({ rule }) => rule !== undefined);
  return Object.fromEntries(
    seen.map(({ table, columns, rows, writes, rule }) => {
      const count = (form: string): number => columns.filter((column) => column.form === form).length;
      const [masked, withheld] = [count('masked'), count('withheld')];
      const filtered = rows.length > 0;
      const form =
        withheld === columns.length
          ? 'nothing'
          : withheld > 0
            ? 'some-columns'
            : masked > 0
              ? 'masked'
              : filtered
                ? 'filtered'
                : 'whole';
      return [table, { form, filtered, masked, withheld, writes, ...(rule !== undefined && { rule }) } as const];
    }),
  );
}
