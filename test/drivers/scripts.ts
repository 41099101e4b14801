/** Drivers of Ruby, Perl and PHP, as the system's packages bring them: all of them libpq underneath. */
import { tool } from '../support/tools.ts';
import { type Driver, runProgram } from './driver.ts';

const RUBY = tool('ruby', { runs: ['-rpg', '-e', ''], with: 'pg' });
const PERL = tool('perl', { runs: ['-MDBD::Pg', '-e', ''], with: 'DBD::Pg' });
const PHP = tool('php', { runs: ['-r', "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"], with: 'pdo_pgsql' });

export const SCRIPT_DRIVERS: readonly Driver[] = [
  {
    name: 'pg',
    language: 'Ruby',
    needs: RUBY,
    run: (env) => runProgram(RUBY.path!, ['./ruby/steps.rb'], env),
    also: { 'rows one by one': 'single-row mode' },
    alsoRestricted: { 'rows one by one': { rows: 50_000, sum: 2_500_050_000 } },
  },
  {
    name: 'DBD::Pg',
    language: 'Perl',
    needs: PERL,
    run: (env) => runProgram(PERL.path!, ['./perl/steps.pl'], env),
    also: { 'tables and keys': 'table_info, column_info, primary_key' },
    alsoRestricted: { 'tables and keys': ['measures', 'id integer', 'label text', 'id'] },
  },
  {
    name: 'PDO',
    language: 'PHP',
    needs: PHP,
    run: (env) => runProgram(PHP.path!, ['./php/steps.php'], env),
    also: { 'simple queries': 'emulated prepares', timeout: 'statement_timeout' },
  },
];
