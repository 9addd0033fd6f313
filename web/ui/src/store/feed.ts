// One session's events, folded into what the page shows of it. Not the order of events: reduce.ts checks `seq` first.

import { list, number, record, text, type CodexItem, type Message, type Params, type Prompt, type TurnError, type TurnStatus } from "../wire/types";
import { endItems, grow, growsItems, newTurn, withItem } from "./items";
import type { Decided, Session, Turn } from "./state";

/** How many notices are kept; older ones have long left the screen. */
const NOTICES_MAX = 20;

/** `bridgeUp`: whether Codex runs, which tells a decision from a withdrawal. */
export function foldEvent(session: Session, message: Message, bridgeUp: boolean, atMs: number): Session {
  const method = message.method ?? "";
  const params = message.params ?? {};
  const seq = message.seq ?? session.cursor;
  if (growsItems(method)) {
    const itemId = text(params["itemId"]);
    return heard(onTurn(session, text(params["turnId"]), (turn) => grow(turn, method, itemId, params, seq)), atMs);
  }
  switch (method) {
    case "item/started":
    case "item/completed": return heard(onItem(session, method, params, seq), atMs);
    case "turn/started": return heard(onTurnStarted(session, params, atMs), atMs);
    case "turn/completed": return onTurnCompleted(session, params, atMs);
    case "turn/plan/updated": return onTurn(session, text(params["turnId"]), (turn) => ({ ...turn, plan: planOf(params) }));
    case "thread/tokenUsage/updated": return { ...session, usage: usageOf(params) };
    case "error": return onError(session, params, atMs);
    case "warning":
    case "guardianWarning": return onNotice(session, text(params["message"]), seq);
    case "model/rerouted": return onNotice(session, `The model was changed from ${text(params["fromModel"])} to ${text(params["toModel"])}.`, seq);
    case "serverRequest/resolved": return onResolved(session, params, bridgeUp, atMs);
    case "host/prompt/changed": return { ...session, queue: list(params["queue"]) as Prompt[] };
    default: return session;
  }
}

function heard(session: Session, atMs: number): Session {
  return session.modelAtMs === atMs ? session : { ...session, modelAtMs: atMs };
}

/** The session with one turn changed. A turn that nobody announced is made: the feed may begin in the middle of it. */
function onTurn(session: Session, turnId: string, change: (turn: Turn) => Turn): Session {
  if (turnId === "") return session;
  let at = session.turns.length - 1;
  while (at >= 0 && session.turns[at]?.id !== turnId) at -= 1;
  const before = at < 0 ? newTurn(turnId) : session.turns[at]!;
  const after = change(before);
  if (after === before && at >= 0) return session;
  const turns = session.turns.slice();
  if (at < 0) turns.push(after);
  else turns[at] = after;
  return { ...session, turns };
}

function onItem(session: Session, method: string, params: Params, seq: number): Session {
  const item = record(params["item"]) as CodexItem;
  if (typeof item.id !== "string" || typeof item.type !== "string") return session;
  const turnId = text(params["turnId"]);
  return onTurn(session, turnId, (turn) => {
    const changed = withItem(turn, item.id, (old) => {
      const key = `${turnId}/${item.id}`;
      if (method === "item/completed") {
        return { key, turnId, itemId: item.id, seq: old?.seq ?? seq, state: params["partial"] === true ? "partial" : "completed", item };
      }
      // Codex starts a command again once it is approved; what has streamed since the first start must not be taken back.
      if (old) return old.state === "open" ? { ...old, item: { ...item, ...streamed(old.item) } } : old;
      return { key, turnId, itemId: item.id, seq, state: turn.status === "inProgress" ? "open" : "partial", item };
    });
    return changed.retry ? { ...changed, retry: null } : changed;
  });
}

function streamed(item: CodexItem): Params {
  const kept = ["text", "aggregatedOutput", "outputCut", "summary", "content"].filter((field) => {
    const value = item[field];
    return typeof value === "string" || Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined;
  });
  return Object.fromEntries(kept.map((field) => [field, item[field]]));
}

function onTurnStarted(session: Session, params: Params, atMs: number): Session {
  const turn = record(params["turn"]);
  return onTurn(session, text(turn["id"]), (before) =>
    before.status === "inProgress" ? { ...before, startedAtMs: before.startedAtMs ?? secondsToMs(turn["startedAt"]) ?? atMs } : before,
  );
}

