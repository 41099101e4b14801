/** Policies for tests of sessions without the guard: marks in a statement's comments say how it is judged. */
import { refusal } from '../../src/core/refusal.ts';
import type {
  CopyFormat,
  Judgement,
  StatementJudgement,
  StatementKind,
  TokenChange,
} from '../../src/guard/decision.ts';
import type { Disclosure } from '../../src/guard/subjects/disclosure.ts';
import type { Limits } from '../../src/policy/model/limits.ts';
import type { Principal, RelationGrant, RolePolicy } from '../../src/policy/model/policy.ts';
import type { KeyTypes, SubjectKeys } from '../../src/policy/model/subject-keys.ts';
import type { TokenRule } from '../../src/policy/model/token-rule.ts';
import type { SessionPolicy } from '../../src/session/ports.ts';

export interface PolicyOptions {
  readonly limits?: Limits;
  readonly access?: RolePolicy['access'];
  readonly mode?: RolePolicy['mode'];
  readonly relations?: readonly RelationGrant[];
  readonly attributes?: Readonly<Record<string, string>>;
  /** The end user comes from a token, and fills the attribute `:who`. */
  readonly tokens?: boolean;
  /** Another mark that refuses: for a policy that changed. */
  readonly alsoRefuse?: string;
  /** New rows of every write must have `a` below 90. */
  readonly checks?: boolean;
  /** Disclosures of every statement that reads or writes. */
  readonly disclosures?: readonly Disclosure[] | ((text: string) => readonly Disclosure[]);
  /** Of unrestricted roles. */
  readonly about?: readonly string[];
  readonly subjectKeys?: SubjectKeys;
  readonly keyTypes?: KeyTypes;
  /** Of every read and write that runs no code of users: it may be prepared once, and run again by that. */
  readonly reusable?: boolean;
  /** Rewrites a statement's text, as a changed policy does. */
  readonly rewrite?: (text: string) => string;
}

const WHO = { name: 'who', type: 'integer', typeOid: 23, fromToken: true };

const TOKEN_RULE: TokenRule = {
  issuer: 'https://login.example',
  audience: ['rowgate'],
  keys: 'keys.json',
  user: 'sub',
  claims: new Map(),
  require: new Map(),
  rule: 'principals.yaml:5',
};

/**
 * `refuse` in a comment refuses the statement; `:name` becomes a slot of the attribute (an integer); a SELECT gets a LIMIT slot where rows are
 * limited, unless a comment says `unbounded`. `fills`: a write puts what it reads into a temporary table. `pattern`: the first parameter is a LIKE
 * pattern. `user code`: functions of users may run. `granted`: it calls what was granted by name.
 */
export function policyOf(options: PolicyOptions = {}): SessionPolicy {
  const limits = options.limits ?? {};
  const role: RolePolicy = {
    name: 'tester',
    mode: options.mode ?? 'enforce',
    access: options.access ?? 'restricted',
    attributes: new Map(options.tokens ? [['who', WHO]] : []),
    relations: new Map((options.relations ?? []).map((grant) => [grant.relation.oid, grant])),
    functions: new Set(),
    statements: new Set(['listen']),
    collect: 'deny',
    minGroup: undefined,
    limits,
    limitedSubjects: new Set(limits.subjects?.keys()),
    rule: 'roles/tester.yaml:1',
  };
  const principal: Principal = {
    name: 'tester_app',
    role: 'tester',
    attributes: new Map(Object.entries(options.attributes ?? {})),
    verifiers: [],
    ...(options.tokens && { token: TOKEN_RULE }),
    from: [],
    limits: {},
    rule: 'principals.yaml:2',
  };
  return {
    role,
    principal,
    hash: 'sha256:test',
    ...(options.subjectKeys && { subjectKeys: options.subjectKeys }),
    ...(options.keyTypes && { keyTypes: options.keyTypes }),
    judge: (sql) => judge(sql, options),
  };
}

