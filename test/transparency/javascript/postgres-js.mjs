/** In place of the runner of postgres.js's suite, which ends with the first test that fails, and of what makes its logins. Prints a line for each test. */
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';

const SECONDS = 5;
/** A busy machine takes longer than its author's. */
const PATIENCE = 10;
// Thrown where nothing waits any more: the test that waits for it is late.
process.on('uncaughtException', (error) => console.error(error));

let last = Promise.resolve();

export function t(name, options, test = options) {
  const seconds = options.timeout ?? SECONDS;
  const done = last.then(async () => {
    const outcome = await Promise.race([outcomeOf(test), late(seconds * PATIENCE)]);
    process.stdout.write(`\n--- ${outcome}: ${name}\n`);
    // Each makes its table `test` anew.
    if (outcome === 'FAIL') exec('psql', ['--command', 'DROP TABLE IF EXISTS test CASCADE']);
    // Its connections stay open.
    if (done === last) process.exit();
  });
  last = done;
}

/** As its author leaves a test out, or runs one alone. */
export const nt = () => {};
export const ot = t;

/** What it asks as the superuser. */
export function exec(command, args) {
  spawnSync(command, args, { stdio: 'ignore' });
}

async function outcomeOf(test) {
  try {
    const [expected, got] = await Promise.all(await test());
    if (isDeepStrictEqual(expected, got)) return 'PASS';
    console.error(got, 'in place of', expected);
    return 'FAIL';
  } catch (error) {
    console.error(error);
    return 'FAIL';
  }
}

function late(seconds) {
  return new Promise((done) => setTimeout(done, seconds * 1000, 'FAIL').unref());
}
