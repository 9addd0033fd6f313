// What the store makes of the wire: order, holes, resumes, one end a turn. Not the looks of anything.

import { expect, test } from "vitest";
import { attach, entry, event, play, session, shape, summary, T } from "./fixture";
import { OUTPUT_MAX } from "./items";
import { reduce } from "./reduce";
import { needing, shownState } from "./summaries";

const started = (seq: number, type: string, id: string, turnId = "t1") => event(seq, "item/started", { turnId, item: { type, id } });
const said = (seq: number, delta: string, id = "m1") => event(seq, "item/agentMessage/delta", { turnId: "t1", itemId: id, delta });
const begun = (seq: number, id = "t1") => event(seq, "turn/started", { turn: { id, status: "inProgress" } });
const merged = (seq: number, from: number) => event(seq, "host/session/merged", { from, to: seq });
const ended = (seq: number, status = "completed", more = {}) => event(seq, "turn/completed", { turn: { id: "t1", status, error: null, durationMs: 5 }, ...more });

test("deltas append to the item that they name", () => {
  const state = play(attach(), begun(1), started(2, "agentMessage", "m1"), said(3, "Hel"), said(4, "lo"));
  expect(shape(state)).toEqual(["t1 inProgress: agentMessage open Hello"]);
  expect(session(state).cursor).toBe(4);
});

test("a delta before its item/started makes the item, and the start does not take the text back", () => {
  const state = play(attach(), said(1, "early"), started(2, "agentMessage", "m1"), said(3, " late"));
  expect(shape(state)).toEqual(["t1 inProgress: agentMessage open early late"]);
});

test("a completed item replaces what had streamed", () => {
  const state = play(attach(), begun(1), said(2, "half"), event(3, "item/completed", { turnId: "t1", item: { type: "agentMessage", id: "m1", text: "whole" } }), said(4, "too late"));
  expect(shape(state)).toEqual(["t1 inProgress: agentMessage completed whole"]);
});

test("reasoning streams into its parts", () => {
  const delta = (seq: number, summaryIndex: number, words: string) => event(seq, "item/reasoning/summaryTextDelta", { turnId: "t1", itemId: "r1", summaryIndex, delta: words });
  const state = play(attach(), delta(1, 0, "one"), delta(2, 1, "tw"), delta(3, 1, "o"));
  expect(session(state).turns[0]?.items[0]?.item["summary"]).toEqual(["one", "two"]);
});

test("endless output is cut at the front and says how much is gone", () => {
  const line = `${"x".repeat(1023)}\n`;
  let state = play(attach());
  for (let seq = 1; seq <= 2049; seq += 1) {
    state = reduce(state, event(seq, "item/commandExecution/outputDelta", { turnId: "t1", itemId: "c1", delta: line }));
  }
  const item = session(state).turns[0]?.items[0]?.item;
  expect(item?.["aggregatedOutput"]).toHaveLength(OUTPUT_MAX / 2);
  expect(item?.["outputCut"]).toBe(2049 * 1024 - OUTPUT_MAX / 2);
});

test("events that were seen before change nothing", () => {
  const state = play(attach(), said(1, "a"), said(2, "b"));
  expect(reduce(state, said(2, "b"))).toBe(state);
  expect(reduce(state, said(1, "a"))).toBe(state);
});

test("a missing event stops the feed until it is attached again from the cursor", () => {
  const holed = play(attach(), said(1, "a"), said(3, "c"), said(4, "d"));
  expect([session(holed).feed, session(holed).cursor]).toEqual(["hole", 1]);
  const healed = [attach({ verdict: "resumed", head: 4 }), said(2, "b"), said(3, "c"), said(4, "d")].reduce(reduce, holed);
  expect([session(healed).feed, shape(healed)]).toEqual(["live", ["t1 inProgress: agentMessage open abcd"]]);
});

test("a hole that the host repeats after a repair is accepted", () => {
  const holed = play(attach(), said(1, "a"), said(3, "c"));
  const state = [attach({ verdict: "resumed", head: 3 }), said(3, "c")].reduce(reduce, holed);
  expect([session(state).feed, session(state).cursor]).toEqual(["live", 3]);
});

test("nothing is folded in while the socket is down", () => {
  const state = [{ kind: "cut" } as const, said(2, "b")].reduce(reduce, play(attach(), said(1, "a")));
  expect([session(state).feed, session(state).cursor]).toEqual(["away", 1]);
});

