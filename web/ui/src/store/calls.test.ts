// Which changes of a session call a person. Not the notifications themselves.

import { expect, test } from "vitest";
import type { SessionState } from "../wire/types";
import { callsSince } from "./calls";
import { play, summary, T } from "./fixture";

const at = (state: SessionState) => play({ kind: "listed", summaries: [summary({ state })], complete: true, atMs: 0 });

function calls(...states: SessionState[]): string[] {
  let seen: ReturnType<typeof callsSince>["seen"] = new Map();
  const made: string[] = [];
  for (const state of states) {
    const next = callsSince(seen, at(state));
    seen = next.seen;
    made.push(...next.calls.map((call) => `${call.threadId} ${call.kind}`));
  }
  return made;
}

test.each<[SessionState[], string[]]>([
  [["needsYou"], []],
  [["working", "needsYou", "needsYou", "working", "idle"], [`${T} needsYou`, `${T} done`]],
  [["idle", "working", "idle"], [`${T} done`]],
  [["working", "queued", "working"], []],
  [["working", "backoff", "idle"], []],
  [["starting", "idle", "parked"], []],
  [["working", "failed"], [`${T} failed`]],
])("%j calls %j", (states, made) => {
  expect(calls(...states)).toEqual(made);
});
