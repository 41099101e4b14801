/** A breach: what one principal took in a time, and the document about it. */
import type { z } from 'zod';
import type { breachFound, breachQuestion } from '../api/breach.ts';
import type { Ground } from '../ground.ts';
import type { Handlers } from '../routes.ts';

export function breachPages(ground: Ground): Pick<Handlers, 'breach' | 'breachReport'> {
  const words = ({ principal, user, since, until }: z.output<typeof breachQuestion>): string[] => [
    ...['log', 'report', 'breach', ...ground.logWords(), `--principal=${principal}`, `--since=${since}`],
    ...(user === undefined ? [] : [`--user=${user}`]),
    ...(until === undefined ? [] : [`--until=${until}`]),
    `--policies=${ground.config.policies}`,
  ];
  return {
    async breach({ question, signal }) {
      return (await ground.command.json({ words: words(question), signal })) as z.input<typeof breachFound>;
    },
    async breachReport({ question, signal, context }) {
      const { format, language, verify, author, case: number } = question;
      const evidence = [
        '--verify',
        ...(author === undefined ? [] : [`--author=${author}`]),
        ...(number === undefined ? [] : [`--case=${number}`]),
      ];
      const form = [`--${format}`, `--language=${language}`, ...(verify ? evidence : [])];
      const { stdout } = await ground.command.answer({ words: [...words(question), ...form], signal });
      context.header('content-disposition', `attachment; filename="rowgate-breach.${format}"`);
      if (format === 'html') return context.html(stdout);
      context.header('content-type', 'application/json');
      return context.body(stdout);
    },
  };
}
