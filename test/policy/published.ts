/** The reference of every key in docs/policies.md. */
import { type Json, POLICY_FILES } from '../../src/policy/schema/json-schemas.ts';

/** The generated part of docs/policies.md. */
export function keyReference(): string {
  return POLICY_FILES.map(({ title, schema }) => {
    const rows = keys(schema(), '', title.startsWith('Role'));
    return `## ${title}\n\n| key and value | meaning |\n|---|---|\n${rows.join('\n')}\n`;
  }).join('\n');
}

/** One line of the table for each key; `NAME` is a name of your own. Keys that a role file has too are explained there alone. */
function keys(json: Json, path: string, isRole: boolean): string[] {
  const rows: string[] = [];
  for (const [key, value] of Object.entries(json.properties ?? {})) {
    const at = path === '' ? key : `${path}.${key}`;
    const needed = json.required?.includes(key) ? ' Required.' : '';
    const model = /(?:^|\.)(limits|during|tables|accept)(?:_per_user)?$/.exec(at)?.[1];
    const isElsewhere = model !== undefined && !(isRole && at === model);
    // The keys of each command of a table are explained under `select`.
    if (/^tables\.NAME\.(?!select)\w+\.(?:rows|scope)$/.test(at)) continue;
    const kind = isElsewhere ? `as \`${model}\` of a role` : valueKind(value);
    rows.push(`| \`${at}\`: ${kind} | ${describe(value)}${needed} |`);
    if (!isElsewhere) for (const nested of containers(value, at)) rows.push(...keys(nested.json, nested.path, isRole));
  }
  return rows;
}

/** The mappings with known keys inside a value, with the path by which they are reached. */
function containers(json: Json, path: string): { json: Json; path: string }[] {
  if (json.properties) return [{ json, path }];
  if (json.anyOf) return json.anyOf.flatMap((branch) => containers(branch, path));
  if (json.items) return containers(json.items, `${path}[]`);
  if (typeof json.additionalProperties === 'object') return containers(json.additionalProperties, `${path}.NAME`);
  return [];
}

function describe(json: Json): string {
  return (json.description ?? '').replaceAll('|', '\\|');
}

function valueKind(json: Json): string {
  if (json.title !== undefined) return json.title;
  if (json.anyOf) {
    const kinds = [...new Set(json.anyOf.map(valueKind))];
    return kinds[1] === `list of ${kinds[0]}` ? `${kinds[0]}, or a list` : kinds.join(' or ');
  }
  if (json.const !== undefined) return `\`${String(json.const)}\``;
  if (json.enum) return json.enum.map((word) => `\`${String(word)}\``).join(', ');
  if (json.type === 'array') return `list of ${json.items ? valueKind(json.items) : 'anything'}`;
  if (json.type === 'object') {
    return json.properties
      ? 'mapping'
      : `by name: ${typeof json.additionalProperties === 'object' ? valueKind(json.additionalProperties) : 'anything'}`;
  }
  if (json.type === 'integer') return 'whole number';
  return json.type === 'string' ? 'text' : String(json.type);
}
