// Pieces, diffs and times read as a person would. Not the terminal output: ansi.test.ts.

import { expect, test } from "vitest";
import { age, bytes, span } from "./ages";
import { diffLines } from "./diff";
import { pieces } from "./pieces";

test("markers and characters that lie become pieces of their own", () => {
  expect(pieces("a [REDACTED:aws-key#a1b2c3] b\u202ec\u0007\n")).toEqual([
    { kind: "plain", text: "a " },
    { kind: "marker", text: "[REDACTED:aws-key#a1b2c3]", rule: "aws-key", print: "a1b2c3" },
    { kind: "plain", text: " b" },
    { kind: "control", text: "\u202e", label: "RLO" },
    { kind: "plain", text: "c" },
    { kind: "control", text: "\u0007", label: "^G" },
    { kind: "plain", text: "\n" },
  ]);
});

test("a unified diff keeps both line numbers", () => {
  expect(diffLines("@@ -3,2 +3,2 @@ fn main()\n same\n-old\n+new\n", "update")).toEqual([
    { kind: "hunk", old: null, new: null, text: "fn main()" },
    { kind: "same", old: 3, new: 3, text: "same" },
    { kind: "del", old: 4, new: null, text: "old" },
    { kind: "add", old: null, new: 4, text: "new" },
  ]);
});

test("an added file comes as its bare text", () => {
  expect(diffLines("hello\n", "add")).toEqual([{ kind: "add", old: null, new: 1, text: "hello" }]);
});

test("a removed line that looks like a header stays a removed line", () => {
  expect(diffLines("@@ -1,1 +0,0 @@\n--- comment\n", "update").at(-1)).toEqual({ kind: "del", old: 1, new: null, text: "-- comment" });
});

test.each([[400, "now"], [12_400, "12 s"], [240_000, "4 min"], [7_300_000, "2 h"], [200_000_000, "2 d"], [-5, "now"]])("%d ms is %s old", (ms, words) => {
  expect(age(0, ms)).toBe(words);
});

test.each([[410, "410 ms"], [1400, "1.4 s"], [12_000, "12 s"], [185_000, "3 min 5 s"], [7_300_000, "2 h 1 min"]])("%d ms took %s", (ms, words) => {
  expect(span(ms)).toBe(words);
});

test("bytes are short", () => {
  expect([500, 2048, 150 * 1024 * 1024].map(bytes)).toEqual(["500 B", "2.0 KiB", "150 MiB"]);
});
