/**
 * The console's API: what is asked where, by whom at least, and the schemas of question and answer. Server and browser read this folder: it imports no
 * module of Node.
 *
 * - JSON both ways. A GET has its question in the query, a POST in the body (at most 1 MB).
 * - The session is a cookie, which scripts cannot read. Each POST carries the token of GET /api/session as `X-Rowgate-Csrf`.
 * - What is no success has a status of 400 and more, and a body { error: { code, message, hint? } }; values.ts has code and status.
 * - A page of several sources answers with parts, { ok: true, value } or { ok: false, problem }: what one source cannot tell leaves the rest.
 * - Outside /api: GET /login?secret=… (the printed link), GET /login/oidc, GET /login/callback; each ends in a redirect to / or to /login?failed=CODE. Every other
 *   address without a file is a page, and gets index.html.
 */
import { z } from 'zod';
import { acted, approveOrder, lockOrder, refuseOrder, releaseOrder, signCommands, signQuestion } from './acting.ts';
import { breachFound, breachQuestion, breachReportQuestion } from './breach.ts';
import { decisionPage, decisionsFound, decisionsQuestion, streamFilter } from './decisions.ts';
import { logsPage } from './logs.ts';
import { now } from './now.ts';
import { personFound, personQuestion, subjects } from './people.ts';
import {
  checkFound,
  diffFound,
  diffQuestion,
  policiesPage,
  policyFiles,
  policyHistory,
  tried,
  tryQuestion,
} from './policies.ts';
import { principalAccess, principalHistory, principalPage, principalsList } from './principals.ts';
import { type ConsoleRole, sessionInfo } from './session.ts';

export interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The least role that may call it; `none`: no session is needed. */
  readonly role: ConsoleRole | 'none';
  readonly question?: z.ZodType;
  /** Absent: a document, or a stream of events. */
  readonly answer?: z.ZodType;
}

const nothing = z.object({});

export const ROUTES = {
  session: { method: 'GET', path: '/api/session', role: 'none', answer: sessionInfo },
  end: { method: 'POST', path: '/api/session/end', role: 'viewer', answer: nothing },
  now: { method: 'GET', path: '/api/now', role: 'viewer', answer: now },
  stream: { method: 'GET', path: '/api/now/stream', role: 'viewer', question: streamFilter },
  decisions: {
    method: 'POST',
    path: '/api/decisions',
    role: 'viewer',
    question: decisionsQuestion,
    answer: decisionsFound,
  },
  decision: { method: 'GET', path: '/api/decisions/:id', role: 'viewer', answer: decisionPage },
  principals: { method: 'GET', path: '/api/principals', role: 'viewer', answer: principalsList },
  principal: { method: 'GET', path: '/api/principals/:name', role: 'viewer', answer: principalPage },
  access: { method: 'GET', path: '/api/principals/:name/access', role: 'viewer', answer: principalAccess },
  history: {
    method: 'GET',
    path: '/api/principals/:name/history',
    role: 'viewer',
    question: z.object({ days: z.coerce.number().int().min(1).max(400).default(30) }),
    answer: principalHistory,
  },
  subjects: { method: 'GET', path: '/api/subjects', role: 'auditor', answer: subjects },
  person: { method: 'POST', path: '/api/person', role: 'auditor', question: personQuestion, answer: personFound },
  personReport: { method: 'POST', path: '/api/person/report', role: 'auditor', question: personQuestion },
  policies: { method: 'GET', path: '/api/policies', role: 'viewer', answer: policiesPage },
  policyHistory: { method: 'GET', path: '/api/policies/history', role: 'viewer', answer: policyHistory },
  diff: { method: 'POST', path: '/api/policies/diff', role: 'viewer', question: diffQuestion, answer: diffFound },
  check: { method: 'GET', path: '/api/policies/check', role: 'viewer', answer: checkFound },
  policyFiles: { method: 'GET', path: '/api/policies/files', role: 'auditor', answer: policyFiles },
  try: { method: 'POST', path: '/api/policies/try', role: 'auditor', question: tryQuestion, answer: tried },
  breach: { method: 'POST', path: '/api/breach', role: 'auditor', question: breachQuestion, answer: breachFound },
  breachReport: { method: 'POST', path: '/api/breach/report', role: 'auditor', question: breachReportQuestion },
  logs: { method: 'GET', path: '/api/logs', role: 'viewer', answer: logsPage },
  verify: { method: 'POST', path: '/api/logs/verify', role: 'auditor', answer: logsPage },
  lock: { method: 'POST', path: '/api/act/lock', role: 'operator', question: lockOrder, answer: acted },
  release: { method: 'POST', path: '/api/act/release', role: 'operator', question: releaseOrder, answer: acted },
  approve: { method: 'POST', path: '/api/act/approve', role: 'operator', question: approveOrder, answer: acted },
  refuse: { method: 'POST', path: '/api/act/refuse', role: 'operator', question: refuseOrder, answer: acted },
  signCommands: {
    method: 'GET',
    path: '/api/act/commands',
    role: 'viewer',
    question: signQuestion,
    answer: signCommands,
  },
} as const satisfies Record<string, Route>;

export type RouteName = keyof typeof ROUTES;