function judge(sql: string, options: PolicyOptions): Judgement {
  const texts = sql.split(';').filter((text) => text.replace(/\/\*.*?\*\//g, '').trim() !== '');
  let from = 0;
  const statements = texts.map((text) => {
    const start = sql.indexOf(text, from) + text.length - text.trimStart().length;
    from = start;
    return { ...judgeStatement(text, options), extent: { start, end: start + text.trim().length } };
  });
  const refused = statements.find((statement) => statement.refusal);
  const parameters = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map((match) => Number(match[1])));
  const judgement: Judgement = { effect: 'allow', statements, template: [sql], parameters, edits: [] };
  if (options.mode === 'observe') {
    return refused ? { ...judgement, would: { effect: 'refuse', refusal: refused.refusal! } } : judgement;
  }
  if (refused) return { ...judgement, effect: 'refuse', refusal: refused.refusal! };
  if (options.access === 'unrestricted') return judgement;
  return rewritten(judgement, sql, options);
}

function rewritten(judgement: Judgement, sql: string, options: PolicyOptions): Judgement {
  const edits: { start: number; end: number; text: Judgement['template'] }[] = [];
  for (const match of sql.matchAll(/:(\w+)/g)) {
    const name = match[1]!;
    if (options.attributes?.[name] === undefined && !(options.tokens && name === 'who')) continue;
    const slot = { kind: 'attribute', name, type: 'integer', typeOid: 23 } as const;
    edits.push({ start: match.index, end: match.index + match[0].length, text: [slot] });
  }
  for (const { kind, extent } of judgement.statements) {
    if (kind.kind === 'set' && typeof kind.token?.to === 'object') {
      const text = `set ${kind.token.local ? 'local ' : ''}rowgate.token to ''`;
      edits.push({ start: extent!.start, end: extent!.end, text: [text] });
    }
    const text = options.checks && writeIn(sql.slice(extent!.start, extent!.end), kind);
    if (text) edits.push({ start: extent!.end, end: extent!.end, text: [checkColumn(text)] });
  }
  const wanted = options.rewrite?.(sql);
  if (wanted !== undefined && wanted !== sql) edits.push({ start: 0, end: sql.length, text: [wanted] });
  const only = judgement.statements.length === 1 ? judgement.statements[0] : undefined;
  const limited =
    only?.kind.kind === 'read' && options.limits?.rowsPerStatement !== undefined && !sql.includes('/*unbounded*/');
  const end = sql.includes(';') ? sql.indexOf(';') : sql.length;
  if (limited) edits.push({ start: end, end, text: ['\nLIMIT ', { kind: 'limit' }] });
  if (edits.length === 0) return judgement;
  edits.sort((a, b) => a.start - b.start);
  const template: (string | Judgement['template'][number])[] = [];
  let at = 0;
  for (const edit of edits) {
    template.push(sql.slice(at, edit.start), ...edit.text);
    at = edit.end;
  }
  template.push(sql.slice(at));
  return { ...judgement, effect: 'rewrite', template, edits };
}

/** The write in a statement: itself, or what PREPARE and EXPLAIN hold. */
function writeIn(text: string, kind: StatementKind): string | undefined {
  const write = kind.kind === 'prepare' ? kind.inner.kind : kind;
  if (write.kind !== 'write' && write.kind !== 'explain' && write.kind !== 'copy-out') return undefined;
  return /\b(insert into|update) .*$/is.exec(text)?.[0];
}

/** The column in the form that the guard adds. */
function checkColumn(write: string): string {
  const table = /(?:insert into|update)\s+(\w+)/i.exec(write)![1]!;
  const error = `(${table}.tableoid::text || ' rowgate_check 0')::int`;
  const column = `CASE WHEN (${table}.a < 90) IS TRUE THEN NULL ELSE ${error} END AS rowgate_check`;
  return /\breturning\b/i.test(write) ? `, ${column}` : ` RETURNING ${column}`;
}

const VIOLATION = refusal('row-check', '42501', 'new row violates row-level security policy for table "u"', {
  rule: 'roles/tester.yaml:9',
});

function checkOf(text: string, kind: StatementKind): Pick<StatementJudgement, 'check'> {
  if (!writeIn(text, kind) || kind.kind === 'prepare') return {};
  const added = /\breturning\b/i.test(text) ? 'last' : 'only';
  return { check: { added, violations: [VIOLATION] } };
}

const DISCLOSING: ReadonlySet<StatementKind['kind']> = new Set([
  'read',
  'write',
  'prepare',
  'declare',
  'copy-out',
  'explain',
]);

function judgeStatement(text: string, options: PolicyOptions): StatementJudgement {
  const kind = kindOf(text, options);
  const words = text.replace(/\/\*.*?\*\//g, '').trim();
  const marks = ['/*refuse*/', ...(options.alsoRefuse ? [options.alsoRefuse] : [])];
  const refused = marks.some((mark) => text.includes(mark));
  return {
    effect: refused ? 'refuse' : 'allow',
    kind,
    command: words.split(/\s/, 1)[0]!.toUpperCase(),
    fingerprint: '0000000000000000',
    normalized: words,
    tables: [],
    columns: [],
    ...(options.checks && options.access !== 'unrestricted' && checkOf(text, kind)),
    ...(options.disclosures &&
      DISCLOSING.has(kind.kind) && {
        disclosures: typeof options.disclosures === 'function' ? options.disclosures(text) : options.disclosures,
      }),
    ...(options.about && { about: options.about }),
    ...(options.reusable &&
      (kind.kind === 'read' || kind.kind === 'write') &&
      !text.includes('/*user code*/') && { reusable: true }),
    ...(!text.includes('/*user code*/') && effectOnPlans(kind)),
    ...(text.includes('/*user code*/') && { runsUserCode: true }),
    ...(!text.includes('/*granted*/') && { leavesNothing: true }),
    ...(text.includes('/*pattern*/') && kind.kind !== 'prepare' && { patterns: [1] }),
    ...(refused && {
      refusal: refusal('column-withheld', '42501', 'permission denied for column "ine" of relation "students"', {
        rule: 'roles/tester.yaml:7',
        hint: 'Ask who keeps the policies.',
      }),
    }),
  };
}

/** As the words say: `csv`, `binary`, `header`. */
function formatIn(words: readonly string[]): CopyFormat {
  const header = words.includes('header');
  if (words.includes('binary')) return { kind: 'binary' };
  return words.includes('csv') ? { kind: 'csv', header, quote: 34, escape: 34 } : { kind: 'text', header };
}

/** Of EXECUTE: its arguments are taken to have no comma in them. */
function textsIn(text: string): (string | null | undefined)[] {
  const list = /\((.*)\)/s.exec(text)?.[1];
  return (list?.split(',') ?? []).map((one) => (one === 'null' ? null : /^'([^']*)'$/.exec(one)?.[1]));
}

function kindOf(text: string, options: PolicyOptions): StatementKind {
  const words = text
    .replace(/\/\*.*?\*\//g, ' ')
    .trim()
    .toLowerCase()
    .split(/\s+/);
  const [first, second] = words;
  switch (first) {
    case 'select':
    case 'values':
    case 'table':
    case 'with':
      return { kind: 'read' };
    case 'insert':
    case 'update':
    case 'delete':
      return {
        kind: 'write',
        returning: words.includes('returning'),
        ...(text.includes('/*fills*/') && { temporary: 'filled' as const }),
      };
    case 'begin':
      return { kind: 'transaction', action: 'begin' };
    case 'commit':
      return { kind: 'transaction', action: 'commit' };
    case 'rollback':
      return second === 'to'
        ? { kind: 'transaction', action: 'rollback-to', savepoint: words.at(-1)! }
        : { kind: 'transaction', action: 'rollback' };
    case 'savepoint':
      return { kind: 'transaction', action: 'savepoint', savepoint: second! };
    case 'release':
      return { kind: 'transaction', action: 'release', savepoint: words.at(-1)! };
    case 'set':
    case 'reset': {
      if (second === 'constraints') return { kind: 'other' };
      const token = tokenIn(words);
      return { kind: 'set', ...(token && { token }) };
    }
    case 'show':
      return { kind: 'set' };
    case 'prepare':
      return {
        kind: 'prepare',
        name: second!,
        inner: judgeStatement(text.slice(text.toLowerCase().indexOf(' as ') + 4), options),
      };
    case 'execute':
      return { kind: 'execute', name: second!.split('(', 1)[0]!, texts: textsIn(text), room: roomIn(text) };
    case 'deallocate':
      return { kind: 'deallocate', name: second === 'all' ? undefined : second };
    case 'declare':
      return {
        kind: 'declare',
        name: second!,
        hold: words.includes('hold'),
        inner: judgeStatement(text.slice(text.toLowerCase().indexOf(' for ') + 5), options),
      };
    case 'fetch':
    case 'move':
      return {
        kind: 'fetch',
        name: words.at(-1)!,
        ...(words[0] === 'fetch' &&
          !/\b(0|prior|backward|first|last|absolute|relative)\b/i.test(text) && {
            forward: words.includes('all') ? Number.MAX_SAFE_INTEGER : Number(/\d+/.exec(text)?.[0] ?? 1),
          }),
      };
    case 'close':
      return { kind: 'close', name: second === 'all' ? undefined : second };
    case 'discard':
      return { kind: 'discard', all: second === 'all' };
    case 'copy':
      return { kind: words.includes('stdin') ? 'copy-in' : 'copy-out', format: formatIn(words) };
    case 'explain':
      if (second !== 'execute') return { kind: 'explain' };
      return { kind: 'explain', execute: { name: words[2]!, texts: [], room: roomIn(text) } };
    default:
      return { kind: 'other' };
  }
}

/** For more arguments of EXECUTE. */
function roomIn(text: string) {
  const behind = text.trimEnd().endsWith(')');
  return { before: behind ? 1 : 0, behind };
}

function tokenIn([first, ...rest]: readonly string[]): TokenChange | undefined {
  const local = rest[0] === 'local';
  const [name, , value] = local ? rest.slice(1) : rest;
  if (first === 'reset' && name === 'all') return { local: false, to: 'default' };
  if (name !== 'rowgate.token') return undefined;
  if (first === 'reset' || value === 'default') return { local, to: 'default' };
  return { local, to: { value: value!.replaceAll("'", '') } };
}

function effectOnPlans({ kind }: StatementKind): Pick<StatementJudgement, 'plans'> {
  if (kind === 'set' || kind === 'deallocate' || kind === 'discard') return { plans: 'revalidate' };
  return ['other', 'temporary', 'execute', 'fetch'].includes(kind) ? {} : { plans: 'stay' };
}