function onTurnCompleted(session: Session, params: Params, atMs: number): Session {
  const turn = record(params["turn"]);
  const id = text(turn["id"]) || text(params["turnId"]);
  const ended = onTurn(session, id, (before) => {
    if (before.status !== "inProgress") return before; // A turn has one end; the first one counts.
    const status = turn["status"];
    return {
      ...before,
      status: isEnd(status) ? status : "completed",
      error: errorOf(turn["error"]),
      cause: causeOf(params, turn),
      startedAtMs: before.startedAtMs ?? secondsToMs(turn["startedAt"]),
      durationMs: number(turn["durationMs"]) ?? (before.startedAtMs === null ? null : Math.max(0, atMs - before.startedAtMs)),
      items: endItems(before.items),
      retry: null,
    };
  });
  // A review announces its turn under another id than it uses: nothing else may look as if it still worked.
  const turns = ended.turns.filter((other) => other.id === id || other.status !== "inProgress" || other.items.length > 0);
  return turns.length === ended.turns.length ? ended : { ...ended, turns };
}

function isEnd(status: unknown): status is Exclude<TurnStatus, "inProgress"> {
  return status === "completed" || status === "interrupted" || status === "failed";
}

function causeOf(params: Params, turn: Params): string | null {
  const host = record(turn["holdfast"] ?? params["holdfast"]);
  return text(host["cause"]) || text(params["cause"]) || text(turn["cause"]) || text(params["reason"]) || null;
}

export function errorOf(value: unknown): TurnError | null {
  const error = record(value);
  return typeof error["message"] === "string"
    ? { message: error["message"], additionalDetails: text(error["additionalDetails"]) || null, codexErrorInfo: error["codexErrorInfo"] }
    : null;
}

function onError(session: Session, params: Params, atMs: number): Session {
  const message = errorOf(params["error"])?.message ?? "Codex reported an error without words.";
  return onTurn(session, text(params["turnId"]), (turn) => {
    if (turn.status !== "inProgress") return turn;
    return params["willRetry"] === true ? { ...turn, retry: { message, atMs } } : { ...turn, retry: null, error: { message } };
  });
}

/** A warning becomes a row in the turn that it fell into, so that it stays where it was said. */
function onNotice(session: Session, words: string, seq: number): Session {
  const turn = session.turns.at(-1);
  if (!turn || words === "") return session;
  const itemId = `notice-${seq}`;
  return onTurn(session, turn.id, (before) =>
    withItem(before, itemId, () => ({
      key: `${before.id}/${itemId}`, turnId: before.id, itemId, seq, state: "completed",
      item: { type: "notice", id: itemId, text: words },
    })),
  );
}

function onResolved(session: Session, params: Params, bridgeUp: boolean, atMs: number): Session {
  const is = (one: { id: unknown }) => one.id === params["requestId"];
  const mine = session.answered.find(is);
  const request = mine ?? session.pending.find(is);
  if (!request) return session;
  const decision = text(params["decision"]);
  const by = text(params["by"]);
  const about = text(request.params["itemId"]);
  const next: Session = {
    ...session,
    pending: session.pending.filter((one) => !is(one)),
    answered: session.answered.filter((one) => !is(one)),
    decisions: decision && about ? { ...session.decisions, [`${text(request.params["turnId"])}/${about}`]: { decision, by } } : session.decisions,
  };
  if (mine) return next;
  if (decision) return withNotice(next, `${decidedWords({ decision, by })} in another tab.`, atMs);
  const running = session.turns.some((turn) => turn.status === "inProgress");
  return withNotice(next, !bridgeUp ? "The question was withdrawn: Codex stopped." : running ? "Decided in another tab." : "The question was withdrawn: its turn has ended.", atMs);
}

const DECIDED: Record<string, string> = {
  accept: "Accepted", acceptForSession: "Accepted for the session", decline: "Declined", cancel: "Turn cancelled", answered: "Answered", refused: "Refused",
};

/** "Accepted by main": who decided what. */
export function decidedWords({ decision, by }: Decided): string {
  return `${DECIDED[decision] ?? `Decided (${decision})`}${by ? ` by ${by}` : ""}`;
}

export function withNotice(session: Session, words: string, atMs: number): Session {
  const last = session.notices.at(-1);
  const notice = { id: (last?.id ?? 0) + 1, text: words, atMs };
  return { ...session, notices: [...session.notices, notice].slice(-NOTICES_MAX) };
}

function planOf(params: Params): Turn["plan"] {
  return list(params["plan"]).map(record).map((step) => ({ step: text(step["step"]), status: text(step["status"]) }));
}

function usageOf(params: Params): Session["usage"] {
  const usage = record(params["tokenUsage"]);
  return {
    total: number(record(usage["last"])["totalTokens"]) ?? number(record(usage["total"])["totalTokens"]) ?? 0,
    window: number(usage["modelContextWindow"]) ?? null,
  };
}

function secondsToMs(value: unknown): number | null {
  const seconds = number(value);
  return seconds === undefined ? null : seconds * 1000;
}
