/** Whether what was resolved is leakproof by the server's own catalog (`rewriting.md`, class 1). */
import type { Coercion } from './coercion.ts';
import type { Resolved } from './resolved.ts';

// INVARIANT 45: true only where every function that runs is known and marked leakproof.
/** Whether everything that runs is leakproof: the function and each argument's coercion. What is not settled is not. */
export function isLeakproof(subject: Resolved | Coercion): boolean {
  switch (subject.kind) {
    case 'found':
      return subject.fn.leakproof && subject.coercions.every(isLeakproof);
    case 'cast':
      return isLeakproof(subject.coercion);
    case 'column':
      return subject.column !== undefined;
    case 'same':
    case 'literal':
    case 'relabel':
      return true;
    case 'function':
      return subject.fn.leakproof;
    case 'length':
      return subject.fn.leakproof && isLeakproof(subject.inner);
    case 'domain':
      return !subject.constrained && isLeakproof(subject.inner);
    case 'io':
    case 'array':
    case 'row':
    case 'impossible':
    case 'untellable':
    case 'none':
    case 'ambiguous':
      return false;
  }
}
