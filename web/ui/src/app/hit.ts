// A place that the search has found and that the open session should show. Not the search itself.

import { signal } from "@preact/signals";

export interface Place {
  threadId: string;
  turnId: string;
  itemId: string;
  seq: number;
  /** The words that were looked for. */
  query: string;
}

export const hit = signal<Place | null>(null);
