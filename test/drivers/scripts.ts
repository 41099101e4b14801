/** Drivers of Ruby, Perl and PHP, as the system's packages bring them: all of them libpq underneath. */
import { execFileSync } from 'node:child_process';
import { type Driver, runProgram } from './driver.ts';

/** Debian's own: another one on PATH does not see the modules that its packages bring. False where it, or the module, is missing; in CI an error. */
function hasModule(interpreter: string, ...probe: readonly string[]): boolean {
  try {
    execFileSync(interpreter, probe, { stdio: 'ignore' });
    return true;
  } catch (error) {
    if (process.env.CI) throw new Error(`${interpreter} ${probe.join(' ')} fails`, { cause: error });
    return false;
  }
}

export const SCRIPT_DRIVERS: readonly Driver[] = [
  {
    name: 'pg',
    language: 'Ruby',
    found: hasModule('/usr/bin/ruby', '-rpg', '-e', ''),
    run: (env) => runProgram('/usr/bin/ruby', ['./ruby/steps.rb'], env),
    also: { 'rows one by one': 'single-row mode' },
    alsoRestricted: { 'rows one by one': { rows: 50_000, sum: 2_500_050_000 } },
  },
  {
    name: 'DBD::Pg',
    language: 'Perl',
    found: hasModule('/usr/bin/perl', '-MDBD::Pg', '-e', ''),
    run: (env) => runProgram('/usr/bin/perl', ['./perl/steps.pl'], env),
    also: { 'tables and keys': 'table_info, column_info, primary_key' },
    alsoRestricted: { 'tables and keys': ['measures', 'id integer', 'label text', 'id'] },
  },
  {
    name: 'PDO',
    language: 'PHP',
    found: hasModule('/usr/bin/php', '-r', "exit(extension_loaded('pdo_pgsql') ? 0 : 1);"),
    run: (env) => runProgram('/usr/bin/php', ['./php/steps.php'], env),
    also: { 'simple queries': 'emulated prepares', timeout: 'statement_timeout' },
  },
];
