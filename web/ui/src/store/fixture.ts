// Builders for the store's tests: a session, its attach result, and events with their numbers. Not used by the page.

import type { AttachResult, ItemEntry, Params, Summary } from "../wire/types";
import { reduce } from "./reduce";
import { EMPTY, type Happening, type Session, type State } from "./state";

export const T = "thread-1";

export function summary(over: Partial<Summary> = {}): Summary {
  return {
    threadId: T, title: "A title", preview: "first words", cwd: "/src", source: "host", state: "idle",
    bridge: { state: "up", generation: 1 }, pending: 0, queued: 0, head: 0,
    createdAtMs: 1000, updatedAtMs: 1000, lastEventAtMs: 1000, ...over,
  };
}

export function attach(over: Partial<AttachResult> = {}): Happening {
  const result: AttachResult = {
    verdict: "snapshot", journalId: "j1", head: 0, summary: summary(), items: [], olderCursor: null, pending: [], queue: [], ...over,
  };
  return { kind: "attached", result, atMs: 0 };
}

export function event(seq: number, method: string, params: Params = {}, atMs = seq): Happening {
  return { kind: "message", message: { method, params: { threadId: T, ...params }, seq, generation: 1 }, atMs };
}

export function entry(seq: number, turnId: string, itemId: string, over: Partial<ItemEntry> = {}): ItemEntry {
  return { turnId, itemId, seq, state: "completed", item: { type: "agentMessage", id: itemId, text: `text of ${itemId}` }, ...over };
}

export function play(...happenings: Happening[]): State {
  return happenings.reduce(reduce, EMPTY);
}

export function session(state: State): Session {
  const one = state.sessions[T];
  if (!one) throw new Error("the session is not open");
  return one;
}

/** Turns as one can read them: `id status: type itemState text, ...`. */
export function shape(state: State): string[] {
  return session(state).turns.map((turn) => {
    const items = turn.items.map((item) => `${item.item.type} ${item.state} ${String(item.item["text"] ?? item.item["aggregatedOutput"] ?? "")}`.trim());
    return `${turn.id} ${turn.status}: ${items.join(", ")}`;
  });
}
