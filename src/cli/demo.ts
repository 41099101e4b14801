/** `rowgate demo`: a PostgreSQL with made-up pupils, the guard in front of it with the sample policies, and commands to copy. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { openControlOf } from '../app/control-socket.ts';
import { operatorLog } from '../app/operator-log.ts';
import { ownCommand } from '../app/own-command.ts';
import { printOut, printProblems } from '../app/print.ts';
import { startGuard } from '../app/run-guard.ts';
import { Shutdown } from '../app/shutdown.ts';
import { StartError } from '../app/start-error.ts';
import { type Config, formatProblem } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { playBreach } from '../demo/breach.ts';
import { DEMO_SCALE } from '../demo/database.ts';
import { portalToken } from '../demo/portal-key.ts';
import { AlreadyRuns } from '../demo/server.ts';
import { type DemoServer, startDemoServer } from '../demo/start.ts';
import { tourEnd, tourText } from '../demo/tour.ts';

const HELP = `
Examples:
  rowgate demo
  rowgate demo --fresh --port 7432
  rowgate demo --tour
  rowgate demo --token 7        prints what to give "SET rowgate.token", as the portal does for the seventh parent

The demo lives in ./.rowgate-demo: its database, its configuration, its decision log. Ctrl-C stops all of it.
--tour plays a breach before your eyes, in a minute, and ends; also while the demo is up, with its database.
Exit code: 0 when it was told to stop, 1 where it could not start.`;

const FOLDER = '.rowgate-demo';
const TIME_ZONE = 'Europe/Paris';
/** Between what is to be read on a terminal. */
const BREATH_MS = 1_500;
const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url));

interface DemoCommandOptions {
  readonly port: number;
  readonly fresh?: boolean;
  readonly tour?: boolean;
  readonly token?: number;
}

export function register(program: Command): void {
  program
    .command('demo')
    .description('try it: a sample database, made in seconds, with the guard in front')
    .option('--port <port>', 'where the guard listens, on 127.0.0.1', parsePort, 6432)
    .option('--fresh', 'make the database anew')
    .option('--tour', 'play a breach: a stolen password takes pupils until it is locked out')
    .option(
      '--token <parent>',
      'print a token of a parent behind the principal "portal", good for an hour',
      parseParent,
    )
    .addHelpText('after', HELP)
    .action(async (options: DemoCommandOptions) => {
      process.exitCode = await demo(options);
    });
}

async function demo(options: DemoCommandOptions): Promise<number> {
  if (options.token !== undefined) {
    printOut(`${portalToken(options.token, Date.now())}\n`);
    return 0;
  }
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, '.gitignore'), '*\n');
  let server: DemoServer;
  try {
    server = await startDemoServer({ folder: FOLDER, fresh: options.fresh ?? false, progress: say });
  } catch (error) {
    if (options.tour && error instanceof AlreadyRuns) return await tourBeside();
    return printProblems([error instanceof Error ? error.message : String(error)]);
  }
  // A signal before this line ends the process at once, and PostgreSQL with it.
  const told = untilTold();
  let webConsole: ChildProcess | undefined;
  try {
    if (options.tour) return await playTour(server, told);
    const file = await writeConfiguration(server, {
      ...{ name: 'demo', port: options.port },
      further: `keys: { subjects: ./subjects.key }\nconsole: { listen: "127.0.0.1:${await consolePort()}" }\n`,
    });
    await writeKey(join(FOLDER, 'subjects.key'));
    const config = readConfiguration(file);
    // What the banner is there to say comes first; the samples have a warning.
    const log = operatorLog('error');
    const guard = await startGuard(config, log);
    const ending = new Shutdown(guard);
    const control = await openControlOf(guard, ending, config, log);
    printOut(tourText(place(guard.address.port)));
    webConsole = startWebConsole(file);
    log.level = 'info';
    void told.then(() => {
      ending.tell();
      for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => ending.tell());
    });
    const why = await Promise.race([told.then(() => 'told' as const), server.ended.then(() => 'lost' as const)]);
    if (why === 'lost') ending.stop();
    await ending.ended;
    await control?.close();
    return why === 'told' ? 0 : printProblems(['the database has ended by itself']);
  } catch (error) {
    if (error instanceof StartError) return printProblems(error.lines);
    throw error;
  } finally {
    webConsole?.kill('SIGTERM');
    await server.stop();
  }
}

const CONSOLE_PORT = 8433;

/** Its own, or any where that is taken. */
function consolePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(0));
    probe.listen(CONSOLE_PORT, '127.0.0.1', () => probe.close(() => done(CONSOLE_PORT)));
  });
}

