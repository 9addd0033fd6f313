// The words of the truth line and the order of the list. Not their drawing.

import { expect, test } from "vitest";
import type { Link } from "../wire/socket";
import { attach, event, play, session, summary, T } from "./fixture";
import { reduce } from "./reduce";
import { EMPTY, type State } from "./state";
import { groups } from "./summaries";
import { linkToCodex, linkToHost, linkToModel, turnWords } from "./truth";

const up: Link = { state: "up", sinceMs: 0, heardAtMs: 1000, retryAtMs: 0, reason: "" };
const broken: Link = { ...up, state: "waiting", sinceMs: 1000, retryAtMs: 9000, reason: "the connection broke" };
const begun = (seq: number) => event(seq, "turn/started", { turn: { id: "t1" } });

const model = (state: State, nowMs: number, link = up) => linkToModel(link, state, state.summaries[T], session(state), nowMs).short;

test("a broken tab–host link is named with its age and the next try", () => {
  expect(linkToHost(broken, EMPTY, 6000)).toEqual({
    tone: "bad", short: "broken 5 s", why: "tab–host: the connection broke; next try in 3 s. If the host still runs, Codex goes on without this tab.",
  });
});

test("a journal that cannot write is named until it can, or until the host is gone", () => {
  const told = (state: string, reason = "") => ({ kind: "message", message: { method: "host/journal/state", params: { state, reason } }, atMs: 0 }) as const;
  const stalled = reduce(EMPTY, told("stalled", "the disk that holds the journal is full; free some space"));
  expect(linkToHost(up, stalled, 1000)).toEqual({
    tone: "bad", short: "cannot write", why: "host: the disk that holds the journal is full; free some space. Nothing is lost: Codex and new prompts wait until there is room.",
  });
  expect([reduce(stalled, told("writing")), reduce(stalled, { kind: "cut" })].map((state) => linkToHost(up, state, 1000).tone)).toEqual(["ok", "ok"]);
});

test("nothing is claimed about the links behind a broken one", () => {
  const state = play(attach(), begun(1));
  expect([linkToCodex(broken, state, state.summaries[T], 0).short, model(state, 0, broken)]).toEqual(["not known", "not known"]);
});

test("a restart counts down and can be hurried", () => {
  const state = play(attach(), event(1, "host/bridge/state", { state: "backoff", generation: 1, attempt: 2, retryInMs: 3000, reason: "codex ended: killed by signal 9" }, 1000));
  expect(linkToCodex(up, state, state.summaries[T], 2000)).toEqual({
    tone: "bad", short: "restarting in 2 s", restartable: "Retry now", why: "host–Codex: codex ended: killed by signal 9; the host starts it again in 2 s, try 2.",
  });
});

test("a silent turn says what it waits for", () => {
  const words = (waitsFor: "model" | "command") => {
    const state = play(attach({ summary: summary({ state: "stalled", turn: { id: "t1", startedAtMs: 0, waitsFor } }) }), event(1, "turn/started", { turn: { id: "t1" } }, 0));
    const stalled = { ...state.summaries[T]!, state: "stalled" as const, turn: { id: "t1", startedAtMs: 0, waitsFor } };
    return linkToModel(up, state, stalled, session(state), 60_000);
  };
  expect([words("model"), words("command")].map(({ tone, short }) => [tone, short])).toEqual([["bad", "silent 1 min"], ["wait", "command silent 1 min"]]);
});

test("the model's silence has an age, and a retry has a name", () => {
  const talking = play(attach(), event(1, "turn/started", { turn: { id: "t1" } }, 1000));
  expect(model(talking, 5000)).toBe("ok · 4 s");
  const retrying = reduce(talking, event(2, "error", { turnId: "t1", willRetry: true, error: { message: "Reconnecting... 1/5" } }, 6000));
  expect(linkToModel(up, retrying, retrying.summaries[T], session(retrying), 8000)).toEqual({
    tone: "bad", short: "retrying · 2 s", why: "Codex–model: Codex is retrying the model (Reconnecting... 1/5).",
  });
});

test("a page that comes in the middle of a retry says so, until something comes", () => {
  const running = summary({ state: "working", turn: { id: "t1", startedAtMs: 0, retrying: "Reconnecting... 2/5" } });
  const state = play(attach({ summary: running, head: 4 }));
  expect(model(state, 3000)).toBe("retrying · 3 s");
  expect(model(reduce(state, event(5, "item/started", { turnId: "t1", item: { type: "agentMessage", id: "m" } }, 4000)), 6000)).toBe("ok · 2 s");
});

test("a question is not the model's silence", () => {
  const state = reduce(play(attach(), begun(1)), { kind: "message", message: { id: "r", method: "m", params: { threadId: T } }, atMs: 2 });
  expect(model(state, 90_000)).toBe("waits for you");
});

test("the list groups by folder, whoever needs a person first, then the newest", () => {
  const rows = [
    summary({ threadId: "a", cwd: "/one", updatedAtMs: 30 }),
    summary({ threadId: "b", cwd: "/two", updatedAtMs: 10, state: "needsYou" }),
    summary({ threadId: "c", cwd: "/two", updatedAtMs: 20, title: null, preview: "mend the kelp" }),
    summary({ threadId: "d", cwd: "/two", updatedAtMs: 40, archived: true }),
  ];
  const state = play({ kind: "listed", summaries: rows, complete: true, atMs: 0 });
  const names = (search: string) => groups(state, search).map((group) => [group.cwd, ...group.rows.map((row) => row.threadId)]);
  expect(names("")).toEqual([["/two", "b", "c"], ["/one", "a"]]);
  expect(names("kelp mend")).toEqual([["/two", "c"]]);
});

test("an interrupted turn says why", () => {
  const state = play(attach(), begun(1), event(2, "turn/completed", { turn: { id: "t1", status: "interrupted", error: { message: "the host stopped" }, durationMs: 1500 } }));
  expect(turnWords(session(state).turns[0]!)).toBe("interrupted after 1.5 s: the host stopped");
});
