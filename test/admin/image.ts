/**
 * Stands in for a container engine: takes the steps of a Dockerfile one by one, in a folder that becomes the root of a mount namespace.
 * The base image is this machine's own /usr and this test's own Node.
 */
import { spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { tool } from '../support/tools.ts';
import type { Instruction, Stage } from './dockerfile.ts';

/** Mount namespaces are root's, and not every container lets them be made: where it lacks, nothing of this is called. */
export const NAMESPACES = tool('unshare', { runs: ['--mount', 'true'], with: 'mount namespaces' });
const UNSHARE = NAMESPACES.path ?? '';

export interface ImageOptions {
  /** The files that the engine would be sent. */
  readonly context: string;
  /** An empty folder. */
  readonly folder: string;
  /** Takes the place of a step that would download: true where it has done what the step would do. */
  instead(command: string, workdir: string): boolean;
}

export interface Image {
  /** The folder of its root. */
  readonly root: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly last: Readonly<Record<string, Instruction>>;
  readonly workdir: string;
}

/** Runs every step of both stages; throws with the output of one that fails. */
export function buildImage([build, final]: readonly Stage[], options: ImageOptions): Image {
  if (!build?.name || !final) throw new Error('not two stages');
  const built = join(options.folder, 'build');
  const root = join(options.folder, 'root');
  takeSteps(build, built, options, {}, (command, workdir) => {
    step('sh', ['-c', command], { cwd: workdir, env: plainEnvironment() });
  });
  prepareRoot(root);
  return takeSteps(final, root, options, { [build.name]: built }, (command) => {
    step(UNSHARE, inRoot(root, { writable: true }, ['sh', '-c', command]));
  });
}

/** Throws with all that it said where it fails. */
function step(program: string, args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): void {
  const { status, stdout, stderr } = spawnSync(program, args, { ...options, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.at(-1)} ended with ${status}: ${stdout}${stderr}`);
}

function takeSteps(
  stage: Stage,
  root: string,
  options: ImageOptions,
  stages: Readonly<Record<string, string>>,
  run: (command: string, workdir: string) => void,
): Image {
  const environment: Record<string, string> = {};
  const last: Record<string, Instruction> = {};
  let workdir = '/';
  for (const step of stage.instructions) {
    last[step.name] = step;
    if (step.name === 'WORKDIR') workdir = step.rest;
    if (step.name === 'ENV') {
      const [name = '', value = ''] = step.rest.split('=');
      environment[name] = value;
    }
    const inside = join(root, workdir);
    mkdirSync(inside, { recursive: true });
    if (step.name === 'COPY') copy(step, stages[step.flags.from ?? ''] ?? options.context, inside);
    if (step.name === 'RUN' && !options.instead(step.rest, inside)) run(step.rest, inside);
  }
  return { root, environment, last, workdir };
}

/** The contents of a folder go into the target; files into it where it ends with a slash or there are several. */
function copy({ words }: Instruction, from: string, to: string): void {
  const target = words.at(-1) ?? '';
  const sources = words.slice(0, -1);
  for (const source of sources) {
    const path = join(from, source);
    const into = target.endsWith('/') || sources.length > 1 || target === '.';
    if (statSync(path).isDirectory()) cpSync(path, join(to, target), { recursive: true, verbatimSymlinks: true });
    else {
      const file = into ? join(to, target, basename(source)) : join(to, target);
      mkdirSync(join(file, '..'), { recursive: true });
      copyFileSync(path, file);
    }
  }
}

/** The parts of every base image that the steps and Node need. */
function prepareRoot(root: string): void {
  for (const folder of ['etc/rowgate', 'proc', 'dev', 'opt/node', 'var/lib'])
    mkdirSync(join(root, folder), { recursive: true });
  chmodSync(root, 0o755);
  for (const file of ['passwd', 'group', 'hosts', 'nsswitch.conf']) {
    if (existsSync(`/etc/${file}`)) copyFileSync(`/etc/${file}`, join(root, 'etc', file));
  }
  appendFileSync(join(root, 'etc/passwd'), 'node:x:1000:1000::/home/node:/bin/sh\n');
  appendFileSync(join(root, 'etc/group'), 'node:x:1000:\n');
  writeFileSync(join(root, 'opt/node/node'), '');
}

/** An engine's `--read-only`, `--cap-drop=ALL` and `--security-opt=no-new-privileges`, and the image's USER, unless `writable`. */
export interface RunOptions {
  readonly writable?: boolean;
  readonly user?: string;
  /** Folders of this machine by where they are mounted. */
  readonly volumes?: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Arguments of `unshare`: the command takes its place, so that signals reach it. */
function inRoot(root: string, options: RunOptions, command: readonly string[]): string[] {
  const volumes = Object.entries(options.volumes ?? {}).flatMap(([inside, outside]) => [
    `mkdir -p "$R${inside}"`,
    `mount --bind "${outside}" "$R${inside}"`,
  ]);
  const script = [
    'set -e',
    'R=$1; NODE=$2; shift 2',
    'mount --bind "$R" "$R"',
    'for name in bin sbin lib lib32 lib64 libx32 usr; do',
    '  if [ -L "/$name" ]; then [ -L "$R/$name" ] || cp -P "/$name" "$R/$name"',
    '  elif [ -d "/$name" ]; then mkdir -p "$R/$name"; mount --bind -o ro "/$name" "$R/$name"; fi',
    'done',
    'mount --rbind /proc "$R/proc"; mount --rbind /dev "$R/dev"',
    'mount --bind -o ro "$NODE" "$R/opt/node/node"',
    ...volumes,
    options.writable ? '' : 'mount -o remount,bind,ro "$R"',
    'exec "$@"',
  ];
  const [uid = '0', gid = uid] = (options.user ?? '0').split(':');
  const drop = [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--no-new-privs',
    '--inh-caps=-all',
    '--bounding-set=-all',
  ];
  const environment = Object.entries({ PATH: '/opt/node:/usr/sbin:/usr/bin:/sbin:/bin', ...options.environment });
  return [
    '--mount',
    'sh',
    '-c',
    script.filter((line) => line !== '').join('\n'),
    'sh',
    root,
    process.execPath,
    'chroot',
    root,
    ...(options.user ? drop : []),
    'env',
    '-i',
    ...environment.map(([name, value]) => `${name}=${value}`),
    ...command,
  ];
}

export function runImage({ root }: Image, options: RunOptions, command: readonly string[]) {
  const child = spawn(UNSHARE, inRoot(root, options, command), { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  const status = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return { child, output, status };
}

/** Without what npm has told its own scripts. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|VITEST)/i.test(name)));
}
