// Ties @tanstack/virtual-core to Preact: rows stand in normal flow between two spacers, so that a growing row moves what is
// below it without a line of script. Not the rows.

import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
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
}

/** Rows beyond the edges of the screen, so that a quick flick meets no gap. */
const OVERSCAN = 6;

export function useVirtualizer({ scroller, count, keyOf, guess, margin }: Options): RowVirtualizer {
  const [, draw] = useReducer<number, void>((turn) => turn + 1, 0);
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: guess,
    getItemKey: keyOf,
    scrollMargin: margin,
    overscan: OVERSCAN,
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
