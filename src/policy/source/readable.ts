/** Problems in the files of a policies folder that show without a catalog. */
import { type Approver, addApprovers } from '../compile/approvers.ts';
import { addFlaws, diagnosticsInOrder, policyFileKind } from '../compile/load.ts';
import { principalSchema, principalsFileSchema, subjectsSchema } from '../schema/principals-schema.ts';
import { grantsSchema, roleSchema } from '../schema/role-schema.ts';
import { validate } from '../schema/validate.ts';
import { type Diagnostic, DiagnosticReport } from './diagnostic.ts';
import { PolicyDocument, type PolicyFile } from './document.ts';

const SCHEMAS = {
  role: roleSchema,
  grants: grantsSchema,
  subjects: subjectsSchema,
  principals: principalsFileSchema,
} as const;

interface ReadableFiles {
  readonly diagnostics: readonly Diagnostic[];
  readonly roles: number;
  readonly principals: number;
  /** The key sets of tokens, with the principals that name them. */
  readonly tokens: readonly { readonly keys: string; readonly rule: string }[];
}

/** Checks whether each file is YAML and fits its schema; names and SQL are not checked. */
export function readableFiles(texts: readonly PolicyFile[]): ReadableFiles {
  const report = new DiagnosticReport();
  const approvers = new Map<string, Approver>();
  const tokens: { keys: string; rule: string }[] = [];
  let [roles, principals] = [0, 0];
  for (const document of texts.map((text) => new PolicyDocument(text))) {
    const kind = policyFileKind(document);
    if (kind === 'approvers') {
      addApprovers(document, approvers, report);
      continue;
    }
    addFlaws(document.flaws, report);
    if (kind === undefined || document.malformed) continue;
    const file = validate(document, SCHEMAS[kind], document.value);
    if (!file.ok) addFlaws(file.flaws, report);
    if (kind === 'role') roles += 1;
    if (kind !== 'principals' || !file.ok) continue;
    for (const [name, value] of Object.entries((file.value as { principals: Record<string, unknown> }).principals)) {
      principals += 1;
      const path = ['principals', name];
      const entry = validate(document, principalSchema, value, path);
      if (!entry.ok) addFlaws(entry.flaws, report);
      else if (entry.value.token) tokens.push({ keys: entry.value.token.keys, rule: document.rule(path) });
    }
  }
  return { diagnostics: diagnosticsInOrder([report]), roles, principals, tokens };
}
