/** Reads a Dockerfile: the part of the format that ours uses, and an error for the rest. */

export interface Instruction {
  readonly name: string;
  /** Flags as `--from=build`, by name. */
  readonly flags: Readonly<Record<string, string>>;
  /** The words of a shell form; those of a JSON array where it is one. */
  readonly words: readonly string[];
  /** The whole rest of the line, flags aside. */
  readonly rest: string;
  /** Written as a JSON array: run without a shell. */
  readonly isExec: boolean;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = [
  'COPY',
  'RUN',
  'WORKDIR',
  'ENV',
  'VOLUME',
  'USER',
  'EXPOSE',
  'STOPSIGNAL',
  'HEALTHCHECK',
  'ENTRYPOINT',
  'CMD',
];

export function readDockerfile(text: string): Stage[] {
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '');
  for (const line of lines) {
    const [, name = '', tail = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [, base = '', as] = /^(\S+)(?: AS (\S+))?$/.exec(tail) ?? [];
      stages.push({ base, name: as, instructions: [] });
      continue;
    }
    const stage = stages.at(-1);
    if (!stage || !KNOWN.includes(name)) throw new Error(`not understood: ${line}`);
    stage.instructions.push(instruction(name, tail));
  }
  return stages;
}

function instruction(name: string, tail: string): Instruction {
  const flags: Record<string, string> = {};
  const rest = tail.replace(/^(?:--([a-z-]+)=(\S+)\s+)+/, (all) => {
    for (const [, flag = '', value = ''] of all.matchAll(/--([a-z-]+)=(\S+)/g)) flags[flag] = value;
    return '';
  });
  const command = name === 'HEALTHCHECK' ? rest.replace(/^CMD\s+/, '') : rest;
  const isExec = command.startsWith('[');
  return { name, flags, rest, isExec, words: isExec ? (JSON.parse(command) as string[]) : rest.split(/\s+/) };
}
