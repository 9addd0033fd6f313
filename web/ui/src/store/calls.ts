// When a person should be called: a session began to wait for them, finished its work, or failed. Not how they are called.

import type { SessionState } from "../wire/types";
import type { State } from "./state";
import { shownState, titleOf } from "./summaries";

export interface Call {
  threadId: string;
  title: string;
  kind: "needsYou" | "done" | "failed";
}

export type Seen = ReadonlyMap<string, SessionState>;

/** What each session is doing now, and the calls that its change since `before` makes. A session seen first makes none. */
export function callsSince(before: Seen, state: State): { seen: Seen; calls: Call[] } {
  const seen = new Map<string, SessionState>();
  const calls: Call[] = [];
  for (const summary of Object.values(state.summaries)) {
    const now = shownState(summary, state.sessions[summary.threadId]);
    seen.set(summary.threadId, now);
    const old = before.get(summary.threadId);
    if (old === undefined || old === now) continue;
    const kind = callFor(old, now);
    if (kind) calls.push({ threadId: summary.threadId, title: titleOf(summary), kind });
  }
  return { seen, calls };
}

const BUSY: readonly SessionState[] = ["working", "stalled", "needsYou"];

function callFor(old: SessionState, now: SessionState): Call["kind"] | null {
  if (now === "needsYou") return "needsYou";
  if (now === "failed" || now === "quarantined") return "failed";
  return BUSY.includes(old) && (now === "idle" || now === "parked") ? "done" : null;
}
