/** Decisions: found in the log, and one with all that is known of it. */
import type { z } from 'zod';
import { keptFolder, keptPolicy, withoutVerifiers } from '../../decision-log/policies/kept-policies.ts';
import { Filter } from '../../decision-log/read/filter.ts';
import { placeOfRule } from '../../policy/source/diagnostic.ts';
import type { PolicyFile } from '../../policy/source/document.ts';
import { readPolicyFolder } from '../../policy-files/folder.ts';
import type { decisionsQuestion } from '../api/decisions.ts';
import { type Decision, decisionsIn } from '../decision.ts';
import type { Ground } from '../ground.ts';
import { ConsoleProblem, partOf } from '../problem.ts';
import type { Handlers } from '../routes.ts';

/** Decisions of the session before and after it. */
const NEIGHBOURS = 10;
/** Lines of the policy above and below. */
const AROUND = 6;

export function decisionPages(ground: Ground): Pick<Handlers, 'decisions' | 'decision'> {
  return {
    async decisions({ question, signal }) {
      const recent = recently(ground, question);
      if (recent.length === question.limit) return { decisions: recent };
      const options = Object.entries(question).flatMap(([name, value]) =>
        value === undefined ? [] : [`--${name}=${value}`],
      );
      const found = await foundIn(ground, ['log', 'query', ...ground.logWords(), ...options], signal);
      return { decisions: found.reverse() };
    },
    async decision({ parameter, signal }) {
      const id = parameter('id');
      if (!/^[0-9A-Za-z]{1,40}$/.test(id)) throw new ConsoleProblem('unknown', 'this is the id of no decision');
      const decision = ground.tail.decision(id) ?? (await found(ground, id, signal));
      return {
        decision,
        explained: await partOf(() => explained(ground, decision, signal)),
        rule: await partOf(() => linesOf(ground, decision)),
        neighbours: await neighbours(ground, decision, signal),
      };
    },
  };
}

/** The newest decisions first, from memory. If memory holds as many as were asked for, the log has no newer ones. */
function recently({ tail }: Ground, question: z.output<typeof decisionsQuestion>): Decision[] {
  const { limit, since, until, text, ...wanted } = question;
  // Of a long text not all is in memory.
  if (since !== undefined || until !== undefined || text !== undefined) return [];
  const filter = new Filter(wanted);
  const found = [...tail.decisions].filter((decision) => filter.takes({ ...decision, kind: 'decision' }));
  return found.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, limit);
}

async function found(ground: Ground, id: string, signal: AbortSignal): Promise<Decision> {
  const [decision] = await foundIn(ground, ['log', 'query', ...ground.logWords(), `--id=${id}`], signal);
  if (!decision) throw new ConsoleProblem('unknown', `no decision of these logs has the id ${id}`);
  return decision;
}

async function foundIn({ command }: Ground, words: readonly string[], signal: AbortSignal): Promise<Decision[]> {
  return decisionsIn(await command.lines({ words, signal }));
}

interface Explained {
  readonly effect: string;
  readonly would: string | null;
  readonly reason: string | null;
  readonly rule: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  readonly sql: string | null;
  readonly advice: { readonly text: string; readonly snippet?: string } | null;
}

async function explained(ground: Ground, decision: Decision, signal: AbortSignal) {
  const words = ['explain', ...ground.logWords(), `--id=${decision.id}`];
  const now = (await ground.command.json({ words, signal })) as Explained;
  const then = decision.would ?? decision.effect;
  const same = then === (now.would ?? now.effect) && (decision.reason ?? null) === now.reason;
  return { ...now, same };
}

/** Of the policy of then, where it was kept. */
async function linesOf(ground: Ground, { rule, policy }: Decision) {
  if (rule === undefined) throw new ConsoleProblem('unknown', 'no line of the policies decided it');
  const { file, line } = placeOfRule(rule);
  const text = (await filesOf(ground, policy)).find(({ path }) => path === file)?.text;
  if (text === undefined) throw new ConsoleProblem('unknown', `${file} is not among the files of that policy`);
  const lines = text.split('\n');
  const first = Math.max(1, line - AROUND);
  return { file, line, first, lines: lines.slice(first - 1, line + AROUND) };
}

async function filesOf(ground: Ground, policy: string | undefined): Promise<readonly PolicyFile[]> {
  if (policy === undefined) return withoutSecrets(ground);
  const kept = ground.tail.keptOf(policy);
  for (const { log } of kept === undefined ? [] : ground.guards) {
    const files = keptPolicy(keptFolder(log), kept!);
    if (!('problem' in files)) return files;
  }
  const words = ['log', 'policies', ...ground.logWords(), `--show=${policy}`];
  const shown = await partOf(() => ground.report(words));
  return shown.ok ? (shown.value as { files: readonly PolicyFile[] }).files : withoutSecrets(ground);
}

async function withoutSecrets({ config }: Ground): Promise<readonly PolicyFile[]> {
  return (await readPolicyFolder(config.policies)).map(withoutVerifiers);
}

async function neighbours(ground: Ground, decision: Decision, signal: AbortSignal): Promise<Decision[]> {
  const { session, id } = decision;
  if (session === undefined) return [decision];
  const kept = [...ground.tail.decisions].filter((one) => one.session === session);
  const all = kept.some((one) => one.id === id)
    ? kept
    : await foundIn(ground, ['log', 'query', ...ground.logWords(), `--session=${session}`], signal);
  const at = all.findIndex((one) => one.id === id);
  return at < 0 ? [decision] : all.slice(Math.max(0, at - NEIGHBOURS), at + NEIGHBOURS + 1);
}
