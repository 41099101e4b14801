/** Reads the output of `debug_print_parse`: PostgreSQL's own dump of an analyzed statement. */

export interface DumpNode {
  readonly tag: string;
  readonly fields: ReadonlyMap<string, readonly DumpValue[]>;
}

type DumpValue = string | DumpNode | readonly DumpValue[];

/** The expressions of the outermost target list, in order. */
export function targetList(dump: string): DumpNode[] {
  const query = parseDump(dump);
  const list = query.fields.get('targetList')?.[0];
  if (!Array.isArray(list)) throw new Error('the dump has no target list');
  return (list as readonly DumpNode[]).map((entry) => child(entry, 'expr'));
}

/** The node in that field. */
export function child(node: DumpNode, field: string): DumpNode {
  const value = node.fields.get(field)?.[0];
  if (!value || typeof value === 'string' || Array.isArray(value))
    throw new Error(`${node.tag} has no node "${field}"`);
  return value as DumpNode;
}

/** The nodes of the list in that field. */
export function children(node: DumpNode, field: string): DumpNode[] {
  const value = node.fields.get(field)?.[0];
  return Array.isArray(value) ? (value as DumpNode[]) : [];
}

/** The number in that field. */
export function number(node: DumpNode, field: string): number {
  return Number(node.fields.get(field)?.[0]);
}

function parseDump(dump: string): DumpNode {
  const tokens = dump.match(/[{}()]|\\.[^\s{}()]*|[^\s{}()\\]+(?:\\.[^\s{}()\\]*)*/g) ?? [];
  let at = 0;
  const value = (): DumpValue => {
    const token = tokens[at++];
    if (token === undefined) throw new Error('the dump ends too early');
    if (token === '(') {
      const items: DumpValue[] = [];
      while (tokens[at] !== ')') items.push(value());
      at++;
      return items;
    }
    if (token !== '{') return token;
    const tag = tokens[at++] ?? '';
    const fields = new Map<string, DumpValue[]>();
    let field: DumpValue[] = [];
    while (tokens[at] !== '}') {
      const next = tokens[at];
      if (next?.startsWith(':')) {
        field = [];
        fields.set(next.slice(1), field);
        at++;
      } else {
        field.push(value());
      }
    }
    at++;
    return { tag, fields };
  };
  const node = value();
  if (typeof node === 'string' || Array.isArray(node)) throw new Error('the dump is not a node');
  return node as DumpNode;
}
