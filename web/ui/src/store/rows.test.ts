// The rows that turns make on the screen. Not their looks.

import { expect, test } from "vitest";
import { attach, entry, event, play, session } from "./fixture";
import { foldable, rowsOf } from "./rows";

const none = new Set<string>();

const done = () => play(
  attach({ head: 9, items: [
    entry(1, "t1", "u", { item: { type: "userMessage", id: "u", content: [] } }), entry(2, "t1", "empty", { item: { type: "agentMessage", id: "empty", text: "" } }),
    entry(3, "t1", "m"), entry(4, "t1", "c", { item: { type: "commandExecution", id: "c" } }),
    entry(5, "t2", "m2"),
  ] }),
);

test("items without anything to see make no row, and each turn has a foot", () => {
  expect(rowsOf(session(done()).turns, none).map((row) => row.key)).toEqual(["t1/u", "t1/m", "t1/c", "t1 foot", "t2/m2", "t2 foot"]);
});

test("of a folded turn what was asked and how it ended remain", () => {
  const { turns } = session(done());
  expect(rowsOf(turns, new Set(["t1"])).map((row) => row.key)).toEqual(["t1/u", "t1 foot", "t2/m2", "t2 foot"]);
  expect(turns.map(foldable)).toEqual([2, 1]);
});

test("a running turn is never folded, and its unchanged rows stay the same ones", () => {
  const running = play(attach(), event(1, "turn/started", { turn: { id: "t1" } }), event(2, "item/completed", { turnId: "t1", item: { type: "agentMessage", id: "a", text: "one" } }), event(3, "item/agentMessage/delta", { turnId: "t1", itemId: "b", delta: "two" }));
  const before = rowsOf(session(running).turns, new Set(["t1"]));
  expect(before.map((row) => row.key)).toEqual(["t1/a", "t1/b", "t1 foot"]);
  const after = rowsOf(session(play(attach(), event(1, "turn/started", { turn: { id: "t1" } }))).turns, none);
  expect(after.map((row) => row.key)).toEqual(["t1 foot"]);
});
