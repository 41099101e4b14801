/** `rowgate explain`: what would be decided about a statement of a principal, and why. Nothing of it runs. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { reasonOf } from '../app/error-text.ts';
import { PolicyReader } from '../app/policy-reader.ts';
import { printError, printOut } from '../app/print.ts';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Guard } from '../guard/guard.ts';
import { GuardRuntime } from '../server/guard-runtime.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { attributesBy, missingIn } from './claimed-person.ts';
import { type Explanation, explanationOf, formatExplanation } from './explanation.ts';

const EXAMPLES = `
Examples:
  rowgate explain --as college_12_app "SELECT ine FROM students"
  rowgate explain --as college_12_app --json - < statement.sql
  rowgate explain --as portal --claim guardian_id=7731 "SELECT first_name FROM students"

Exit code: 0 where it would run, 1 where it would be refused, 2 where that could not be found out.`;

interface ExplainOptions {
  /** The principal. */
  readonly as: string;
  /** `rowgate.yaml` */
  readonly config: string;
  /** `NAME=VALUE`, of the person behind the account. */
  readonly claim: readonly string[];
}

/** The explanation, or why there is none: lines for the operator. */
type Explained = { readonly explanation: Explanation } | { readonly problems: readonly string[] };

async function explain(sql: string, options: ExplainOptions): Promise<Explained> {
  const { config, problems } = loadConfig(options.config, process.env);
  if (!config) return { problems: problems.map(formatProblem) };
  await loadParser();
  let reading: Awaited<ReturnType<PolicyReader['read']>>;
  try {
    reading = await new PolicyReader(config).read();
  } catch (error) {
    return { problems: [`could not read the catalog of the database: ${reasonOf(error)}`] };
  }
  const { policy, catalog, errors } = reading;
  if (!policy) return { problems: errors };
  const principal = policy.principals.get(options.as);
  if (!principal) return { problems: [`principal "${options.as}" does not exist`, ...errors] };
  const { searchPath } = config;
  const runtime = new GuardRuntime(
    ({ role }) => new Guard({ catalog, role, searchPath, pooling: config.upstream.pooling }),
    { now: Date.now, timeZone: config.timeZone },
    policy,
    reading,
  );
  const session = runtime.sessionPolicy(options.as);
  if (!session) {
    const closed = principal.disabled ?? policy.roles.get(principal.role)?.disabled ?? 'its role does not exist';
    return { problems: [`principal "${options.as}" cannot log in: ${closed}`] };
  }
  const by = attributesBy(options.claim, session);
  if ('problem' in by) return { problems: [by.problem] };
  const { effect, template } = session.judge(sql);
  const missing = effect === 'refuse' ? [] : missingIn(template, by.attributes);
  if (missing.length > 0) {
    const claims = missing.map((name) => `--claim ${session.principal.token?.claims.get(name) ?? name}=…`).join(' ');
    return { problems: [`it is about the person behind the account: say who with ${claims}`] };
  }
  return { explanation: explanationOf(sql, session, catalog, by.attributes) };
}

export function register(program: Command): void {
  program
    .command('explain')
    .description('say what would be decided about a statement, by which rule, and what would be sent; nothing runs')
    .argument('<sql>', 'the statement; - reads standard input')
    .requiredOption('--as <principal>', 'whose statement it is')
    .option(
      '--claim <name=value>',
      'what a token of the person behind the account says; may be repeated',
      (claim, before: string[]) => [...before, claim],
      [],
    )
    .option('--config <file>', 'the configuration', 'rowgate.yaml')
    .option('--json', 'one JSON object on standard output')
    .addHelpText('after', EXAMPLES)
    .action(async (sql: string, options: ExplainOptions & { readonly json?: boolean }) => {
      const explained = await explain(sql === '-' ? readFileSync(0, 'utf8') : sql, options);
      if ('problems' in explained) {
        printError(explained.problems.map((problem) => `rowgate: ${problem}\n`).join(''));
        process.exitCode = 2;
        return;
      }
      const { explanation } = explained;
      printOut(`${options.json ? JSON.stringify(explanation) : formatExplanation(explanation)}\n`);
      process.exitCode = explanation.effect === 'refuse' ? 1 : 0;
    });
}
