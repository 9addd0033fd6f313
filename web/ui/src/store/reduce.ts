// The store: (state, happening) -> state, without a DOM, a clock or a socket. Not the meaning of single events (feed.ts).
//
// Invariant: a session's `cursor` only rises, and by one event at a time, so what is shown is exactly the feed up to it.

import { record, text, type AttachResult, type ItemEntry, type Message, type Params, type PendingRequest, type Summary } from "../wire/types";
import { foldEvent, withNotice } from "./feed";
import { newTurn, turnsOf } from "./items";
import { trim } from "./trim";
import { EMPTY, type Happening, type Session, type State, type Turn } from "./state";
import { summaryAfter } from "./summaries";

export function reduce(state: State, happening: Happening): State {
  switch (happening.kind) {
    case "message": return onMessage(state, happening.message, happening.atMs);
    case "listed": return onListed(state, happening.summaries, happening.complete, happening.atMs);
    case "attached": return onAttached(state, happening.result, happening.atMs);
    case "older": return onSession(state, happening.threadId, (session) => onOlder(session, happening.entries, happening.olderCursor));
    case "answered": return onSession(state, happening.threadId, (session) => ({
      ...session,
      pending: session.pending.filter((one) => one.id !== happening.id),
      answered: [...session.answered, ...session.pending.filter((one) => one.id === happening.id)],
    }));
    case "decided": return onSession(state, happening.threadId, (session) => ({ ...session, decisions: { ...session.decisions, ...happening.decisions } }));
    case "refused": return onRefused(state, happening.id, happening.text, happening.atMs);
    case "left": {
      const { [happening.threadId]: _, ...sessions } = state.sessions;
      return { ...state, sessions };
    }
    case "trimmed": return onSession(state, happening.threadId, trim);
    case "cut": return { ...state, draining: false, journalStalled: null, sessions: mapValues(state.sessions, (session) => ({ ...session, feed: "away" })) };
    case "forgotten": return EMPTY;
  }
}

function onMessage(state: State, message: Message, atMs: number): State {
  const params = message.params ?? {};
  switch (message.method) {
    case "host/session/reset": return onAttached(state, params as unknown as AttachResult, atMs);
    case "host/draining": return { ...state, draining: true };
    case "host/journal/state": return { ...state, journalStalled: params["state"] === "stalled" ? text(params["reason"]) : null };
    default:
  }
  const threadId = text(params["threadId"]) || text(record(params["thread"])["id"]);
  if (message.id !== undefined) return onSession(state, threadId, (session) => onRequest(session, message, params, atMs));
  if (message.seq === undefined) return state;
  return onSession(patchSummary(state, threadId, message, atMs), threadId, (session) => onEvent(session, message, state.summaries[threadId]?.bridge.state === "up", atMs));
}

function onRequest(session: Session, message: Message, params: Params, atMs: number): Session {
  const request: PendingRequest = { id: message.id!, method: message.method ?? "", params };
  if (session.pending.some((one) => one.id === request.id) || session.answered.some((one) => one.id === request.id)) return session;
  return { ...session, pending: [...session.pending, request], heardAtMs: atMs };
}

function onEvent(session: Session, message: Message, bridgeUp: boolean, atMs: number): Session {
  const seq = message.seq!;
  if (session.feed !== "live" || seq <= session.cursor) return session;
  // One message may stand for a run of deltas that their item's completion supersedes; it names the first of them.
  const first = message.method === "host/session/merged" ? Number(message.params?.["from"]) : seq;
  if (first > session.cursor + 1 && session.repairedAt !== session.cursor) return { ...session, feed: "hole" };
  return { ...foldEvent(session, message, bridgeUp, atMs), cursor: seq, heardAtMs: atMs };
}

function onAttached(state: State, result: AttachResult, atMs: number): State {
  const threadId = result.summary.threadId;
  const old = state.sessions[threadId];
  const resumed = result.verdict === "resumed" && old !== undefined;
  const kept = { pending: result.pending ?? [], answered: [], queue: result.queue ?? [], journalId: result.journalId, feed: "live" as const };
  const session: Session = resumed
    ? { ...old, ...kept, repairedAt: old.feed === "hole" ? old.cursor : null }
    : {
        ...kept,
        threadId,
        cursor: result.head,
        repairedAt: null,
        turns: settle(turnsOf(result.items ?? []), result.summary, atMs),
        olderCursor: result.olderCursor ?? null,
        notices: old?.notices ?? [],
        heardAtMs: atMs,
        modelAtMs: atMs,
        usage: old?.usage ?? null,
        decisions: old?.decisions ?? {},
      };
  const next: State = { ...state, sessions: { ...state.sessions, [threadId]: session } };
  return withSummary(next, result.summary, atMs);
}

