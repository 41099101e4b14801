/** Tests `rowgate completion`: bash itself completes each command of the real command line, zsh and fish where they are installed, and all scripts hold the same words. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { condition, LINUX, testWith } from '../support/tools.ts';

const MAIN = resolve(import.meta.dirname, '../../dist/cli/main.js');
const rowgate = (...words: string[]): string => execFileSync(process.execPath, [MAIN, ...words], { encoding: 'utf8' });

let folder: string;
let script: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rowgate-completion-'));
  script = join(folder, 'rowgate.bash');
  writeFileSync(script, rowgate('completion', 'bash'));
  writeFileSync(join(folder, 'a policy.yaml'), '');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The completions that bash offers for each of these lines: the function that `complete` names, called as readline calls it. */
function completed(...lines: readonly (readonly string[])[]): string[][] {
  const calls = lines.map((words) => {
    const quoted = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; $complete; printf '%s\\n' "\${COMPREPLY[@]}"; echo --`;
  });
  const text = `source '${script}'; complete=$(complete -p rowgate | sed 's/.*-F \\([^ ]*\\).*/\\1/')\n${calls.join('\n')}`;
  const said = execFileSync('bash', ['--norc', '--noprofile', '-c', text], { encoding: 'utf8', cwd: folder });
  return said
    .split('--\n')
    .slice(0, -1)
    .map((part) => part.split('\n').filter((word) => word !== ''));
}

/** From its own --help: the words below a command. */
function commandsOf(...words: string[]): string[] {
  const help = rowgate(...words, '--help');
  const listed = /^Commands:\n((?: {2}.*\n)+)/m.exec(help)?.[1] ?? '';
  return [...listed.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map((match) => match[1] ?? '');
}

it('bash offers what --help lists, at every level', () => {
  const places = [[], ['log'], ['log', 'report'], ['locks'], ['break-glass']];
  const offered = completed(...places.map((words) => ['rowgate', ...words, '']));
  for (const [at, words] of places.entries()) {
    const commands = commandsOf(...words);
    expect(commands.length).toBeGreaterThan(2);
    expect(offered[at]).toEqual(expect.arrayContaining(commands));
    expect(offered[at]?.filter((word) => !word.startsWith('-')).toSorted()).toEqual(commands.toSorted());
  }
});

it('words that are begun, options, their values, and files with blanks in their names', () => {
  const lines = [
    ['rowgate', 'log', 'rep'],
    ['rowgate', 'log', 'report', 'person', '--lang'],
    ['rowgate', 'log', 'report', 'person', '--language', ''],
    ['rowgate', 'log', 'report', 'person', '--with-names', '--sub'],
    ['rowgate', 'check', '--config', 'a'],
    ['rowgate', 'log', 'report', 'breach', '--principal', ''],
    ['rowgate', 'nothing', 'log', ''],
  ];
  expect(completed(...lines)).toEqual([
    ['report'],
    ['--language'],
    ['en', 'fr'],
    ['--subject', '--subject-key'],
    ['a policy.yaml'],
    [],
    expect.arrayContaining(['query', 'report']),
  ]);
});

it('zsh and fish have each word that bash has', () => {
  const bash = new Set(rowgate('completion', 'bash').match(/--[a-z][a-z-]+/g));
  for (const shell of ['zsh', 'fish']) {
    const text = rowgate('completion', shell);
    const missing = [...bash].filter((flag) => !text.includes(flag) && !text.includes(`-l ${flag.slice(2)} `));
    expect(missing).toEqual([]);
  }
});

const shell = (name: string) => ['/bin', '/usr/bin', '/usr/local/bin'].map((at) => join(at, name)).find(existsSync);
const [FISH, ZSH] = [shell('fish'), shell('zsh')];

testWith(condition(FISH !== undefined, 'fish'))('fish itself offers them', () => {
  const file = join(folder, 'rowgate.fish');
  writeFileSync(file, rowgate('completion', 'fish'));
  const lines = ['', 'log rep', 'log report person --lang', 'log report person --language ', 'observe '];
  const calls = lines.map((line) => `complete -C 'rowgate ${line}'; echo END`).join('\n');
  const said = execFileSync(FISH!, ['--no-config', '-c', `source '${file}'\n${calls}`], {
    encoding: 'utf8',
    cwd: folder,
  });
  const [all, ...others] = said
    .split('END\n')
    .slice(0, -1)
    .map((part) => part.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]])));
  expect(all).toEqual(expect.arrayContaining(commandsOf()));
  expect(others.map((words) => words.toSorted())).toEqual([
    ['report'],
    ['--language'],
    ['en', 'fr'],
    expect.arrayContaining(commandsOf('observe')),
  ]);
});

testWith(condition(ZSH !== undefined, 'zsh'))('zsh itself completes what is typed at its prompt', () => {
  const [own, out] = [join(folder, 'zsh'), join(folder, 'ran')];
  writeFileSync(join(folder, '_rowgate'), rowgate('completion', 'zsh'));
  // The completed line is run: a function of that name writes it down.
  const begin = `PROMPT='READY>'; fpath=('${folder}' $fpath); autoload -Uz compinit; compinit -u -d '${own}'; rowgate() { print -r -- "$@" >> '${out}' }`;
  const typed = ['che', 'log rep\\t obs\\t --sin', 'log report person --language f', 'obs\\t app'];
  const driver = [
    'zmodload zsh/zpty',
    `zpty z '${ZSH} -f -i'`,
    `zpty -w z ${quotedForZsh(begin)}`,
    "zpty -r z line '*READY>*'",
    ...typed.map((keys) => `zpty -w z $'rowgate ${keys}\\t'; zpty -r z line '*READY>*'`),
    'zpty -w z exit',
    'while zpty -r z line; do :; done',
  ].join('\n');
  execFileSync(ZSH!, ['-f', '-c', driver], { cwd: folder, env: { ...process.env, TERM: 'xterm' }, timeout: 120_000 });
  expect(
    readFileSync(out, 'utf8')
      .split('\n')
      .map((line) => line.trim()),
  ).toEqual(['check', 'log report observed --since', 'log report person --language fr', 'observe approve', '']);
});

const quotedForZsh = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

it('a reader that has seen enough, as head, ends the command without a word', async () => {
  const command = spawn(process.execPath, [MAIN, 'completion', 'bash'], { stdio: ['ignore', 'pipe', 'pipe'] });
  command.stdout.destroy();
  const said: Buffer[] = [];
  command.stderr.on('data', (part: Buffer) => said.push(part));
  const [code] = (await once(command, 'close')) as [number | null];
  expect(Buffer.concat(said).toString()).toBe('');
  expect(code).toBe(141);
});

testWith(LINUX)('output that cannot be written is told, and is no finding', () => {
  const full = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [MAIN, '--help'], { stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  expect(stderr.toString()).toMatch(/^rowgate: could not write the output: ENOSPC[^\n]*\n$/);
  expect(status).toBe(2);
});
