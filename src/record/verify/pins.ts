/** Holds what was signed elsewhere, in the seals of other chains or in anchors, against the records that are there. */
import type { Finding } from './finding.ts';
import { type FoundHead, headsIn } from './heads.ts';
import type { Pin } from './seals.ts';
import type { ScannedFile, Writer } from './writer.ts';

/** @param kind what it is called where a record is not the one that was signed. @param fileOf the open file of a guard. */
export async function checkPins(
  pins: readonly Pin[],
  writers: readonly Writer[],
  kind: 'rewritten' | 'anchor-not-met',
  fileOf: (guard: string) => string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const [chain, ofChain] of byChain(pins)) {
    const writer = writers.find((writer) => writer.chain === chain);
    const [{ guard, by } = { guard: '', by: '' }] = ofChain;
    if (writer) findings.push(...(await new Check(writer, kind).of(ofChain)));
    else {
      const message = `there is no file of the chain ${chain} of "${guard}", of which ${by} speaks`;
      findings.push({ kind: 'file-missing', file: fileOf(guard), message });
    }
  }
  return findings;
}

function byChain(pins: readonly Pin[]): Map<string, Pin[]> {
  const groups = new Map<string, Pin[]>();
  for (const pin of pins) {
    const group = groups.get(pin.chain);
    if (group) group.push(pin);
    else groups.set(pin.chain, [pin]);
  }
  return groups;
}

class Check {
  private readonly differing: { readonly pin: Pin; readonly there: Partial<FoundHead> }[] = [];

  constructor(
    private readonly writer: Writer,
    private readonly kind: 'rewritten' | 'anchor-not-met',
  ) {}

  async of(pins: readonly Pin[]): Promise<Finding[]> {
    const { first, last, previous } = this.writer;
    const beyond = pins.filter(({ seq }) => seq > last);
    const within = pins.filter(({ seq }) => seq >= first && seq <= last);
    for (const pin of pins) if (pin.seq === previous?.seq) this.compare(pin, { hash: previous.hash });
    for (const file of this.writer.files) await this.look(within, file);
    const cut = await this.beyondTheEnd(beyond);
    return [...this.misfits(), ...cut];
  }

  private async look(pins: readonly Pin[], { file, range }: ScannedFile): Promise<void> {
    const here = range ? pins.filter(({ seq }) => seq >= range.first && seq <= range.last) : [];
    if (here.length === 0) return;
    const heads = await headsIn(file, new Set(here.map(({ seq }) => seq)));
    for (const pin of here) this.compare(pin, heads.get(pin.seq) ?? {});
  }

  /** A running guard may have gone on since the file was read. */
  private async beyondTheEnd(pins: readonly Pin[]): Promise<Finding[]> {
    const { files, last } = this.writer;
    const file = files.at(-1)?.file;
    if (!file || pins.length === 0) return [];
    const heads = await headsIn(file, new Set(pins.map(({ seq }) => seq)));
    const missing = pins.filter((pin) => !heads.has(pin.seq)).toSorted((a, b) => b.seq - a.seq);
    for (const pin of pins) if (heads.has(pin.seq)) this.compare(pin, heads.get(pin.seq) ?? {});
    const [farthest] = missing;
    if (!farthest) return [];
    const { seq: until, by } = farthest;
    const message = `the log ends with record ${last}, and ${by} knew record ${until}`;
    return [{ kind: 'cut', file: file.name, seq: last + 1, until, message }];
  }

  private compare(pin: Pin, there: Partial<FoundHead>): void {
    if (there.hash !== pin.hash) this.differing.push({ pin, there });
  }

  /** One finding: what comes behind the first follows from it. */
  private misfits(): Finding[] {
    const [first, ...others] = this.differing.toSorted((a, b) => a.pin.seq - b.pin.seq);
    if (!first) return [];
    const { pin, there } = first;
    const what = there.hash === undefined ? 'is not there' : 'is another one';
    const more = others.length === 0 ? '' : `, nor are ${others.length} later ones that were signed`;
    const message = `record ${pin.seq} ${what} than ${pin.by} knew: up to there something was rewritten${more}`;
    const file = there.file ?? this.writer.name;
    return [{ kind: this.kind, file, ...(there.line !== undefined && { line: there.line }), seq: pin.seq, message }];
  }
}
