// The outbox survives what tabs go through. Not the sending itself.

import { expect, test } from "vitest";
import { changeOutbox, drop, inputOf, newPromptId, put, readOutbox, type Shelf, type Unsent } from "./outbox";

function shelf(value: string | null = null): Shelf & { value: string | null } {
  return {
    value,
    getItem() { return this.value; },
    setItem(_key, next) { this.value = next; },
  };
}

const entry = (promptId: string): Unsent => ({ threadId: "t", promptId, text: "hello", when: "now", atMs: 1 });

test("an entry stays until it is dropped, and the same prompt is kept once", () => {
  const kept = shelf();
  changeOutbox(kept, (all) => put(all, entry("a")));
  changeOutbox(kept, (all) => put(all, entry("b")));
  changeOutbox(kept, (all) => put(all, { ...entry("a"), refused: "no" }));
  expect(readOutbox(kept)).toEqual([entry("b"), { ...entry("a"), refused: "no" }]);
  changeOutbox(kept, (all) => drop(all, "b"));
  expect(readOutbox(kept).map((one) => one.promptId)).toEqual(["a"]);
});

test("a spoilt shelf reads as empty, and strange entries are left out", () => {
  expect(readOutbox(shelf("{not json"))).toEqual([]);
  expect(readOutbox(shelf(JSON.stringify([1, null, { promptId: "x" }, entry("ok")])))).toEqual([entry("ok")]);
});

test("a full store does not lose the prompt that is being sent", () => {
  const full: Shelf = { getItem: () => null, setItem: () => { throw new Error("quota"); } };
  expect(changeOutbox(full, (all) => put(all, entry("a")))).toEqual([entry("a")]);
});

test("a prompt that finds no room stays until it is sent, and does not push others out", () => {
  const small = shelf();
  const set = small.setItem.bind(small);
  small.setItem = (key, next) => { if (next.length > 200) throw new Error("quota"); set(key, next); };
  changeOutbox(small, (all) => put(all, entry("a")));
  const big = { ...entry("b"), images: ["data:image/png;base64," + "x".repeat(200)] };
  changeOutbox(small, (all) => put(all, big));
  expect(changeOutbox(small, (all) => all)).toEqual([entry("a"), big]);
  expect(changeOutbox(small, (all) => drop(all, "b"))).toEqual([entry("a")]);
  expect(readOutbox(small)).toEqual([entry("a")]);
});

test("what goes to Codex is the words, then the images", () => {
  expect(inputOf({ text: "look", images: ["data:x"] })).toEqual([{ type: "text", text: "look" }, { type: "image", url: "data:x" }]);
  expect(inputOf({ text: "", images: ["data:x"] })).toEqual([{ type: "image", url: "data:x" }]);
});

test("prompt ids differ", () => {
  expect(new Set(Array.from({ length: 100 }, newPromptId)).size).toBe(100);
});
