/** Warnings that the policy's author has acknowledged, with `accept` in the entry that the warning is about. */
import { endOfDay } from '../source/calendar.ts';
import type { Diagnostic } from '../source/diagnostic.ts';
import { type Path, PolicyDocument, type PolicyFile } from '../source/document.ts';
import { readDate } from '../source/quantity.ts';

/** The lines of an entry with `accept`. */
interface Acceptance {
  readonly file: string;
  readonly from: number;
  readonly to: number;
  readonly until: string;
  readonly reason: string;
}

/** Marks warnings that are accepted today. The `accept` of a role does not cover warnings about its tables. */
export function withAccepted(
  diagnostics: readonly Diagnostic[],
  files: readonly PolicyFile[],
  now: number,
  timeZone: string,
): Diagnostic[] {
  const entries = files.flatMap((file) => entriesOf(new PolicyDocument(file)));
  return diagnostics.map((diagnostic) => {
    if (diagnostic.severity !== 'warning') return diagnostic;
    const around = entries.filter(
      ({ file, from, to }) => file === diagnostic.file && from <= diagnostic.line && diagnostic.line <= to,
    );
    const innermost = around.sort((a, b) => a.to - a.from - (b.to - b.from))[0];
    if (!innermost?.accept || now > endOfDay(innermost.accept.until, timeZone)) return diagnostic;
    const { until, reason } = innermost.accept;
    return { ...diagnostic, accepted: { until, reason } };
  });
}

interface Entry extends Pick<Acceptance, 'file' | 'from' | 'to'> {
  readonly accept?: Pick<Acceptance, 'until' | 'reason'>;
}

/** The file and its tables, principals and subjects: the places where `accept` is allowed. */
function entriesOf(document: PolicyDocument): Entry[] {
  if (document.malformed) return [];
  const { value } = document;
  const paths: Path[] = [[]];
  for (const list of ['tables', 'principals', 'subjects'])
    for (const name of Object.keys(mappingIn(value, list))) paths.push([list, name]);
  return paths.map((path) => {
    const accept = mappingIn(
      path.reduce<unknown>((part, key) => mappingIn(part, String(key)), value),
      'accept',
    );
    const until = document.written([...path, 'accept', 'until']) ?? '';
    const given = typeof accept.reason === 'string' && 'value' in readDate(until);
    const [from, to] = document.linesOf(path);
    return { file: document.path, from, to, ...(given && { accept: { until, reason: String(accept.reason) } }) };
  });
}

function mappingIn(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const found = (value as Readonly<Record<string, unknown>> | null | undefined)?.[key];
  return typeof found === 'object' && found !== null ? (found as Readonly<Record<string, unknown>>) : {};
}
