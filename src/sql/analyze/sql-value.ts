/** Resolves CURRENT_DATE, CURRENT_USER and similar functions that the grammar writes without brackets. */
import type { Oid } from '../catalog/catalog.ts';
import type { Body } from '../parse/tree.ts';
import * as t from '../types/oids.ts';
import type { Expression } from './range-table.ts';
import type { Resolver } from './resolver.ts';
import { structure, UNTOLD } from './structure.ts';

/** Sound, but no constant: it differs from one run to the next. */
export function resolveSqlValue(r: Resolver, body: Body<'SQLValueFunction'>): Expression {
  // CURRENT_TIMESTAMP is now(); the others move with the time zone or the session.
  if (!body.op?.startsWith('SVFOP_CURRENT_TIMESTAMP'))
    r.marks.unstable.push({ what: valueName(body.op), at: r.at(body.location) });
  return structure(SQL_VALUE_TYPES[body.op ?? ''] ?? t.UNTELLABLE, [UNTOLD]);
}

function valueName(op: string | undefined): string {
  return (op ?? '').replace(/^SVFOP_/, '');
}

const SQL_VALUE_TYPES: Record<string, Oid> = {
  SVFOP_CURRENT_DATE: t.DATE,
  SVFOP_CURRENT_TIME: t.TIMETZ,
  SVFOP_CURRENT_TIME_N: t.TIMETZ,
  SVFOP_CURRENT_TIMESTAMP: t.TIMESTAMPTZ,
  SVFOP_CURRENT_TIMESTAMP_N: t.TIMESTAMPTZ,
  SVFOP_LOCALTIME: t.TIME,
  SVFOP_LOCALTIME_N: t.TIME,
  SVFOP_LOCALTIMESTAMP: t.TIMESTAMP,
  SVFOP_LOCALTIMESTAMP_N: t.TIMESTAMP,
  SVFOP_CURRENT_ROLE: t.NAME,
  SVFOP_CURRENT_USER: t.NAME,
  SVFOP_USER: t.NAME,
  SVFOP_SESSION_USER: t.NAME,
  SVFOP_CURRENT_CATALOG: t.NAME,
  SVFOP_CURRENT_SCHEMA: t.NAME,
};
