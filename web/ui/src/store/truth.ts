// Says how each of the three links stands, in words. Not their drawing, and not a guess: only what the socket and the
// events have shown.

import { age, secondsUntil, span } from "../text/ages";
import type { Link } from "../wire/socket";
import type { Summary } from "../wire/types";
import { list, text } from "../wire/types";
import type { Session, State } from "./state";
import { shownState } from "./summaries";

export interface LinkWords {
  /** `ok` holds, `none` is at rest, `wait` is on its way, `bad` is broken. */
  tone: "ok" | "none" | "wait" | "bad";
  short: string;
  /** The whole story; empty when all is well. */
  why: string;
  /** The words of the button that starts Codex again, where that helps. */
  restartable?: string;
}

/** Behind a broken link nothing is known. */
const UNKNOWN: LinkWords = { tone: "none", short: "not known", why: "" };

export function linkToHost(link: Link, state: State, nowMs: number): LinkWords {
  const since = age(link.sinceMs, nowMs);
  switch (link.state) {
    case "up":
      if (state.draining) return { tone: "wait", short: "stopping", why: "The host is stopping. Sessions go on when it is back." };
      if (state.journalStalled !== null) {
        return { tone: "bad", short: "cannot write", why: `host: ${state.journalStalled}. Nothing is lost: Codex and new prompts wait until there is room.` };
      }
      return { tone: "ok", short: `ok · ${age(link.heardAtMs, nowMs)}`, why: "" };
    case "dialing":
    case "waiting": {
      if (link.state === "dialing" && link.reason === "") return { tone: "wait", short: "opening", why: "" };
      const next = link.state === "dialing" ? "dialing now" : `next try in ${secondsUntil(link.retryAtMs, nowMs)} s`;
      return { tone: "bad", short: `broken ${since}`, why: `tab–host: ${link.reason || "not connected yet"}; ${next}. If the host still runs, Codex goes on without this tab.` };
    }
    case "proving":
    case "initializing":
      return { tone: "wait", short: "opening", why: "" };
    case "off":
      return { tone: "none", short: "signed out", why: "" };
  }
}

export function linkToCodex(link: Link, state: State, summary: Summary | undefined, nowMs: number): LinkWords {
  if (link.state !== "up") return UNKNOWN;
  if (!summary) return allBridges(state);
  const { bridge } = summary;
  const reason = bridge.reason || "Codex stopped";
  const generation = `generation ${bridge.generation}`;
  switch (bridge.state) {
    case "up": return { tone: "ok", short: `up · ${generation}`, why: "" };
    case "starting": return { tone: "wait", short: `starting · ${generation}`, why: "host–Codex: Codex is starting." };
    case "parked": return { tone: "none", short: "parked", why: "" };
    case "down":
    case "backoff": {
      const retryAtMs = state.retryAtMs[summary.threadId] ?? 0;
      const attempt = bridge.attempt ? `, try ${bridge.attempt}` : "";
      const when = bridge.state === "backoff" && retryAtMs > nowMs ? ` in ${secondsUntil(retryAtMs, nowMs)} s` : " now";
      return {
        tone: "bad", short: `restarting${when}`, restartable: "Retry now",
        why: `host–Codex: ${reason}; the host starts it again${when}${attempt}.`,
      };
    }
    case "failed":
      return { tone: "bad", short: "failed", restartable: "Start Codex again", why: `host–Codex: ${reason}. The host has given up; its history stays readable.` };
    case "quarantined":
      return { tone: "bad", short: "quarantined", restartable: "Try once more", why: `host–Codex: this session stops Codex whenever it is opened (${reason}). Its history stays readable.` };
  }
}

function allBridges(state: State): LinkWords {
  const all = Object.values(state.summaries);
  const up = all.filter((one) => one.bridge.state === "up" || one.bridge.state === "starting").length;
  const bad = all.filter((one) => one.bridge.state === "failed" || one.bridge.state === "quarantined" || one.bridge.state === "backoff" || one.bridge.state === "down").length;
  return { tone: bad > 0 ? "bad" : up > 0 ? "ok" : "none", short: bad > 0 ? `${bad} down · ${up} up` : up > 0 ? `${up} up` : "none runs", why: "" };
}

export function linkToModel(link: Link, state: State, summary: Summary | undefined, session: Session | undefined, nowMs: number): LinkWords {
  if (link.state !== "up") return UNKNOWN;
  if (!summary) {
    const working = Object.values(state.summaries).filter((one) => shownState(one, state.sessions[one.threadId]) === "working").length;
    return { tone: working > 0 ? "ok" : "none", short: working > 0 ? `${working} working` : "at rest", why: "" };
  }
  const turn = session?.turns.findLast((one) => one.status === "inProgress");
  if (!turn || summary.bridge.state !== "up") return { tone: "none", short: summary.turn ? "waiting" : "at rest", why: "" };
  if (shownState(summary, session) === "needsYou") return { tone: "none", short: "waits for you", why: "" };
  const since = age(session?.modelAtMs ?? nowMs, nowMs);
  if (turn.retry) {
    return { tone: "bad", short: `retrying · ${age(turn.retry.atMs, nowMs)}`, why: `Codex–model: Codex is retrying the model (${turn.retry.message}).` };
  }
  if (summary.state === "stalled") return silent(summary.turn?.waitsFor ?? "model", since);
  const command = turn.items.findLast((item) => item.state === "open" && item.item.type === "commandExecution");
  if (command) return { tone: "ok", short: `command · ${since}`, why: "" };
  return { tone: "ok", short: `ok · ${since}`, why: "" };
}

/** A turn that says nothing, and what it waits for. */
function silent(waitsFor: string, since: string): LinkWords {
  switch (waitsFor) {
    case "command": return { tone: "wait", short: `command silent ${since}`, why: `The command has said nothing for ${since}. Stop the turn, or wait.` };
    case "tool": return { tone: "wait", short: `tool silent ${since}`, why: `The tool has said nothing for ${since}. Stop the turn, or wait.` };
    case "person": return { tone: "none", short: "waits for you", why: "" };
    default: return { tone: "bad", short: `silent ${since}`, why: `Codex–model: nothing has come for ${since}. Stop the turn, or wait.` };
  }
}

/** "interrupted: Codex was killed", "completed in 12 s": how a turn stands, in a few words. */
export function turnWords(turn: Session["turns"][number]): string {
  const took = turn.durationMs === null ? "" : span(turn.durationMs);
  switch (turn.status) {
    case "inProgress": return "working";
    case "completed": return took ? `completed in ${took}` : "completed";
    case "interrupted": {
      const cause = turn.cause ?? turn.error?.message;
      return `interrupted${took ? ` after ${took}` : ""}${cause ? `: ${cause}` : ""}`;
    }
    case "failed": return `failed${took ? ` after ${took}` : ""}`;
  }
}

/** The command as a person would type it: without the shell that Codex wraps around it. */
export function shownCommand(item: Record<string, unknown>): string {
  const actions = list(item["commandActions"]);
  const inner = actions.length === 1 ? text((actions[0] as Record<string, unknown>)["command"]) : "";
  return inner || text(item["command"]);
}