/** It prints its address itself, and ends with us, however we end. */
function startWebConsole(configuration: string): ChildProcess {
  const words = [process.argv[1] ?? '', 'console', '--config', configuration];
  return spawn(process.execPath, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** As "rowgate log key" makes it: with it the log can be asked for a pupil. */
async function writeKey(file: string): Promise<void> {
  const text = `k1 ${randomBytes(32).toString('base64url')}\n`;
  await writeFile(file, text, { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** The demo is up: its database serves, by the accounts that its configuration names. */
async function tourBeside(): Promise<number> {
  const { config } = loadConfig(place(0).configFile, {});
  const [account, owner] = [config?.upstream.login, config?.upstream.logins.get('dba')];
  const [host] = config?.upstream.hosts ?? [];
  if (typeof account?.password !== 'string' || typeof owner?.password !== 'string' || !host)
    return printProblems(['a demo begins here; try again when it is up, or end it with Ctrl-C']);
  const guardUrl = `postgres://${account.user}:${account.password}@${host.host}:${host.port}/${config?.upstream.database}`;
  try {
    return await playTour({ guardUrl, owner: { user: owner.user, password: owner.password } }, untilTold());
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return printProblems([...error.lines, 'the demo that runs here does not serve; end it with Ctrl-C, and try again']);
  }
}

function untilTold(): Promise<unknown> {
  return Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

/** Nothing of it stays but its log; a port that is free serves. */
async function playTour(server: DemoAccounts, told: Promise<unknown>): Promise<number> {
  const log = join(FOLDER, 'tour.jsonl');
  await rm(log, { force: true });
  const key = join(FOLDER, 'tour.subjects.key');
  await rm(key, { force: true });
  await writeKey(key);
  const further = 'state: memory\ncontrol: none\nkeys: { subjects: ./tour.subjects.key }\n';
  const file = await writeConfiguration(server, { name: 'tour', port: 0, further });
  const guard = await startGuard(readConfiguration(file), operatorLog('error'));
  let interrupted = false;
  void told.then(() => {
    interrupted = true;
  });
  try {
    const play = playBreach({
      url: (principal) => `postgres://${principal}:demo-${principal}@127.0.0.1:${guard.address.port}/ent`,
      records: async () => {
        const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
        return lines.map((line) => JSON.parse(line));
      },
      timeZone: TIME_ZONE,
      say: (line) => void (interrupted || printOut(`${line}\n`)),
      pupils: DEMO_SCALE.students,
      breathMs: process.stdout.isTTY ? BREATH_MS : 0,
    });
    const played = await Promise.race([play, told.then(() => undefined)]);
    if (!played)
      play.catch(() => {}); // its connections end with the guard
    else printOut(tourEnd({ command: ownCommand(), log, configFile: file, key }));
    return 0;
  } finally {
    await guard.stop('at-once');
  }
}

type DemoAccounts = Pick<DemoServer, 'guardUrl' | 'owner'>;

interface Written {
  readonly name: 'demo' | 'tour';
  readonly port: number;
  readonly further: string;
}

/** A file like any other, so that `rowgate explain`, `check` and `limits` work beside it. */
async function writeConfiguration(server: DemoAccounts, { name, port, further }: Written): Promise<string> {
  const demo = name === 'demo';
  const file = demo ? place(port).configFile : join(FOLDER, 'tour.yaml');
  const configuration = `# Written by "rowgate demo" at each start, with passwords made for this start.
name: ${name}
listen: 127.0.0.1:${port}
upstream:
  url: ${server.guardUrl}
  logins:
    dba: { user: ${server.owner.user}, password: ${JSON.stringify(server.owner.password)} }
policies: ${JSON.stringify(POLICIES)}
log: { file: ./${demo ? 'decisions' : 'tour'}.jsonl }
time_zone: ${TIME_ZONE}
${further}`;
  await writeFile(file, configuration, { mode: 0o600 });
  return file;
}

function readConfiguration(file: string): Config {
  const { config, problems } = loadConfig(file, {});
  if (!config) throw new StartError(problems.map(formatProblem));
  return config;
}

function place(port: number) {
  return {
    port,
    command: ownCommand(),
    configFile: join(FOLDER, 'rowgate.yaml'),
    policiesFolder: relative(process.cwd(), POLICIES) || resolve(POLICIES),
    logFile: join(FOLDER, 'decisions.jsonl'),
  };
}

function say(table: string): void {
  printOut(`making ${table}\n`);
}

function parseParent(value: string): number {
  const parent = Number(value);
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('expected the number of a parent');
  return parent;
}

function parsePort(value: string): number {
  const port = Number(value);
  if (!/^\d+$/.test(value) || port > 65535) throw new InvalidArgumentError('expected a port');
  return port;
}
