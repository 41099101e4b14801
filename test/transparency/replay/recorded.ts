/** A relay in front of a server that notes what clients of it ask, and with which SQLSTATE it ended, to be run again. */
import { connect, createServer, type Socket } from 'node:net';
import { isParsed, parse } from '../../../src/sql/parse/parse.ts';
import { as } from '../../../src/sql/parse/tree.ts';
import { RECONNECT, type Statement, type Step } from './step.ts';

/** A statement of a suite, and the SQLSTATE with which it failed there; '' where it did not. */
interface Noted extends Statement {
  data?: string;
  code: string;
  tag?: string;
}

/** From one moment without a transaction to the next. */
interface Unit {
  readonly connection: number;
  readonly steps: Noted[];
}

export interface Recorder {
  /** Where clients reach the server. */
  readonly url: string;
  stop(): Promise<void>;
  /**
   * In the order in which they began, transactions whole; another connection begins another session. What waits for another session, or ends one, is
   * left out: process IDs are not the same again.
   */
  steps(): Step[];
}

export async function recorder(url: string): Promise<Recorder> {
  const { hostname, port } = new URL(url);
  const units: Unit[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const session = new Session(connections++, units);
    const [fromClient, fromServer] = [framesOf((type, body) => session.asked(type, body), true), answersOf(session)];
    client.on('data', (chunk) => fromClient(chunk)).pipe(upstream);
    upstream.on('data', (chunk) => fromServer(chunk)).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        session.end();
      });
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const own = new URL(url);
  own.port = String((server.address() as { port: number }).port);
  return {
    url: own.href,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
    steps: () =>
      units.flatMap(({ connection, steps: all }, at): Step[] => {
        const steps = all.filter(({ text }) => !OTHER_SESSIONS.test(text));
        return at > 0 && units[at - 1]!.connection !== connection ? [RECONNECT, ...steps] : steps;
      }),
  };
}

/** Splits what a side sends. A client's first messages, before login, have no type. */
function framesOf(take: (type: string, body: Buffer) => void, client = false): (chunk: Buffer) => void {
  let held = Buffer.alloc(0);
  let typed = !client;
  return (chunk) => {
    held = Buffer.concat([held, chunk]);
    for (;;) {
      const head = typed ? 1 : 0;
      if (held.length < head + 4) return;
      const length = head + held.readInt32BE(head);
      if (held.length < length) return;
      if (typed) take(String.fromCharCode(held[0]!), held.subarray(5, length));
      else typed = held.readInt32BE(4) === PROTOCOL_3;
      held = held.subarray(length);
    }
  };
}

const OTHER_SESSIONS = /\bpg_(?:backend_pid|cancel_backend|sleep|terminate_backend)\b/i;
const PROTOCOL_3 = 196608;
/** Answers to SSLRequest are one byte: the tests' server has no TLS. */
function answersOf(session: Session): (chunk: Buffer) => void {
  const frames = framesOf((type, body) => session.answered(type, body));
  let first = true;
  return (chunk) => {
    const rest = first && chunk[0] === 'N'.charCodeAt(0) ? chunk.subarray(1) : chunk;
    if (rest.length > 0) frames(rest);
    first &&= rest.length === 0;
  };
}

interface Awaited {
  readonly kind: 'query' | 'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync';
  readonly step?: Noted;
}

interface Prepared {
  readonly text: string;
  readonly types: readonly number[];
}

/** The message that answers what a client asked. */
const ANSWERS: Readonly<Record<string, Awaited['kind']>> = {
  1: 'parse',
  2: 'bind',
  3: 'close',
  T: 'describe',
  n: 'describe',
  C: 'execute',
  I: 'execute',
  s: 'execute',
};

class Session {
  private readonly awaited: Awaited[] = [];
  private readonly prepared = new Map<string, Prepared>();
  private readonly portals = new Map<string, Noted>();
  /** Of the transaction that is open. */
  private unit: Unit | undefined;
  private readonly temporary = new Set<string>();
  private copied: Buffer[] = [];

  constructor(
    private readonly connection: number,
    private readonly units: Unit[],
  ) {}

  asked(type: string, body: Buffer): void {
    const reader = new Reader(body);
    if (type === 'Q') this.awaited.push({ kind: 'query', step: this.note({ text: reader.text(), code: '' }) });
    else if (type === 'P') {
      const name = reader.text();
      const prepared = { text: reader.text(), types: reader.list(() => reader.int32()) };
      this.prepared.set(name, prepared);
      this.awaited.push({
        kind: 'parse',
        step: { text: prepared.text, bound: { types: prepared.types, values: [] }, code: '' },
      });
    } else if (type === 'B') {
      const step = this.bound(reader);
      this.awaited.push({ kind: 'bind', ...(step && { step }) });
    } else if (type === 'E') {
      const step = this.portals.get(reader.text());
      this.awaited.push({ kind: 'execute', ...(step && { step: this.note({ ...step }) }) });
    } else if (type === 'D') this.awaited.push({ kind: 'describe' });
    else if (type === 'C') this.awaited.push({ kind: 'close' });
    else if (type === 'S') this.awaited.push({ kind: 'sync' });
    else if (type === 'd') this.copied.push(Buffer.from(body));
    else if (type === 'c') {
      const step = this.awaited[0]?.step;
      if (step) step.data = Buffer.concat(this.copied).toString('latin1');
      this.copied = [];
    } else if (type === 'f') this.copied = [];
  }

