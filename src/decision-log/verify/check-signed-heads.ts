/** Compares signed statements from elsewhere (seals of other chains, or anchors) with the records in the log. */
import type { Finding } from './finding.ts';
import { type FoundHead, headsIn } from './heads.ts';
import type { SignedHead } from './signed-heads.ts';
import type { Writer } from './writer.ts';

/** @param kind of the finding if a record is not the signed one. @param fileOf the open file of a guard. */
export async function checkSignedHeads(
  pins: readonly SignedHead[],
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

function byChain(pins: readonly SignedHead[]): Map<string, SignedHead[]> {
  const groups = new Map<string, SignedHead[]>();
  for (const pin of pins) {
    const group = groups.get(pin.chain);
    if (group) group.push(pin);
    else groups.set(pin.chain, [pin]);
  }
  return groups;
}

class Check {
  private readonly differing: { readonly pin: SignedHead; readonly there: Partial<FoundHead> }[] = [];

  constructor(
    private readonly writer: Writer,
    private readonly kind: 'rewritten' | 'anchor-not-met',
  ) {}

  async of(pins: readonly SignedHead[]): Promise<Finding[]> {
    const { first, last, previous } = this.writer;
    const beyond = pins.filter(({ seq }) => seq > last);
    const within = pins.filter(({ seq }) => seq >= first && seq <= last);
    for (const pin of pins) if (pin.seq === previous?.seq) this.compare(pin, { hash: previous.hash });
    await this.look(within);
    const cut = await this.beyondTheEnd(beyond);
    return [...this.misfits(), ...cut];
  }

  /** A record that was moved or copied may be in several files. */
  private async look(pins: readonly SignedHead[]): Promise<void> {
    const open = new Map(pins.map((pin) => [pin, {} as Partial<FoundHead>]));
    for (const { file, range } of this.writer.files) {
      const here = [...open.keys()].filter(({ seq }) => range && seq >= range.first && seq <= range.last);
      if (here.length === 0) continue;
      const heads = await headsIn(file, new Set(here.map(({ seq }) => seq)));
      for (const pin of here) {
        const there = heads.get(pin.seq);
        if (there?.hash === pin.hash) open.delete(pin);
        else if (there) open.set(pin, there);
      }
    }
    const unseen = [...open].flatMap(([pin, { hash }]) => (hash === undefined ? [pin] : []));
    const heads = await this.closedSince(unseen);
    for (const [pin, there] of open) this.compare(pin, heads.get(pin.seq) ?? there);
  }

  /** A running guard may have continued since its files were read. */
  private async beyondTheEnd(pins: readonly SignedHead[]): Promise<Finding[]> {
    const { last, name } = this.writer;
    const heads = await this.closedSince(pins);
    const missing = pins.filter((pin) => !heads.has(pin.seq)).toSorted((a, b) => b.seq - a.seq);
    for (const pin of pins) if (heads.has(pin.seq)) this.compare(pin, heads.get(pin.seq) ?? {});
    const [farthest] = missing;
    if (!farthest) return [];
    const { seq: until, by } = farthest;
    const message = `the log ends with record ${last}, and ${by} knew record ${until}`;
    return [{ kind: 'cut', file: name, seq: last + 1, until, message }];
  }

  /** In the open file, and in those that were open when they were read. */
  private async closedSince(pins: readonly SignedHead[]): Promise<ReadonlyMap<number, FoundHead>> {
    const { files, list } = this.writer;
    const heads = new Map<number, FoundHead>();
    if (pins.length === 0) return heads;
    const read = new Set(files.map(({ file }) => file.first));
    for (const file of list()) {
      if (file.first !== undefined && read.has(file.first)) continue;
      const found = await headsIn(file, new Set(pins.map(({ seq }) => seq))).catch(() => undefined);
      for (const [seq, head] of found ?? []) heads.set(seq, head);
    }
    return heads;
  }

  private compare(pin: SignedHead, there: Partial<FoundHead>): void {
    if (there.hash !== pin.hash && !this.isKnown(pin)) this.differing.push({ pin, there });
  }

  /** A seal of the log adds nothing where a neighbouring finding has said it. An anchor is independent evidence. */
  private isKnown({ seq }: SignedHead): boolean {
    if (this.kind === 'anchor-not-met') return false;
    return this.writer.findings.some(
      ({ seq: from, until = from }) => from !== undefined && until !== undefined && seq >= from - 1 && seq <= until,
    );
  }

  /** One finding: later ones follow from the first. */
  private misfits(): Finding[] {
    const [first, ...others] = this.differing.toSorted((a, b) => a.pin.seq - b.pin.seq);
    if (!first) return [];
    const { pin, there } = first;
    const what = there.hash === undefined ? 'is not there, and' : 'is another one than';
    const more = others.length === 0 ? '' : `; so it is with ${others.length} more that were signed`;
    const message = `record ${pin.seq} ${what} ${pin.by} knew it: what stands up to there was changed${more}`;
    const file = there.file ?? this.writer.name;
    return [{ kind: this.kind, file, ...(there.line !== undefined && { line: there.line }), seq: pin.seq, message }];
  }
}
