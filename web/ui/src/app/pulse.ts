// What the host says of itself, asked for while its page is looked at, and how many events a second it took. Not its looks.

import { signal } from "@preact/signals";
import { number, type Params } from "../wire/types";
import { hostStatus } from "./actions";

export interface Sample {
  /** In this tab's clock. */
  atMs: number;
  /** Events a second since the sample before. */
  rate: number;
}

const PAUSE_MS = 1_000;
/** Two minutes of samples. */
const SAMPLES_MAX = 120;
/** A longer silence (the page was elsewhere) is a gap, not a slow second. */
const GAP_MS = 5_000;

export const status = signal<Params | null>(null);
export const samples = signal<readonly Sample[]>([]);
export const failure = signal("");

let last: { atMs: number; total: number } | null = null;

/** Asks until the returned function is called. */
export function watchHost(): () => void {
  let gone = false;
  let asking = false;
  const ask = () => {
    if (document.visibilityState !== "visible" || asking) return;
    asking = true;
    hostStatus().then(
      (next) => { if (!gone) take(next); },
      (error: Error) => { if (!gone) failure.value = error.message; },
    ).finally(() => { asking = false; });
  };
  ask();
  const timer = setInterval(ask, PAUSE_MS);
  return () => { gone = true; clearInterval(timer); };
}

function take(next: Params): void {
  status.value = next;
  failure.value = "";
  const atMs = Date.now();
  const total = number(next["eventsTotal"]);
  if (total === undefined) return;
  const before = last;
  last = { atMs, total };
  if (!before || atMs <= before.atMs) return;
  if (atMs - before.atMs > GAP_MS) samples.value = [];
  else samples.value = [...samples.value, { atMs, rate: Math.max(0, total - before.total) * 1000 / (atMs - before.atMs) }].slice(-SAMPLES_MAX);
}
