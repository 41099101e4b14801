/** A person: who saw this data subject, by key. The key is passed by the command's standard input, and appears in no log and no URL. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import type { personFound, personQuestion } from '../api/people.ts';
import { type Ground, savedCatalog } from '../ground.ts';
import { ConsoleProblem } from '../problem.ts';
import type { Handlers } from '../routes.ts';

type Question = z.output<typeof personQuestion>;

export function peoplePages(ground: Ground): Pick<Handlers, 'subjects' | 'person' | 'personReport'> {
  return {
    async subjects() {
      const { policy } = await ground.policies();
      return { subjects: [...(policy.subjects?.keys() ?? [])], hashed: ground.config.keys.subjects !== undefined };
    },
    async person({ question, signal }) {
      const said = await ask(ground, question, ['--json'], signal);
      return JSON.parse(said) as z.input<typeof personFound>;
    },
    async personReport({ question, signal, context }) {
      const html = await ask(ground, question, ['--html', `--language=${question.language}`], signal);
      context.header('content-disposition', 'attachment; filename="rowgate-person.html"');
      return context.html(html);
    },
  };
}

function ask(ground: Ground, question: Question, form: readonly string[], signal: AbortSignal): Promise<string> {
  const { subject, key, since, until, withNames } = question;
  if (/[=\n]/.test(subject)) throw new ConsoleProblem('call', 'subject: expected the name of a subject');
  if (key.trim() === '' || /[\r\n]/.test(key)) throw new ConsoleProblem('call', 'key: expected one line');
  const { subjects } = ground.config.keys;
  return ground.inFolder(async (folder) => {
    const { stdout } = await ground.command.answer({
      words: [
        ...['log', 'report', 'person', ...ground.logWords(), `--subject=${subject}=-`],
        ...(subjects === undefined ? [] : [`--subject-key=${subjects}`]),
        ...(await catalogWords(ground, folder)),
        ...(since === undefined ? [] : [`--since=${since}`]),
        ...(until === undefined ? [] : [`--until=${until}`]),
        ...(withNames ? ['--with-names'] : []),
        ...form,
      ],
      // INVARIANT 110: not among its words, which the host's other users can list.
      input: key,
      signal,
    });
    return stdout;
  });
}

/** With a catalog, tables that lead to no person can be listed; without one the lists are longer. */
async function catalogWords(ground: Ground, folder: string): Promise<string[]> {
  try {
    const file = join(folder, 'catalog.json');
    await writeFile(file, savedCatalog((await ground.policies()).catalog));
    return [`--catalog=${file}`];
  } catch {
    return [];
  }
}
