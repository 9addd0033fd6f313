// What a person opened or folded, kept while its row is off the screen and gone from the page. Not kept over a reload.

import { useState } from "preact/hooks";

/** Folds remembered; the oldest are forgotten first, and start again as they began. */
const KEPT_MAX = 2_000;

const kept = new Map<string, unknown>();

/** As `useState`, but the value is there again when the view comes back under the same key. */
export function useKept<T>(key: string, first: T): [T, (next: T) => void] {
  const [value, setValue] = useState<T>(() => (kept.has(key) ? (kept.get(key) as T) : first));
  const set = (next: T) => {
    kept.delete(key);
    kept.set(key, next);
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
    setValue(next);
  };
  return [value, set];
}
