/** A real rsyslog with a test's own configuration: it takes messages on loopback and writes each as a line of JSON. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../proxy/support.ts';
import { tool } from '../support/tools.ts';

export const rsyslogd = tool('rsyslogd');

/** One message as rsyslog has parsed it. */
export interface Received {
  readonly pri: string;
  readonly time: string;
  readonly host: string;
  readonly app: string;
  readonly id: string;
  /** Structured data, as it was written. */
  readonly data: string;
  readonly text: string;
}

export interface Rsyslog {
  readonly port: number;
  readonly pid: () => number;
  received(): Received[];
  start(): Promise<void>;
  /** `SIGTERM`: it ends in order. `SIGKILL`: it does not. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** SIGSTOP; once it is settled, none of its threads runs. */
  pause(): Promise<void>;
  signal(name: 'SIGSTOP' | 'SIGCONT'): void;
  /** The output of the process. */
  said(): string;
  remove(): Promise<void>;
}

export interface RsyslogOptions {
  /** PEM files. With `clients`, senders must show a certificate of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string; readonly clients?: boolean };
  readonly driver?: 'gtls' | 'ossl';
  /** Another one than that of the tests, which listens on `port`. */
  readonly configuration?: string;
  readonly port?: number;
}

/** Not yet started. It writes each message before it reads the next: what it has read survives its death. */
export async function makeRsyslog(options: RsyslogOptions = {}): Promise<Rsyslog> {
  const folder = mkdtempSync(join(tmpdir(), 'rowgate-rsyslog-'));
  const port = options.port ?? (await freePort());
  let lives = 0;
  let child: ChildProcess | undefined;
  let said = '';
  const rsyslog: Rsyslog = {
    port,
    pid: () => child?.pid ?? 0,
    received: () => Array.from({ length: lives }, (_, life) => linesOf(outputOf(folder, life + 1))).flat(),
    async start() {
      lives += 1;
      const text = options.configuration ?? configuration(options, folder, port, outputOf(folder, lives));
      writeFileSync(join(folder, 'rsyslog.conf'), text);
      const args = ['-n', '-f', join(folder, 'rsyslog.conf'), '-i', join(folder, 'rsyslog.pid')];
      // Another process may have the port for a moment, where this one was killed: rsyslog then goes on without it.
      await eventually(async () => {
        await rsyslog.end('SIGKILL');
        rmSync(join(folder, 'rsyslog.pid'), { force: true });
        child = spawn(rsyslogd.path ?? '', args, { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [child.stdout, child.stderr]) {
          stream?.on('data', (chunk) => {
            said += chunk;
          });
        }
        const listens = eventually(() => answers(port), 'it listens');
        return listens.then(
          () => true,
          () => false,
        );
      }, 'rsyslog listens');
    },
    async end(signal) {
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((done) => child?.once('exit', done));
      child.kill('SIGCONT');
      child.kill(signal);
      await ended;
    },
    async pause() {
      rsyslog.signal('SIGSTOP');
      await eventually(() => isStopped(rsyslog.pid()), 'rsyslog is stopped');
    },
    signal: (name) => void child?.kill(name),
    said: () => said,
    async remove() {
      await rsyslog.end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rsyslog;
}

/** Each life has a file of its own: a line that one has not written to its end would else join the first of the next. */
function outputOf(folder: string, life: number): string {
  return join(folder, `received-${life}.jsonl`);
}

/** One thread takes the signal and stops the others: on a busy machine these run on for a while. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) => /\) T /.test(readFileSync(join(tasks, task, 'stat'), 'utf8')));
}

/** The whole ones. */
function linesOf(path: string): Received[] {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Received);
}

function configuration(options: RsyslogOptions, folder: string, port: number, output: string): string {
  const { tls, driver = 'gtls' } = options;
  const files = tls
    ? `defaultNetstreamDriverCAFile="${tls.ca}" defaultNetstreamDriverCertFile="${tls.cert}" defaultNetstreamDriverKeyFile="${tls.key}"`
    : '';
  const mode = tls ? `StreamDriver.Name="${driver}" StreamDriver.Mode="1"` : '';
  const who = tls ? `StreamDriver.AuthMode="${tls.clients ? 'x509/certvalid' : 'anon'}"` : '';
  return `global(workDirectory="${folder}" ${files})
module(load="imtcp" ${mode} ${who})
template(name="line" type="list" option.jsonf="on") {
  property(outname="pri" name="pri" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="app" name="app-name" format="jsonf")
  property(outname="id" name="msgid" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="text" name="msg" format="jsonf")
}
ruleset(name="take" queue.type="Direct") { action(type="omfile" file="${output}" template="line" asyncWriting="off" flushOnTXEnd="on") }
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="take")
`;
}

/** Below the ports that the system gives to connections: no other process gets it while it is not in use. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const isFree = await new Promise<boolean>((done) => {
      const server = createServer();
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (isFree) return port;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
}