test("a resume keeps the text and takes the host's questions and queue", () => {
  const before = reduce(play(attach(), begun(1), said(2, "abc")), { kind: "cut" });
  const state = [
    attach({ verdict: "resumed", head: 3, pending: [{ id: "r1", method: "item/fileChange/requestApproval", params: { threadId: T } }] }),
    said(3, "def"),
  ].reduce(reduce, before);
  expect(shape(state)).toEqual(["t1 inProgress: agentMessage open abcdef"]);
  expect(session(state).pending.map((one) => one.id)).toEqual(["r1"]);
});

test("superseded deltas that a catch-up leaves out are no hole", () => {
  const whole = event(9, "item/completed", { turnId: "t1", item: { type: "agentMessage", id: "m1", text: "abcdef" } });
  const state = play(attach(), said(1, "a"), merged(8, 2), whole);
  expect([session(state).feed, session(state).cursor, shape(state)]).toEqual(["live", 9, ["t1 inProgress: agentMessage completed abcdef"]]);
  expect(session(play(attach(), said(1, "a"), merged(8, 4))).feed).toBe("hole");
});

test("a snapshot and a reset replace what the tab held", () => {
  const items = [entry(7, "t8", "m8", { turn: { status: "completed" } }), entry(9, "t9", "m9", { state: "open" })];
  const result = { verdict: "snapshot", journalId: "j2", head: 9, items, olderCursor: 7, pending: [], queue: [], summary: summary({ state: "working", turn: { id: "t9", startedAtMs: 1 } }) };
  const reset = event(0, "host/session/reset", result);
  if (reset.kind === "message") delete reset.message.seq;
  const state = [reset, event(10, "item/agentMessage/delta", { turnId: "t9", itemId: "m9", delta: "!" })].reduce(reduce, play(attach(), said(1, "a")));
  expect(shape(state)).toEqual(["t8 completed: agentMessage completed text of m8", "t9 inProgress: agentMessage open text of m9!"]);
  expect([session(state).journalId, session(state).olderCursor]).toEqual(["j2", 7]);
});

test("only the turn that the host calls running looks as if it ran", () => {
  const items = [entry(1, "t1", "a"), entry(2, "t2", "b", { state: "partial" })];
  expect(shape(play(attach({ head: 2, items })))).toEqual([
    "t1 completed: agentMessage completed text of a",
    "t2 interrupted: agentMessage partial text of b",
  ]);
});

test("older items go in front, also into a turn that was cut in two", () => {
  const state = reduce(play(attach({ head: 9, items: [entry(9, "t2", "d")] })), {
    kind: "older", threadId: T, olderCursor: null, entries: [entry(8, "t2", "c"), entry(7, "t1", "b"), entry(6, "t1", "a")],
  });
  expect(session(state).turns.map((turn) => [turn.id, turn.items.map((item) => item.itemId)])).toEqual([["t1", ["a", "b"]], ["t2", ["c", "d"]]]);
});

test("a turn has exactly one end, and what had not ended is partial", () => {
  const state = play(attach(), begun(1), said(2, "half"), ended(3, "interrupted", { holdfast: { cause: "Codex was killed" } }), ended(4, "completed"));
  expect(shape(state)).toEqual(["t1 interrupted: agentMessage partial half"]);
  expect(session(state).turns[0]?.cause).toBe("Codex was killed");
});

test("a background command may end after its turn", () => {
  const state = play(attach(), begun(1), started(2, "commandExecution", "c1"), ended(3),
    event(4, "item/completed", { turnId: "t1", item: { type: "commandExecution", id: "c1", aggregatedOutput: "done" } }));
  expect(shape(state)).toEqual(["t1 completed: commandExecution completed done"]);
});

test("a turn that was announced under another id leaves no ghost at work", () => {
  expect(shape(play(attach(), begun(1, "quirk"), said(2, "review"), ended(3)))).toEqual(["t1 completed: agentMessage partial review"]);
});

test("a retry of the model shows until the next item", () => {
  const failing = play(attach(), begun(1), event(2, "error", { turnId: "t1", willRetry: true, error: { message: "Reconnecting... 1/5" } }));
  expect(session(failing).turns[0]?.retry).toEqual({ message: "Reconnecting... 1/5", atMs: 2 });
  expect(session(reduce(failing, started(3, "agentMessage", "m2"))).turns[0]?.retry).toBeNull();
});

