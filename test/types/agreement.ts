/** Compares our resolution of an expression with the server's: same function, same result type, same coercions. */
import type { Coercion } from '../../src/sql/types/coercion.ts';
import { ANY } from '../../src/sql/types/oids.ts';
import type { Found, Resolved } from '../../src/sql/types/resolved.ts';
import { child, children, type DumpNode, number } from './parse-tree.ts';
import type { Verdict } from './server.ts';

/** The difference of ours; undefined where both agree. `operands` are the forms of the arguments as they were written. */
export function disagreement(ours: Resolved, server: Verdict, operands: readonly string[]): string | undefined {
  switch (ours.kind) {
    case 'untellable':
      return 'ours is untellable';
    case 'none':
    case 'ambiguous': {
      if ('node' in server) return `ours is ${ours.kind}, the server takes ${shape(server.node)}`;
      const ambiguous = server.sqlstate === '42725';
      return ambiguous === (ours.kind === 'ambiguous')
        ? undefined
        : `ours is ${ours.kind}, the server says ${server.sqlstate}`;
    }
    case 'column':
      // A system column is there only where the row is a table's own; a column of a record only where the record is seen through.
      if (!('node' in server)) return ours.column ? `ours is a column, the server says ${server.sqlstate}` : undefined;
      return server.node.tag === 'FIELDSELECT' ? undefined : `ours is a column, not ${shape(server.node)}`;
    case 'cast': {
      // A cast that the server goes on to refuse: by the value of a literal, not by its type.
      if (!('node' in server))
        return ours.coercion.kind === 'literal' ? undefined : `ours casts, the server says ${server.sqlstate}`;
      return differs(expected(ours.coercion, operands[0] ?? ''), shape(server.node));
    }
    case 'found':
      // The effect of default arguments is not known to us.
      if (!('node' in server) && ours.result === 0) return undefined;
      if (!('node' in server) && refusedByValue(ours.coercions, server.sqlstate)) return undefined;
      if (!('node' in server)) return `ours is ${ours.fn.name} ${ours.fn.oid}, the server says ${server.sqlstate}`;
      return foundDisagreement(ours, server.node, operands);
  }
}

/** Refused for the value of the operand, not for its type: the choice of the function is right. */
function refusedByValue(ways: readonly Coercion[], sqlstate: string): boolean {
  // The input functions of most pseudo-types accept nothing at all.
  if (sqlstate === '0A000') return ways.some((way) => way.kind === 'literal');
  // A record becomes a named row only where its columns can be seen.
  return sqlstate === '42846' && ways.some((way) => way.kind === 'row');
}

function foundDisagreement(ours: Found, node: DumpNode, operands: readonly string[]): string | undefined {
  const call = callOf(node);
  if (!call) return `ours is ${ours.fn.name} ${ours.fn.oid}, the server takes ${shape(node)}`;
  if (ours.operator && number(node, 'opno') !== ours.operator.oid) {
    return `operator ${ours.operator.oid} is not ${number(node, 'opno')}`;
  }
  if (ours.fn.oid !== call.fn) return `function ${ours.fn.oid} is not ${call.fn}`;
  if (call.result !== undefined && ours.result !== call.result) return `result ${ours.result} is not ${call.result}`;
  const args = call.args.flatMap((arg, i) => {
    const gathered = i === call.args.length - 1 && ours.fn.variadic !== 0 && ours.fn.variadic !== ANY;
    // Before version 16 the dump says ARRAY.
    return gathered && (arg.tag === 'ARRAYEXPR' || arg.tag === 'ARRAY') ? children(arg, 'elements') : [arg];
  });
  for (const [i, way] of ours.coercions.entries()) {
    const arg = args[i];
    if (!arg) return `argument ${i + 1} is missing`;
    const wrong = differs(expected(way, operands[i] ?? ''), shape(arg));
    if (wrong) return `argument ${i + 1}: ${wrong}`;
  }
  return undefined;
}

function callOf(node: DumpNode): { fn: number; result: number | undefined; args: DumpNode[] } | undefined {
  switch (node.tag) {
    case 'OPEXPR':
      return { fn: number(node, 'opfuncid'), result: number(node, 'opresulttype'), args: children(node, 'args') };
    case 'SCALARARRAYOPEXPR':
      return { fn: number(node, 'opfuncid'), result: undefined, args: children(node, 'args') };
    case 'FUNCEXPR':
      return { fn: number(node, 'funcid'), result: number(node, 'funcresulttype'), args: children(node, 'args') };
    case 'WINDOWFUNC':
      return { fn: number(node, 'winfnoid'), result: number(node, 'wintype'), args: children(node, 'args') };
    case 'AGGREF': {
      const sorted = children(node, 'args').map((entry) => child(entry, 'expr'));
      return {
        fn: number(node, 'aggfnoid'),
        result: number(node, 'aggtype'),
        args: [...children(node, 'aggdirectargs'), ...sorted],
      };
    }
    default:
      return undefined;
  }
}

/** The coercions around an operand, outermost first, in a notation of our own. */
export function shape(node: DumpNode): string {
  switch (node.tag) {
    case 'CONST':
      return '.';
    case 'CASETESTEXPR':
      return 'element';
    case 'NAMEDARGEXPR':
      return shape(child(node, 'arg'));
    case 'RELABELTYPE':
      return `relabel(${shape(child(node, 'arg'))})`;
    case 'COERCEVIAIO':
      return `io(${shape(child(node, 'arg'))})`;
    case 'COERCETODOMAIN':
      return `domain(${shape(child(node, 'arg'))})`;
    case 'CONVERTROWTYPEEXPR':
      return `row(${shape(child(node, 'arg'))})`;
    case 'ARRAYCOERCEEXPR':
      return `array[${shape(child(node, 'elemexpr'))}](${shape(child(node, 'arg'))})`;
    case 'FUNCEXPR':
      return `${number(node, 'funcid')}(${children(node, 'args').slice(0, 1).map(shape)})`;
    default:
      return node.tag;
  }
}

const LITERAL = 'literal';

/** The shape that a coercion gives to an operand. */
export function expected(way: Coercion, operand: string): string {
  switch (way.kind) {
    case 'same':
      return operand;
    case 'literal':
      return LITERAL;
    case 'relabel':
      return `relabel(${operand})`;
    case 'function':
      return `${way.fn.oid}(${operand})`;
    case 'io':
      return `io(${operand})`;
    case 'array':
      return `array[${expected(way.element, 'element')}](${expected(way.inner, operand)})`;
    case 'length':
      return `${way.fn.oid}(${expected(way.inner, operand)})`;
    case 'domain':
      return `domain(${expected(way.inner, operand)})`;
    case 'row':
      return `row(${operand})`;
    case 'impossible':
    case 'untellable':
      return way.kind;
  }
}

/** How our shape differs from the server's; undefined where it does not. */
export function differs(ours: string, server: string): string | undefined {
  // A literal is read by the input function; the expression around it then works on a constant.
  if (ours === LITERAL)
    return /^((\w+|array\[[^\]]*\])\()*\.\)*$/.test(server) ? undefined : `a literal is not ${server}`;
  return ours === server ? undefined : `${ours} is not ${server}`;
}
