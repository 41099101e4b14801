/** What the server pushes: the current state, and new decisions. Bounded: a tab keeps the newest few hundred, and redraws at most twice a second. */
import { useEffect, useRef, useState } from 'react';
import { type DecisionRow, decisionsEvent } from '../api/decisions.ts';
import { type Now, now as nowSchema } from '../api/now.ts';
import { addressOf } from './api.ts';

export interface Filter {
  readonly principal?: string | undefined;
  readonly role?: string | undefined;
  readonly effect?: DecisionRow['effect'] | undefined;
}

export interface Live {
  readonly now: Now | undefined;
  /** The newest first. */
  readonly decisions: readonly DecisionRow[];
  /** How many came that are not among them, as there were too many or they are too old. */
  readonly dropped: number;
  readonly state: 'connecting' | 'open' | 'lost';
}

const MOST = 500;
const DRAW_MS = 500;
const NOTHING: Live = { now: undefined, decisions: [], dropped: 0, state: 'connecting' };

/** While `isHeld`, the list does not change, and new decisions are only counted. */
export function useLive({ principal, role, effect }: Filter, isHeld = false): Live {
  const [live, setLive] = useState(NOTHING);
  const held = useRef(isHeld);
  held.current = isHeld;
  useEffect(() => {
    let next: Live = NOTHING;
    let isDirty = false;
    const change = (changed: Partial<Live>): void => {
      next = { ...next, ...changed };
      isDirty = true;
    };
    setLive(NOTHING);
    const source = new EventSource(addressOf('stream', undefined, { principal, role, effect }));
    source.addEventListener('open', () => change({ state: 'open' }));
    source.addEventListener('error', () => change({ state: 'lost' }));
    source.addEventListener('now', ({ data }) => {
      const read = nowSchema.safeParse(parsed(data));
      if (read.success) change({ now: read.data });
    });
    source.addEventListener('decisions', ({ data }) => {
      const read = decisionsEvent.safeParse(parsed(data));
      if (!read.success) return;
      const { decisions, dropped } = read.data;
      if (held.current) {
        change({ dropped: next.dropped + dropped + decisions.length });
        return;
      }
      change({ decisions: merged(decisions, next.decisions), dropped: next.dropped + dropped });
    });
    const timer = setInterval(() => {
      if (!isDirty || document.hidden) return;
      isDirty = false;
      setLive(next);
    }, DRAW_MS);
    return () => {
      clearInterval(timer);
      source.close();
    };
  }, [principal, role, effect]);
  return live;
}

/** The newest first. One that has come before, without its outcome, is replaced. */
function merged(come: readonly DecisionRow[], before: readonly DecisionRow[]): DecisionRow[] {
  const byId = new Map([...come, ...before].reverse().map((row) => [row.id, row]));
  return [...byId.values()].sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0)).slice(0, MOST);
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