test("a question makes the session need a person until it is answered here", () => {
  const asked = { kind: "message", message: { id: "r1", method: "item/commandExecution/requestApproval", params: { threadId: T } }, atMs: 5 } as const;
  const state = [attach(), asked, asked].reduce(reduce, play());
  expect([session(state).pending.length, needing(state)]).toEqual([1, 1]);
  const after = reduce(state, { kind: "answered", threadId: T, id: "r1" });
  expect([session(after).pending, needing(after)]).toEqual([[], 0]);
  expect(session(reduce(after, event(1, "serverRequest/resolved", { requestId: "r1" }))).notices).toEqual([]);
});

test("a question that another tab decided goes away with a word", () => {
  const asked = { kind: "message", message: { id: "r1", method: "m", params: { threadId: T } }, atMs: 5 } as const;
  const state = play(attach(), begun(1), asked, event(2, "serverRequest/resolved", { requestId: "r1" }));
  expect([session(state).pending, session(state).notices]).toEqual([[], [{ id: 1, text: "Decided in another tab.", atMs: 2 }]]);
});

test("a question that died with Codex is said to be withdrawn", () => {
  const asked = { kind: "message", message: { id: "r1", method: "m", params: { threadId: T } }, atMs: 5 } as const;
  const state = play(attach(), begun(1), asked, event(2, "host/bridge/state", { state: "down", generation: 1 }), event(3, "serverRequest/resolved", { requestId: "r1" }));
  expect(session(state).notices.map((notice) => notice.text)).toEqual(["The question was withdrawn: Codex stopped."]);
});

test("what the host completed for a dead Codex is partial, and the turn keeps the cause", () => {
  const state = play(attach(), begun(1), said(2, "half"),
    event(3, "item/completed", { turnId: "t1", partial: true, item: { type: "agentMessage", id: "m1", text: "half" } }),
    event(4, "turn/completed", { turn: { id: "t1", status: "interrupted", error: { message: "codex ended: killed by signal 9" }, durationMs: 7 } }));
  expect(shape(state)).toEqual(["t1 interrupted: agentMessage partial half"]);
  expect(session(state).turns[0]).toMatchObject({ error: { message: "codex ended: killed by signal 9" }, durationMs: 7 });
});

test("Codex may start an approved command again without losing its output", () => {
  const again = event(3, "item/started", { turnId: "t1", item: { type: "commandExecution", id: "c1", processId: "7", aggregatedOutput: null } });
  const state = play(attach(), started(1, "commandExecution", "c1"), event(2, "item/commandExecution/outputDelta", { turnId: "t1", itemId: "c1", delta: "out" }), again);
  expect(session(state).turns[0]?.items.map((item) => item.item)).toEqual([{ type: "commandExecution", id: "c1", processId: "7", aggregatedOutput: "out" }]);
});

test("the bridge's fall and return show in the summary", () => {
  const down = play(attach(), begun(1), ended(2), event(3, "host/bridge/state", { state: "backoff", generation: 1, attempt: 2, retryInMs: 3000, reason: "killed by signal 9" }, 100));
  expect(down.summaries[T]?.bridge).toEqual({ state: "backoff", generation: 1, attempt: 2, retryInMs: 3000, reason: "killed by signal 9" });
  expect([shownState(down.summaries[T]!, session(down)), down.retryAtMs[T]]).toEqual(["backoff", 3100]);
  const up = reduce(down, event(4, "host/bridge/state", { state: "up", generation: 2 }));
  expect([up.summaries[T]?.state, up.summaries[T]?.bridge.generation]).toEqual(["idle", 2]);
});

test("a list that is older than the feed does not turn a session back", () => {
  const state = reduce(play(attach(), begun(1)), { kind: "listed", summaries: [summary({ head: 0, state: "idle" })], complete: true, atMs: 9 });
  expect(state.summaries[T]?.state).toBe("working");
});

test("the queue is what the host says", () => {
  const queue = [{ promptId: "p1", state: "queued", when: "queue", input: [], atMs: 1 }];
  expect(session(play(attach(), event(1, "host/prompt/changed", { queue }))).queue).toEqual(queue);
});

test("a very long session forgets its oldest turns and can load them again", () => {
  const items = Array.from({ length: 12_500 }, (_, at) => entry(at + 1, `t${Math.floor(at / 10)}`, `m${at}`));
  const state = reduce(play(attach({ head: 12_500, items })), { kind: "trimmed", threadId: T });
  expect([session(state).turns.length, session(state).turns[0]?.id, session(state).olderCursor]).toEqual([1000, "t250", 2501]);
});

test("unknown methods move the cursor and nothing else", () => {
  const before = play(attach(), said(1, "a"));
  const after = reduce(before, event(2, "thread/some/future", { anything: 1 }));
  expect([session(after).cursor, session(after).turns]).toEqual([2, session(before).turns]);
});
