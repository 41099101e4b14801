/** Openings of closed principals (break-glass), reconstructed from their records. */
import type { RecordTable } from '../read/source.ts';

/** One record of an opening. */
export interface OpeningStep {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `requested`, `approved`, `opened`, `used`, `closed`, `over`, `failed`. */
  readonly status: string;
  readonly by?: string;
  readonly reason?: string;
  /** The signers that counted then, each with the key's fingerprint. */
  readonly signed: readonly string[];
}

export interface RecordedOpening {
  readonly id: string;
  readonly principal: string;
  readonly role: string;
  readonly reason: string;
  readonly usedBy: string;
  readonly requestedBy: string;
  /** Milliseconds since the epoch, as in the fields below. */
  readonly requested: number;
  readonly until: number;
  /** Absent if it was never open. */
  readonly opened?: number;
  /** When it was closed or expired; absent if no record says so. */
  readonly ended?: number;
  readonly steps: readonly OpeningStep[];
}

interface Row extends Omit<OpeningStep, 'signed'> {
  readonly id: string;
  readonly principal: string;
  readonly role: string;
  readonly usedBy: string;
  readonly requestedBy: string;
  readonly until: string;
  readonly signed: readonly { readonly name: string; readonly key: string }[];
}

const ROWS = `SELECT epoch_ms(time) AS "at", status, "by", reason, principal, role, break_glass.id AS id, break_glass.used_by AS "usedBy",
    break_glass.requested_by AS "requestedBy", break_glass.until AS until, coalesce(break_glass.approved_by, []) AS signed
  FROM events WHERE kind = 'break-glass' AND break_glass.id IS NOT NULL ORDER BY time, guard, seq`;

/** All openings in the log, oldest first. */
export async function openingsOf({ db }: RecordTable): Promise<RecordedOpening[]> {
  const byId = new Map<string, Row[]>();
  for (const row of await db.rows<Row>(ROWS)) byId.set(row.id, [...(byId.get(row.id) ?? []), row]);
  return [...byId.values()].flatMap((rows) => {
    const [first] = rows;
    return first ? [opening(first, rows)] : [];
  });
}

function opening(first: Row, rows: readonly Row[]): RecordedOpening {
  const { id, principal, role, usedBy, requestedBy } = first;
  const at = (...statuses: string[]): number | undefined => rows.find(({ status }) => statuses.includes(status))?.at;
  const [opened, ended] = [at('opened'), at('closed', 'over')];
  return {
    id,
    principal,
    role,
    reason: first.reason ?? '',
    usedBy,
    requestedBy,
    requested: first.at,
    until: Date.parse(first.until),
    ...(opened !== undefined && { opened }),
    ...(ended !== undefined && { ended }),
    steps: rows.map(({ at, status, by, reason, signed }) => ({
      at,
      status,
      ...(by !== undefined && { by }),
      ...(reason !== undefined && { reason }),
      signed: signed.map(({ name, key }) => `${name} (${key})`),
    })),
  };
}

/** The time in which it was open; undefined if it never was. */
export function openTime(
  { opened, ended, until }: RecordedOpening,
  now: number,
): { since: number; until: number } | undefined {
  if (opened === undefined) return undefined;
  // Without a closing in these files it expired.
  return { since: opened, until: Math.max(opened, Math.min(ended ?? until, until, now)) + 1 };
}
