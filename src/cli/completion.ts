/** `rowgate completion bash | zsh | fish`: what a shell needs to complete the command's words, made from the commands as they are registered. */
import { type Command, Help, type Option } from 'commander';
import { printExactly } from '../app/print.ts';

const SHELLS = { bash, zsh, fish } as const;
type Shell = keyof typeof SHELLS;

const HELP = `
Examples:
  source <(rowgate completion bash)                                        in ~/.bashrc
  rowgate completion zsh > "\${fpath[1]}/_rowgate"
  rowgate completion fish > ~/.config/fish/completions/rowgate.fish`;

export function register(program: Command): void {
  const command = program.command('completion');
  command
    .description('print what makes a shell complete the words of this command')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', HELP)
    .action((shell: string) => {
      if (!isShell(shell)) command.error(`error: expected bash, zsh or fish, found "${shell}"`, { exitCode: 2 });
      else printExactly(completionFor(program, shell));
    });
}

function isShell(word: string): word is Shell {
  return Object.hasOwn(SHELLS, word);
}

/** The script of one shell. */
function completionFor(program: Command, shell: Shell): string {
  return SHELLS[shell](placesIn(program));
}

interface Word {
  readonly word: string;
  readonly description: string;
}

interface Flag extends Word {
  readonly long: string;
  readonly short: string | undefined;
  /** What follows the flag: one of these words, a file, or another value. Absent: nothing follows. */
  readonly value?: readonly string[] | 'file' | 'other';
}

/** A command, by the words that lead to it. */
interface Place {
  /** `rowgate log report` */
  readonly at: string;
  readonly commands: readonly Word[];
  readonly flags: readonly Flag[];
  /** Its arguments name files. */
  readonly files: boolean;
}

const FILE = /file|folder|dir|path|socket/i;

/** Every command, each before those below it. */
function placesIn(command: Command, above: readonly string[] = []): Place[] {
  const help = new Help();
  const names = [...above, command.name()];
  const below = help.visibleCommands(command);
  const flags = help.visibleOptions(command).map(flagOf);
  const place = {
    at: names.join(' '),
    commands: below.map((each) => ({ word: each.name(), description: each.description() })),
    flags: flags.filter((flag) => flag !== undefined),
    files: command.registeredArguments.some((argument) => FILE.test(argument.name())),
  };
  const own = command.commands.filter((each) => below.includes(each));
  return [place, ...own.flatMap((each) => placesIn(each, names))];
}

function flagOf(option: Option): Flag | undefined {
  const { long, short, description, argChoices, required, optional, flags } = option;
  if (!long) return undefined;
  const value = argChoices ?? (required || optional ? (FILE.test(flags) ? 'file' : 'other') : undefined);
  return { word: long, long, short, description, ...(value && { value }) };
}

/** Words with which the place becomes one below it. */
function steps(places: readonly Place[]): string[] {
  return places.flatMap(({ at }) => (at.includes(' ') ? [at] : []));
}

/** Cases of `place flag`, grouped by what follows the flag. */
function behindFlags(places: readonly Place[]) {
  const files: string[] = [];
  const others: string[] = [];
  const words: [pattern: string, words: readonly string[]][] = [];
  for (const { at, flags } of places) {
    for (const { long, short, value } of flags) {
      for (const flag of [long, ...(short ? [short] : [])]) {
        if (value === 'file') files.push(`${at} ${flag}`);
        else if (value === 'other') others.push(`${at} ${flag}`);
        else if (value) words.push([`${at} ${flag}`, value]);
      }
    }
  }
  return { files, others, words };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function either(patterns: readonly string[]): string {
  return patterns.map(quoted).join('|');
}

function bash(places: readonly Place[]): string {
  const { files, others, words } = behindFlags(places);
  return `# Completes rowgate in bash. Made by "rowgate completion bash".
_rowgate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at=rowgate word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$at $word" in
    ${either(steps(places))}) at="$at $word" ;;
    esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${words.map(([pattern, list]) => `  ${quoted(pattern)}) mapfile -t COMPREPLY < <(compgen -W ${quoted(list.join(' '))} -- "$cur"); return ;;`).join('\n')}
  ${either(files)}) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
  ${either(others)}) return ;;
  esac
  case "$at" in
${places.map((place) => `  ${quoted(place.at)}) mapfile -t COMPREPLY < <(compgen -W ${quoted(wordsOf(place).join(' '))} -- "$cur") ;;`).join('\n')}
  esac
  case "$at" in
  ${either(places.filter((place) => place.files).map(({ at }) => at))})
    if [[ $cur != -* ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
    fi
    ;;
  esac
}
complete -F _rowgate rowgate
`;
}

function wordsOf({ commands, flags }: Place): string[] {
  return [...commands.map(({ word }) => word), ...flags.map(({ long }) => long)];
}

function zsh(places: readonly Place[]): string {
  const { files, others, words } = behindFlags(places);
  const described = ({ word, description }: Word): string => quoted(`${word.replaceAll(':', '\\:')}:${description}`);
  return `#compdef rowgate
# Completes rowgate in zsh. Made by "rowgate completion zsh".
_rowgate() {
  local at=rowgate word
  local -a all
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
    ${either(steps(places))}) at="$at $word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${words.map(([pattern, list]) => `  ${quoted(pattern)}) compadd -- ${list.map(quoted).join(' ')}; return ;;`).join('\n')}
  ${either(files)}) _files; return ;;
  ${either(others)}) return ;;
  esac
  case "$at" in
${places.map((place) => `  ${quoted(place.at)}) all=(${[...place.commands, ...place.flags].map(described).join(' ')}) ;;`).join('\n')}
  esac
  _describe rowgate all
  case "$at" in
  ${either(places.filter((place) => place.files).map(({ at }) => at))}) _files ;;
  esac
}
if [ "$funcstack[1]" = _rowgate ]; then _rowgate "$@"; else compdef _rowgate rowgate; fi
`;
}

function fish(places: readonly Place[]): string {
  const lines = places.flatMap(({ at, commands, flags, files }) => {
    const here = `complete -c rowgate -n ${quoted(`__rowgate_at ${quoted(at).replaceAll("'", '"')}`)}`;
    return [
      ...(files ? [`${here} -F`] : []),
      ...commands.map(({ word, description }) => `${here} -a ${quoted(word)} -d ${fishText(description)}`),
      ...flags.map(({ long, short, value, description }) => {
        const shortly = short ? ` -s ${short.slice(1)}` : '';
        const behind =
          value === undefined
            ? ''
            : value === 'file'
              ? ' -r -F'
              : value === 'other'
                ? ' -x'
                : ` -x -a ${quoted(value.join(' '))}`;
        return `${here} -l ${long.slice(2)}${shortly}${behind} -d ${fishText(description)}`;
      }),
    ];
  });
  return `# Completes rowgate in fish. Made by "rowgate completion fish".
function __rowgate_at
    set -l at rowgate
    for word in (commandline -opc)[2..]
        if contains -- "$at $word" ${steps(places).map(quoted).join(' ')}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
complete -c rowgate -f
${lines.join('\n')}
`;
}

/** In fish a backslash means itself in single quotes, but before a quote or another one. */
function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
