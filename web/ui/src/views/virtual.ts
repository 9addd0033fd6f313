// Ties @tanstack/virtual-core to Preact: rows stand in normal flow between two spacers, so that a growing row moves what is
// below it without a line of script. Not the rows.

import { defaultRangeExtractor, elementScroll, observeElementOffset, observeElementRect, Virtualizer, type Range } from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

export type RowVirtualizer = Virtualizer<HTMLElement, HTMLElement>;

interface Options {
  scroller: RefObject<HTMLElement | null>;
  count: number;
  /** Stable while the rows are the same ones in the same places. */
  keyOf: (index: number) => string;
  guess: (index: number) => number;
  /** What stands above the rows in the scroller, in pixels. */
  margin: number;
  /** True while the end is followed: what is added there is drawn at once, before the scroller has moved. */
  follows: RefObject<boolean>;
}

/** Rows beyond the edges of the screen, so that a quick flick meets no gap. */
const OVERSCAN = 6;

/** So many new rows are drawn on top of those in sight; with more, only the last ones are. */
const ADDED_MAX = 40;

export function useVirtualizer({ scroller, count, keyOf, guess, margin, follows }: Options): RowVirtualizer {
  const [, draw] = useReducer<number, void>((turn) => turn + 1, 0);
  const [extract] = useState(() => (range: Range) => {
    const rows = defaultRangeExtractor(range);
    const end = range.count - 1;
    const last = rows.at(-1) ?? end;
    if (!follows.current || last === end) return rows;
    const from = end - last <= ADDED_MAX ? (rows[0] ?? 0) : Math.max(0, end - ADDED_MAX);
    return Array.from({ length: end - from + 1 }, (_, at) => from + at);
  });
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: guess,
    getItemKey: keyOf,
    scrollMargin: margin,
    overscan: OVERSCAN,
    rangeExtractor: extract,
    // Whatever is loaded above, what is read stays where it is.
    anchorTo: "end" as const,
    // A session opens at its end: the first drawing already has the last rows.
    initialRect: { width: innerWidth, height: innerHeight },
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => draw(),
  };
  const [virtualizer] = useState<RowVirtualizer>(() => new Virtualizer<HTMLElement, HTMLElement>({ ...options, initialOffset: total(count, guess) }));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  return virtualizer;
}

function total(count: number, guess: (index: number) => number): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) sum += guess(at);
  return sum;
}
