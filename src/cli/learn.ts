/** `rowgate learn`: the least role that allows what the decision log has seen of it. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { oneLine, printError, printOut } from '../app/print.ts';
import type { LogRecord } from '../decision-log/fields.ts';
import { readStatements } from '../decision-log/statements/read.ts';
import { exceptionOf, type LearnException } from '../desk/learn/except.ts';
import { type Learned, learn } from '../desk/learn/learn.ts';
import { roleFile } from '../desk/learn/role-file.ts';
import { Seen } from '../desk/learn/seen.ts';
import { TakenAmounts } from '../desk/learn/taken.ts';
import { isUnchanged } from '../desk/learn/written-mark.ts';
import { PastCatalogs } from '../desk/past-catalogs.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { failed } from './ask-guard.ts';
import { reportUnreadable, several } from './log-source.ts';
import { eachRecord, ofRoles, otherCatalogWords, type RoleOptions, roleContextOf, worldOf } from './seen-by-role.ts';

const HELP = `
Examples:
  rowgate learn --role canteen
  rowgate learn --role canteen --except principal=importer --except period=2026-11-20T22:00..2026-11-21T05:00 --write

Nothing is learned from what was refused in enforce mode, failed, met a canary, or belongs to a session that was locked. What came on one day or from one
address alone, away from the usual, is left out and stands in the file as "# review:". --except takes principal, application, address and period.
--write replaces the role's file if it was not changed since Rowgate wrote it; else it writes a ".new" beside it, and the exit code is 1.
Exit code: 0 where it was answered, 2 for a wrong call or where there is nothing to learn from.`;

interface Options extends RoleOptions {
  readonly role: string;
  readonly except?: readonly string[];
  readonly write?: boolean;
}

export function register(program: Command): void {
  ofRoles(program.command('learn'))
    .description('write the least role that allows what the decision log has seen of it')
    .requiredOption('--role <name>', 'the role')
    .option('--except <key=value>', 'whose statements are left out; may be given several times', several)
    .option('--write', "replace the role's file")
    .addHelpText('after', HELP)
    .action(learnRole);
}

async function learnRole(options: Options, command: Command): Promise<void> {
  const ground = await roleContextOf(options, command);
  if (!ground) return;
  const world = worldOf(options.role, ground);
  const { config, catalog, policy, log, dayOf } = ground;
  const role = policy.roles.get(options.role);
  if (!world || !role)
    return failed(2, `there is no role "${options.role}"${suggestion(options.role, policy.roles.keys())}`);
  if (role.access === 'unrestricted')
    return failed(2, `role "${options.role}" is unrestricted, and has no grants: write one that is not`);
  const now = { now: Date.now(), timeZone: log.timeZone };
  const exceptions = (options.except ?? []).map((text) => exceptionOf(text, now));
  const wrong = exceptions.find((one) => typeof one === 'string');
  if (typeof wrong === 'string') command.error(`error: --except: ${wrong}`, { exitCode: 2 });
  const given = exceptions.filter((one): one is LearnException => typeof one !== 'string');
  const isExcepted = (record: LogRecord): boolean => given.some(({ isMeant }) => isMeant(record));
  let seen: Seen;
  let catalogs: PastCatalogs;
  const taken = new TakenAmounts(log.timeZone);
  try {
    const kept = await readStatements(log.statementsKept, log.openerOf);
    catalogs = new PastCatalogs(kept.catalogs, catalog);
    seen = new Seen({ wants: (name) => name === options.role, isExcepted, statements: kept.statements, dayOf });
    await eachRecord(ground, (record) => void (seen.add(record) && taken.add(record)));
  } catch (error) {
    return reportUnreadable(error);
  }
  const { statements, shares } = seen.result();
  if (!seen.span) return nothing(options.role, seen);
  const unknown = given.find(({ key, value }) => !isKnown(key, value, seen));
  if (unknown) return missing(unknown, seen);
  const { text } = world;
  const learned = learn({ world, policy, text, statements, shares, taken });
  const written = roleFile({ learned, world, before: text, dayOf, span: seen.span });
  const otherCatalog = statements.filter(({ kept }) => catalogs.hasChanged(kept)).length;
  if (otherCatalog > 0) printError(`rowgate: ${otherCatalogWords(otherCatalog)}\n`);
  if (options.json) printOut(`${JSON.stringify({ ...asJson(learned, seen), otherCatalog })}\n`);
  else printOut(options.write ? summary(learned) : `${written}${asComments(learned)}`);
  if (options.write) write(join(config.policies, world.path), text, written);
}

function isKnown(key: LearnException['key'], value: string, { names }: Seen): boolean {
  if (key === 'principal') return names.principals.has(value);
  return key !== 'application' || names.applications.has(value);
}

function missing({ key, value }: LearnException, { names }: Seen): undefined {
  const known = key === 'principal' ? names.principals : names.applications;
  return failed(2, `--except: the log has no ${key} "${value}" of the role${suggestion(value, known)}`);
}

function nothing(role: string, { names }: Seen): undefined {
  return failed(2, `the log has no statement of role "${role}" of that time${suggestion(role, names.roles)}`);
}

/** A file that was edited by hand is not overwritten. */
function write(path: string, before: string, text: string): void {
  const isOurs = isUnchanged(before) && readFileSync(path, 'utf8') === before;
  const to = isOurs ? path : `${path}.new`;
  const beside = `${to}.${process.pid}`;
  writeFileSync(beside, text, { flag: 'wx', mode: 0o644 });
  renameSync(beside, to);
  if (isOurs) {
    printOut(`wrote ${to}\n`);
    return;
  }
  printError(`rowgate: ${path} was changed since Rowgate wrote it, or never was: the role is in ${to}\n`);
  process.exitCode = 1;
}

function summary({ allowed, leftOut, lines, evidence }: Learned): string {
  const reviewed = [...lines.values()].filter(({ review }) => review.length > 0);
  const left = leftOut.reduce((sum, { count }) => sum + count, 0);
  return [
    `${allowed.statements} statements, sent ${allowed.sent} times by ${evidence.principals.size} principals, are allowed by ${lines.size} lines`,
    ...(reviewed.length > 0 ? [`${reviewed.length} lines are for review`] : []),
    `left out: ${leftOut.length} statements, sent ${left} times`,
    ...leftOut.map(({ count, why, statement }) =>
      oneLine(`  ${count} times, ${why}: ${statement.text ?? '(no text)'}`),
    ),
    '',
  ].join('\n');
}

function asComments({ leftOut }: Learned): string {
  return leftOut
    .map(
      ({ count, why, statement }) =>
        `# left out, ${oneLine(`${count} times, ${why}: ${statement.text ?? '(no text)'}`)}\n`,
    )
    .join('');
}

function asJson({ allowed, leftOut, lines, limits, role }: Learned, { span }: Seen): object {
  return {
    span,
    allowed,
    file: role.asFile(),
    lines: [...lines].map(([key, { evidence, review, isLeftOut }]) => ({
      key,
      count: evidence.count,
      addresses: evidence.addresses.size,
      first: evidence.first,
      last: evidence.last,
      review,
      leftOut: isLeftOut,
    })),
    limits,
    leftOut: leftOut.map(({ statement, count, why }) => ({ statement: statement.text ?? null, count, why })),
  };
}