/** Turns of a snapshot as they stand: only the one that the host calls running may look as if it ran. */
function settle(known: readonly Turn[], summary: Summary | undefined, atMs: number): readonly Turn[] {
  const running = summary?.turn;
  // A turn that has just begun has no items yet.
  const turns = running && !known.some((turn) => turn.id === running.id) ? [...known, newTurn(running.id)] : known;
  return turns.map((turn): Turn => {
    if (turn.id === running?.id) {
      return { ...turn, status: "inProgress", startedAtMs: running.startedAtMs, retry: running.retrying ? { message: running.retrying, atMs } : null };
    }
    return turn.status === "inProgress" ? { ...turn, status: turn.items.some((item) => item.state === "partial") ? "interrupted" : "completed" } : turn;
  });
}

function onOlder(session: Session, newestFirst: readonly ItemEntry[], olderCursor: number | null): Session {
  const older = settle(turnsOf(newestFirst.slice().reverse()), undefined, 0);
  const first = session.turns[0];
  const seam = older.at(-1);
  if (first && seam && first.id === seam.id) {
    const known = new Set(first.items.map((item) => item.key));
    const items = [...seam.items.filter((item) => !known.has(item.key)), ...first.items];
    return { ...session, olderCursor, turns: [...older.slice(0, -1), { ...first, items }, ...session.turns.slice(1)] };
  }
  return { ...session, olderCursor, turns: [...older, ...session.turns] };
}

function onRefused(state: State, id: string | number, words: string, atMs: number): State {
  const session = Object.values(state.sessions).find((one) => one.answered.some((request) => request.id === id));
  if (!session) return state;
  return onSession(state, session.threadId, (one) =>
    withNotice({ ...one, answered: one.answered.filter((other) => other.id !== id) }, words, atMs),
  );
}

function onListed(state: State, summaries: readonly Summary[], complete: boolean, atMs: number): State {
  let next: State = { ...state, listed: true, summaries: complete ? {} : state.summaries };
  for (const summary of summaries) {
    const known = state.summaries[summary.threadId];
    const cursor = state.sessions[summary.threadId]?.cursor ?? 0;
    // A list that was made before events which are already folded in must not turn the state back.
    if (known && cursor > summary.head) next = { ...next, summaries: { ...next.summaries, [summary.threadId]: known } };
    else next = withSummary(next, summary, atMs);
  }
  for (const threadId of Object.keys(state.sessions)) {
    const known = state.summaries[threadId];
    if (known && !next.summaries[threadId]) next = { ...next, summaries: { ...next.summaries, [threadId]: known } };
  }
  return next;
}

function withSummary(state: State, summary: Summary, atMs: number): State {
  const retryAtMs = summary.bridge.retryInMs === undefined ? state.retryAtMs : { ...state.retryAtMs, [summary.threadId]: atMs + summary.bridge.retryInMs };
  return { ...state, retryAtMs, summaries: { ...state.summaries, [summary.threadId]: summary } };
}

function patchSummary(state: State, threadId: string, message: Message, atMs: number): State {
  const summary = state.summaries[threadId];
  const session = state.sessions[threadId];
  if (!summary || (session && (session.feed !== "live" || message.seq! <= session.cursor))) return state;
  const after = summaryAfter(summary, message, atMs);
  if (after === summary) return state;
  return message.method === "host/bridge/state" ? withSummary(state, after, atMs) : { ...state, summaries: { ...state.summaries, [threadId]: after } };
}

function onSession(state: State, threadId: string, change: (session: Session) => Session): State {
  const session = state.sessions[threadId];
  if (!session) return state;
  const after = change(session);
  return after === session ? state : { ...state, sessions: { ...state.sessions, [threadId]: after } };
}

function mapValues<T>(table: Readonly<Record<string, T>>, change: (value: T) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, change(value)]));
}