  answered(type: string, body: Buffer): void {
    const [first] = this.awaited;
    if (type === 'Z') {
      this.awaited.shift();
      if (body.toString('latin1') === 'I') this.unit = undefined;
    } else if (type === 'E' && first) this.failed(first, body);
    else if (first) {
      if (type === 'C' && first.step) first.step.tag = new Reader(body).text();
      if (ANSWERS[type] === first.kind) this.awaited.shift();
    }
  }

  /** The server skips what stands before Sync. Parse and Bind can fail where nothing was executed: that is asked again as well. */
  private failed({ kind, step }: Awaited, body: Buffer): void {
    const code = /(?:^|\0)C([0-9A-Z]{5})\0/.exec(body.toString('latin1'))?.[1] ?? '';
    const skipped: Noted[] = [];
    while (kind !== 'query' && this.awaited.length > 0 && this.awaited[0]!.kind !== 'sync') {
      const { kind, step: one } = this.awaited.shift()!;
      if (kind === 'execute' && one && one !== step) skipped.push(one);
    }
    for (const unit of this.units) if (skipped.length > 0) for (const one of skipped) remove(unit.steps, one);
    if (!step) return;
    step.code = code;
    if (kind === 'parse' || kind === 'bind') this.note(step);
  }

  private bound(reader: Reader): Noted | undefined {
    const portal = reader.text();
    const prepared = this.prepared.get(reader.text());
    if (!prepared) return undefined;
    const formats = reader.list(() => reader.int16());
    const values = reader.list(() => reader.value());
    const binary = (at: number): boolean => (formats.length === 1 ? formats[0] : formats[at]) === 1;
    const step = {
      text: prepared.text,
      bound: {
        types: prepared.types.map((type) => (type < FIRST_OWN_OID ? type : 0)),
        values: values.map((value, at) => (value === null || binary(at) ? value : value.toString())),
      },
      code: '',
    };
    this.portals.set(portal, step);
    return step;
  }

  /** A temporary table is made before its transaction: the owner makes it, and the transaction stays the role's. */
  private note(step: Noted): Noted {
    const name = TEMPORARY.exec(step.text)?.[1];
    if (name !== undefined) {
      this.temporary.add(name);
      const made = {
        ...step,
        text: step.text.replace(/\bon\s+commit\s+(?:drop|delete\s+rows|preserve\s+rows)\b/i, ''),
      };
      if (isOne(made.text)) {
        const at = this.unit ? this.units.indexOf(this.unit) : this.units.length;
        this.units.splice(at, 0, { connection: this.connection, steps: [made] });
        return made;
      }
    }
    if (!this.unit) {
      this.unit = { connection: this.connection, steps: [] };
      this.units.push(this.unit);
    }
    this.unit.steps.push(step);
    return step;
  }

  /** A transaction that was left open is rolled back, and temporary tables are gone. */
  end(): void {
    if (this.unit && this.unit.steps.length > 0) this.unit.steps.push({ text: 'ROLLBACK', code: '' });
    this.unit = undefined;
    const dropped = [...this.temporary].map((name) => ({ text: `DROP TABLE IF EXISTS ${name} CASCADE`, code: '' }));
    if (dropped.length > 0) this.units.push({ connection: this.connection, steps: dropped });
    this.temporary.clear();
  }
}

const FIRST_OWN_OID = 16384;
const TEMPORARY =
  /^\s*create\s+(?:(?:local|global)\s+)?temp(?:orary)?\s+table\s+(?:if\s+not\s+exists\s+)?(?:pg_temp\.)?("(?:[^"]|"")+"|[\w$]+)/i;

function isOne(text: string): boolean {
  const parsed = parse(text);
  return (
    isParsed(parsed) && parsed.statements.length === 1 && as(parsed.statements[0]!.node, 'CreateStmt') !== undefined
  );
}

function remove<T>(list: T[], one: T): void {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  text(): string {
    const end = this.bytes.indexOf(0, this.at);
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  value(): Buffer | null {
    const length = this.int32();
    if (length < 0) return null;
    this.at += length;
    return Buffer.from(this.bytes.subarray(this.at - length, this.at));
  }

  list<T>(one: () => T): T[] {
    return Array.from({ length: this.int16() }, one);
  }
}
