/** `rowgate log report observed`: what observe mode would have refused, narrowed or limited, and the lines that allow it. */
import type { Command } from 'commander';
import { oneLine, printError, printOut } from '../app/print.ts';
import { type Language, Speech } from '../decision-log/language/speech.ts';
import { readStatements } from '../decision-log/statements/read.ts';
import { type ObservedReport, observedReport } from '../desk/learn/observed.ts';
import { type Occurrences, Seen } from '../desk/learn/seen.ts';
import { PastCatalogs } from '../desk/past-catalogs.ts';
import { shownTime } from '../policy/source/calendar.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { failed, table } from './ask-guard.ts';
import { languageOption } from './log-report-audit.ts';
import { reportUnreadable } from './log-source.ts';
import { eachRecord, ofRoles, otherCatalogWords, type RoleOptions, roleContextOf, worldOf } from './seen-by-role.ts';

interface Options extends RoleOptions {
  readonly role?: string;
  readonly language: Language;
}

/** How often a limit of an observed role was passed. */
interface Limited {
  readonly principal: string;
  readonly limit: string;
  count: number;
}

interface Shown extends ObservedReport {
  readonly limited: readonly Limited[];
}

const HELP = `
Statements are judged by the policies as they are now. The lines are to be merged into the role's file; "rowgate learn" writes a whole one.
Exit code: 0 where it was answered, 2 for a wrong call, or where there is nothing to tell of.`;

export function registerObserved(report: Command): void {
  ofRoles(report.command('observed'))
    .description('what observe mode would have refused, narrowed or limited, and what allows it')
    .option('--role <name>', 'of this role alone')
    .addOption(languageOption())
    .addHelpText('after', HELP)
    .action(observed);
}

async function observed(options: Options, command: Command): Promise<void> {
  const ground = await roleContextOf(options, command);
  if (!ground) return;
  const { policy, log, dayOf } = ground;
  if (options.role !== undefined && !policy.roles.has(options.role))
    return failed(2, `there is no role "${options.role}"${suggestion(options.role, policy.roles.keys())}`);
  const bySeen = new Map<string, { readonly seen: Seen; readonly limited: Map<string, Limited> }>();
  let catalogs: PastCatalogs;
  const roleOf = (principal: string): string | undefined => policy.principals.get(principal)?.role;
  try {
    const { statements, catalogs: kept } = await readStatements(log.statementsKept, log.openerOf);
    catalogs = new PastCatalogs(kept, ground.catalog);
    for (const name of options.role === undefined ? policy.roles.keys() : [options.role])
      bySeen.set(name, {
        seen: new Seen({ wants: (role) => role === name, isExcepted: () => false, statements, dayOf }),
        limited: new Map(),
      });
    await eachRecord(ground, (record) => {
      for (const { seen } of bySeen.values()) seen.add(record);
      const { kind, principal, limit } = record;
      if (kind !== 'warning' || typeof principal !== 'string') return;
      const name = String((limit as { name?: unknown } | undefined)?.name);
      const limited = bySeen.get(roleOf(principal) ?? '')?.limited;
      const known = limited?.get(`${principal} ${name}`) ?? { principal, limit: name, count: 0 };
      known.count += 1;
      limited?.set(`${principal} ${name}`, known);
    });
  } catch (error) {
    return reportUnreadable(error);
  }
  const reports: Shown[] = [];
  let otherCatalog = 0;
  for (const [role, { seen, limited }] of bySeen) {
    const world = worldOf(role, ground);
    const { statements } = seen.result();
    if (!world || !statements.some(({ would }) => would !== undefined)) continue;
    otherCatalog += statements.filter(({ kept }) => catalogs.hasChanged(kept)).length;
    reports.push({ ...observedReport(statements, world), limited: [...limited.values()] });
  }
  if (reports.length === 0) return failed(2, 'the log has nothing of that time that was observed');
  if (otherCatalog > 0) printError(`rowgate: ${otherCatalogWords(otherCatalog)}\n`);
  printOut(
    options.json
      ? `${JSON.stringify(reports.map(asJson))}\n`
      : reports.map((one) => inWords(one, log.timeZone, new Speech(options.language))).join('\n'),
  );
}

function inWords(report: Shown, timeZone: string, speech: Speech): string {
  const { role, all, refused, reasons, lines, allowed, narrowed, limited } = report;
  const sums = { refused: refused.statements, refusedSent: refused.sent, statements: all.statements, sent: all.sent };
  const out = [speech.say('observed: role', { role, ...sums })];
  const rows = reasons.map(({ reason, what, evidence, sample }) => [
    `  ${reason}`,
    what,
    ...times(evidence, timeZone, speech),
    oneLine(sample).slice(0, 60),
  ]);
  const head = (['what was asked for', 'times', 'last', 'principals', 'sample'] as const).map((name) =>
    speech.say(`column: ${name}`),
  );
  if (rows.length > 0) out.push(table([[`  ${speech.say('column: reason')}`, ...head], ...rows]).trimEnd());
  if (lines.length > 0) out.push(speech.say('observed: lines'));
  for (const { yaml, ...counts } of lines) {
    const { statements, sent, passing } = counts;
    out.push(oneLine(`  ${yaml} # ${speech.say('observed: line', { statements, sent, passing })}`));
  }
  out.push(speech.say('observed: in all', { lines: lines.length, allowed, refused: refused.statements }));
  for (const { tables, evidence, sample } of narrowed) {
    const said = { tables, principals: [...evidence.principals].join(', '), sample: sample.slice(0, 60) };
    out.push(oneLine(speech.say('observed: narrowed', { ...said, count: evidence.count })));
  }
  for (const { principal, limit, count } of limited)
    out.push(oneLine(speech.say('observed: limited', { principal, limit, count })));
  return `${out.join('\n')}\n`;
}

function times({ count, last, principals }: Occurrences, timeZone: string, speech: Speech): string[] {
  const at = speech.language === 'en' ? shownTime(last, timeZone) : speech.instant(new Date(last).getTime(), timeZone);
  return [speech.count(count), at, oneLine([...principals].join(', '))];
}

function asJson({ reasons, narrowed, ...report }: Shown): object {
  const flat = ({ count, first, last, principals }: Occurrences) => ({
    count,
    first,
    last,
    principals: [...principals],
  });
  return {
    ...report,
    reasons: reasons.map(({ evidence, ...one }) => ({ ...one, ...flat(evidence) })),
    narrowed: narrowed.map(({ evidence, ...one }) => ({ ...one, ...flat(evidence) })),
  };
}
