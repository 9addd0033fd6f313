// What a session is doing, in words, and how the list is put in order. Not the host's own judgement: that comes with each
// `Summary`; between two lists the events of attached sessions carry it on.

import { number, record, text, type BridgeState, type Message, type SessionState, type Summary } from "../wire/types";
import type { Session, State } from "./state";

/** The words of each state, as the page says them. */
export const STATE_WORDS: Record<SessionState, string> = {
  working: "working", needsYou: "needs you", stalled: "stalled", queued: "queued", idle: "idle", parked: "parked",
  starting: "starting", backoff: "restarting", failed: "failed", quarantined: "quarantined",
};

/** Characters of a last line, as the host cuts it. */
const LAST_LINE = 160;

/** The summary after one event of its session. */
export function summaryAfter(summary: Summary, message: Message, _atMs: number): Summary {
  const params = message.params ?? {};
  const head = Math.max(summary.head, message.seq ?? 0);
  switch (message.method) {
    case "turn/started": {
      const turn = record(params["turn"]);
      const startedAtMs = (number(turn["startedAt"]) ?? 0) * 1000 || summary.lastEventAtMs;
      return { ...summary, head, state: "working", turn: { id: text(turn["id"]), startedAtMs } };
    }
    case "turn/completed": {
      const { turn: _, ...rest } = summary;
      return { ...rest, head, state: alive(summary) ? (summary.queued > 0 ? "queued" : "idle") : summary.state };
    }
    case "item/completed": {
      const item = record(params["item"]);
      const line = item["type"] === "agentMessage" ? text(item["text"]).trimEnd().split("\n").at(-1)?.trim().slice(0, LAST_LINE) : "";
      return line ? { ...awake(summary), head, lastLine: line } : awake(summary);
    }
    case "thread/tokenUsage/updated": {
      const usage = record(params["tokenUsage"]);
      const tokens = number(record(usage["last"])["totalTokens"]);
      return tokens === undefined ? summary : { ...summary, head, usage: { tokens, ...optional("window", number(usage["modelContextWindow"])) } };
    }
    case "thread/name/updated":
      return { ...summary, head, title: text(params["threadName"]) || summary.title };
    case "host/bridge/state": {
      const state = text(params["state"]) as BridgeState;
      const bridge = {
        state,
        generation: number(params["generation"]) ?? number(message.generation) ?? summary.bridge.generation,
        ...(text(params["reason"]) ? { reason: text(params["reason"]) } : {}),
        ...optional("attempt", number(params["attempt"])),
        ...optional("retryInMs", number(params["retryInMs"])),
        ...optional("pid", number(params["pid"])),
      };
      return { ...summary, head, bridge, state: stateOf(state, summary) };
    }
    default:
      return message.method?.startsWith("item/") ? awake(summary) : summary;
  }
}

/** Something came: it is not stalled. */
function awake(summary: Summary): Summary {
  return summary.state === "stalled" ? { ...summary, state: "working" } : summary;
}

function optional<K extends string>(key: K, value: number | undefined): { [key in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { [key in K]?: number });
}

function alive(summary: Summary): boolean {
  return summary.bridge.state === "up";
}

function stateOf(bridge: BridgeState, summary: Summary): SessionState {
  switch (bridge) {
    case "up": return summary.turn ? "working" : "idle";
    case "starting": return "starting";
    case "down":
    case "backoff": return "backoff";
    default: return bridge;
  }
}

/** What the page shows: what is known from the feed (a question is open) goes before what the last list said. */
export function shownState(summary: Summary, session: Session | undefined): SessionState {
  if (session && session.feed === "live") {
    if (session.pending.length > 0) return "needsYou";
    if (summary.state === "needsYou") return summary.turn ? "working" : "idle";
  }
  return summary.state;
}

const RANK: Record<SessionState, number> = {
  needsYou: 0, failed: 1, quarantined: 1, stalled: 2, backoff: 2, working: 3, starting: 3, queued: 3, idle: 4, parked: 4,
};

export interface Group {
  cwd: string;
  rows: Summary[];
}

/** Sessions by folder. Whoever needs a person comes first, then the newest; a folder stands where its first row does. */
export function groups(state: State, search: string): Group[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = Object.values(state.summaries).filter((summary) => {
    if (summary.archived && words.length === 0) return false;
    const hay = `${summary.title} ${summary.preview} ${summary.cwd}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
  const rank = (row: Summary) => (shownState(row, state.sessions[row.threadId]) === "needsYou" ? 0 : 1);
  rows.sort((a, b) => rank(a) - rank(b) || b.updatedAtMs - a.updatedAtMs || a.threadId.localeCompare(b.threadId));
  const byCwd = new Map<string, Summary[]>();
  for (const row of rows) {
    const group = byCwd.get(row.cwd);
    if (group) group.push(row);
    else byCwd.set(row.cwd, [row]);
  }
  return [...byCwd].map(([cwd, inside]) => ({ cwd, rows: inside }));
}

/** What was put away, newest first. */
export function archived(state: State): Summary[] {
  return Object.values(state.summaries).filter((row) => row.archived).sort((a, b) => b.updatedAtMs - a.updatedAtMs);
}

/** How many sessions wait for a person. */
export function needing(state: State): number {
  return Object.values(state.summaries).filter((row) => shownState(row, state.sessions[row.threadId]) === "needsYou").length;
}

/** For a summary line of many sessions: the most pressing state first. */
export function pressing(a: SessionState, b: SessionState): number {
  return RANK[a] - RANK[b];
}

export function titleOf(summary: Summary | undefined): string {
  return summary?.title || summary?.preview || "New session";
}
