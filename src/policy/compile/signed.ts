/** Requests that others must sign: `break_glass` of a principal, `raise` of a role. */
import { z } from 'zod';
import { mapping, written } from '../schema/schema-values.ts';
import type { DiagnosticReport } from '../source/diagnostic.ts';
import type { Path, PolicyDocument } from '../source/document.ts';
import { FORMS, readDuration } from '../source/quantity.ts';
import { suggestion } from '../source/suggestion.ts';
import type { Approver } from './approvers.ts';

const DAY_MS = 86_400_000;
const LONGEST_DAYS = 31;

const approvals = z
  .int()
  .min(1)
  .max(10)
  .describe('So many different people of `approvers.yaml` must sign; none of them is who asked for it.');

export const breakGlass = mapping({
  approvals,
  for: written(FORMS.duration, readDuration)
    .refine((ms) => ms <= LONGEST_DAYS * DAY_MS, { error: `expected ${LONGEST_DAYS} days at most` })
    .describe('The longest that it may be open, as `4 hours`.'),
  approvers: z
    .array(z.string())
    .min(1)
    .optional()
    .describe('Whose signatures count, by their names in `approvers.yaml`; without it, every approver’s.'),
}).describe('The principal is closed until an opening of it was signed: `rowgate break-glass`.');

export const raise = mapping({ approvals }).describe(
  'A larger limit for a time (`rowgate limits raise`) holds when this number of approvers have signed it.',
);

type Rule = z.output<typeof raise> & Pick<z.output<typeof breakGlass>, 'approvers'>;

/** Too few approvers is an error now, rather than in the night when signatures are needed. */
export function checkApprovals(
  rule: Rule,
  path: Path,
  document: PolicyDocument,
  approvers: ReadonlyMap<string, Approver>,
  report: DiagnosticReport,
): void {
  const listed = rule.approvers ?? [...approvers.keys()];
  const known = new Set(listed.filter((name) => approvers.has(name)));
  rule.approvers?.forEach((name, index) => {
    const place = document.placeOfValue([...path, 'approvers', index]);
    if (!approvers.has(name)) {
      report.error(place, `approver "${name}" does not exist${suggestion(name, approvers.keys())}`);
    } else if (listed.indexOf(name) < index) report.error(place, `"${name}" stands here twice`);
  });
  if (known.size >= rule.approvals) return;
  const there = known.size === 0 ? 'none' : String(known.size);
  const where = rule.approvers ? 'of those named here' : 'in approvers.yaml';
  const place = document.placeOfValue([...path, 'approvals']);
  report.error(
    place,
    `${rule.approvals} approvers must sign, and there ${known.size === 1 ? 'is' : 'are'} ${there} ${where}`,
  );
}
