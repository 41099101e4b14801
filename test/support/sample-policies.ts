/** The sample policies without budgets over time: a test that is refused a hundred times would be locked out. */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMap, isNode, isScalar, parseDocument, type YAMLMap } from 'yaml';

const SAMPLES = resolve(import.meta.dirname, '../../policies');
const OF_ROLE = ['during', 'throttle', 'lock'];
const OF_LIMITS = ['rows', 'bytes', 'statements', 'changed', 'subjects', 'estimated_rows'];

/** Copies them into `folder`; what stays keeps its line. */
export async function samplesWithoutBudgets(folder: string): Promise<void> {
  await cp(SAMPLES, folder, { recursive: true });
  const roles = join(folder, 'roles');
  for (const file of await readdir(roles)) {
    const text = await readFile(join(roles, file), 'utf8');
    await writeFile(join(roles, file), withoutBudgets(text));
  }
}

function withoutBudgets(text: string): string {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('a role that is no mapping');
  const limits = contents.get('limits');
  const found = [...rangesOf(contents, OF_ROLE), ...(isMap(limits) ? rangesOf(limits, OF_LIMITS) : [])];
  let blanked = text;
  for (const [start, end] of found) {
    blanked = blanked.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, ' ') + blanked.slice(end);
  }
  return blanked;
}

/** The places of these keys, with their values. */
function rangesOf(map: YAMLMap, keys: readonly string[]): [number, number][] {
  return map.items.flatMap(({ key, value }): [number, number][] => {
    if (!isScalar(key) || !keys.includes(String(key.value)) || !isNode(value)) return [];
    return [[key.range![0], value.range![1]]];
  });
}
