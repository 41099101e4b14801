/** `rowgate log report person`: what the log says of one data subject, for a request of access (GDPR, article 15). */
import type { Command } from 'commander';
import { environmentFor } from '../app/placeholders.ts';
import { readPolicies } from '../app/read-policies.ts';
import { loadCatalog } from '../catalog/file.ts';
import { formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { reasonOf } from '../core/error-text.ts';
import type { RecordTable } from '../decision-log/read/source.ts';
import type { Period } from '../decision-log/reports/period.ts';
import { type PersonQuestion, personOf, subjectsKnown } from '../decision-log/reports/person.ts';
import { personData, personReport } from '../decision-log/reports/person-report.ts';
import { NO_POLICIES, readPolicyFacts } from '../decision-log/reports/policy-texts.ts';
import type { ReportOrigin } from '../decision-log/reports/report-origin.ts';
import type { PersonSearch } from '../decision-log/reports/subject.ts';
import { resolveFunctions } from '../policy/compile/functions.ts';
import { quoteIdentifier, resolveRelation } from '../policy/compile/names.ts';
import { SubjectReach } from '../policy/compile/subject-reach.ts';
import { suggestion } from '../policy/source/suggestion.ts';
import { Catalog } from '../sql/catalog/catalog.ts';
import { loadParser } from '../sql/parse/parse.ts';
import { normalize } from '../sql/text/normalize.ts';
import { type FoundReport, keptIn, make, type ReportOptions, reportOptions, TIMES } from './log-report-audit.ts';
import { type LogSource, several, WrongCall } from './log-source.ts';
import { type SubjectOptions, soughtIn } from './subject-option.ts';

const HELP = `
Examples:
  rowgate log report person --subject student=4711 --subject-key subjects.key
  rowgate log report person --subject student=- --subject-key subjects.key < key.txt     the key stays out of the shell's history
  rowgate log report person --subject student=4711 --subject-key subjects.key --language fr --html --output 4711.html

Three lists: statements that certainly concerned this person, those that perhaps did, and what cannot be told. Without --with-names the copy leaves out
the accounts and the people behind them. --catalog excludes tables that no foreign key leads to the subject.
${TIMES}`;

interface PersonOptions extends ReportOptions, SubjectOptions {
  readonly catalog?: string;
  readonly withNames?: boolean;
}

export function registerPerson(report: Command): void {
  reportOptions(report.command('person'))
    .description('what the log says of one data subject: certainly, perhaps, and what cannot be told')
    .requiredOption(
      '--subject <subject=key>',
      'the person, as student=4711; student=- reads the key from standard input',
    )
    .option(
      '--subject-key <file>',
      'the key of the ids in the log, may be given several times; without it, that of the configuration',
      several,
    )
    .option('--since <time>', 'without it, from the beginning')
    .option('--catalog <file>', 'a saved catalog, by which tables that lead to no subject are told')
    .option('--with-names', 'with accounts, end users and addresses: not for the copy that the person is given')
    .addHelpText('after', HELP)
    .action((options: PersonOptions, command: Command) => {
      const sought = soughtIn(options, command, 'key is optional');
      if (sought === 'failed' || !sought) return undefined;
      return make(options, command, (source, period, made, log) => person(source, period, made, log, options, sought));
    });
}

async function person(
  source: RecordTable,
  period: Period,
  made: ReportOrigin,
  log: LogSource,
  options: PersonOptions,
  sought: PersonSearch,
): Promise<FoundReport> {
  await loadParser();
  const policiesKept = keptIn(log.policiesKept);
  const subjects = await subjectsKnown(source, policiesKept);
  if (!subjects.has(sought.subject)) {
    const near = suggestion(sought.subject, subjects);
    throw new WrongCall(`neither the log nor its policies know a subject "${sought.subject}"${near}`);
  }
  const asked = { ...period, sought, policiesKept, ...(await knownTables(options, sought.subject)) };
  const found = await personOf(source, asked);
  const facts = {
    ...{ asked, found, made },
    policies: log.place?.policies === undefined ? NO_POLICIES : readPolicyFacts(log.place.policies),
    withNames: options.withNames === true,
    // Under log.text: full a text holds values, perhaps of others.
    shownStatement: (text: string) => normalize(text),
  };
  return { data: personData(facts), report: personReport(facts) };
}

type Known = Pick<PersonQuestion, 'searchPath' | 'leadsToSubject' | 'returnsSubject'>;

const NOT_KNOWN: Known = { searchPath: ['public'], leadsToSubject: () => undefined, returnsSubject: () => undefined };

/** What the catalog says of tables; without one, nothing. */
async function knownTables(options: PersonOptions, name: string): Promise<Known> {
  const { config, problems } = loadConfig(options.config, environmentFor(options.catalog ?? ''));
  if (options.catalog === undefined) return config ? { ...NOT_KNOWN, searchPath: config.searchPath } : NOT_KNOWN;
  if (!config) throw new WrongCall(problems.map(formatProblem).join('\n'));
  try {
    const catalog = new Catalog(await loadCatalog(options.catalog));
    const { policy } = await readPolicies(config, catalog);
    const subject = policy.subjects?.get(name);
    if (!subject) throw new WrongCall(`the policies declare no subject "${name}"`);
    const reach = new SubjectReach(catalog, policy.subjects?.values() ?? [], {
      relations: new Map(),
      functions: new Map(),
    });
    const { searchPath } = config;
    return {
      searchPath,
      leadsToSubject: (table) => {
        const relation = resolveRelation(catalog, [], quotedName(table));
        return 'value' in relation ? reach.isAbout(subject, relation.value) : undefined;
      },
      returnsSubject: (fn) => {
        const found = resolveFunctions(catalog, ['pg_catalog', ...searchPath], fn);
        if (!('value' in found)) return undefined;
        return found.value.some((one) => reach.returned(subject, one) !== undefined);
      },
    };
  } catch (error) {
    throw error instanceof WrongCall ? error : new WrongCall(reasonOf(error));
  }
}

/** A table of the log, as `public.students`. */
function quotedName(table: string): string {
  const at = table.indexOf('.');
  return [table.slice(0, at), table.slice(at + 1)].map(quoteIdentifier).join('.');
}
