/** The text of a policy file as it may be kept beside the log: without what somebody could log in by, or guess a password from. */
import { isMap, isScalar, isSeq, type Node, parseDocument, visit } from 'yaml';
import type { PolicyFile } from '../../policy/source/document.ts';

const REMOVED = '(removed)';

/** Keys under which a secret stands, or what is made of one, however deep. */
const SECRETS: ReadonlySet<string> = new Set(['password', 'passwords', 'secret', 'secrets', 'token_secret']);

/** Wherever they stand, in comments too. */
const VERIFIERS = [/SCRAM-SHA-256\$[^\s"',[\]{}]*/g, /hmac:[A-Za-z0-9_-]+/g, /\bmd5[0-9a-f]{32}\b/g];
/** What was commented out is no value any more, but a password still. */
const COMMENTED_OUT = /(^|\s)#.*(?:passw|secret|verifier|scram).*$/gim;

/** A file that cannot be read as YAML is in force nowhere, and where secrets stand in it nobody can say: nothing of it is kept. */
export function withoutVerifiers({ path, text }: PolicyFile): PolicyFile {
  const ranges = secretRanges(text);
  if (!ranges) return { path, text: '# (not kept: this is no YAML, and was not in force)\n' };
  let kept = text;
  for (const [start, end] of ranges.toSorted(([a], [b]) => b - a))
    kept = kept.slice(0, start) + REMOVED + kept.slice(end);
  for (const verifier of VERIFIERS) kept = kept.replace(verifier, REMOVED);
  return { path, text: kept.replace(COMMENTED_OUT, `$1# ${REMOVED}`) };
}

type Range = readonly [start: number, end: number];

/** Where the values stand that are to go; undefined where the text is no YAML. */
function secretRanges(text: string): Range[] | undefined {
  const ranges: Range[] = [];
  try {
    const document = parseDocument(text, { uniqueKeys: false, merge: false, schema: 'core', version: '1.2' });
    if (document.errors.length > 0) return undefined;
    visit(document, {
      Pair(_, { key, value }) {
        if (!isScalar(key) || !SECRETS.has(String(key.value).toLowerCase())) return undefined;
        addScalars(value as Node | null, text, ranges);
        return visit.SKIP;
      },
    });
  } catch {
    return undefined; // nested deeper than the parser goes
  }
  return ranges;
}

/** A list and a mapping stay: they say how many there are. */
function addScalars(value: Node | null, text: string, ranges: Range[]): void {
  if (isSeq(value)) for (const item of value.items) addScalars(item as Node | null, text, ranges);
  else if (isMap(value)) for (const { value: inside } of value.items) addScalars(inside as Node | null, text, ranges);
  else if (value?.range) {
    const [start, end] = value.range;
    ranges.push([start, start + text.slice(start, end).trimEnd().length]);
  }
}
