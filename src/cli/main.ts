#!/usr/bin/env node
/** The command `rowgate`: registers one file per subcommand. Exit code 2 for a wrong call. */
import { Command, CommanderError } from 'commander';
import { printError } from '../app/print.ts';
import { version } from '../app/version.ts';
import { register as access } from './access.ts';
import { register as breakGlass } from './break-glass.ts';
import { register as canary } from './canary.ts';
import { register as catalog } from './catalog.ts';
import { register as check } from './check.ts';
import { register as compile } from './compile.ts';
import { register as demo } from './demo.ts';
import { register as diff } from './diff.ts';
import { register as drain } from './drain.ts';
import { register as explain } from './explain.ts';
import { register as init } from './init.ts';
import { register as limits } from './limits.ts';
import { register as locks } from './locks.ts';
import { register as logAnchor } from './log-anchor.ts';
import { register as logIndex } from './log-index.ts';
import { register as logKey } from './log-key.ts';
import { register as logPolicies } from './log-policies.ts';
import { register as logQuery } from './log-query.ts';
import { register as logReport } from './log-report.ts';
import { register as logVerify } from './log-verify.ts';
import { register as login } from './login.ts';
import { register as password } from './password.ts';
import { register as permit } from './permit.ts';
import { register as reload } from './reload.ts';
import { register as replay } from './replay.ts';
import { register as serve } from './serve.ts';
import { register as test } from './test.ts';

const program = new Command('rowgate')
  .description('A query guard for PostgreSQL: who may see what, and how much of it.')
  .version(version())
  .showHelpAfterError('(rowgate --help says more)')
  .exitOverride();
const running = [reload, drain, locks, limits, permit, breakGlass];
const log = [logQuery, logReport, logIndex, logVerify, logAnchor, logPolicies, logKey];
for (const register of [
  serve,
  demo,
  init,
  check,
  test,
  diff,
  replay,
  explain,
  access,
  catalog,
  compile,
  password,
  login,
  canary,
  ...log,
  ...running,
])
  register(program);

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong; help and version are no mistakes.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    printError(`rowgate: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  }
}
