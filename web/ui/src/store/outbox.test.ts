// The outbox survives what tabs go through. Not the sending itself.

import { expect, test } from "vitest";
import { changeOutbox, drop, newPromptId, put, readOutbox, type Shelf, type Unsent } from "./outbox";

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

test("prompt ids differ", () => {
  expect(new Set(Array.from({ length: 100 }, newPromptId)).size).toBe(100);
});
