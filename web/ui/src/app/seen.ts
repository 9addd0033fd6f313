// How far each session was read, kept in localStorage for the unread mark. Not the feed's cursor.

import { computed, signal } from "@preact/signals";
import { openThread, state, summaries } from "./model";

const KEY = "holdfast.seen";
/** Sessions remembered; the oldest marks go first. */
const SEEN_MAX = 500;

/** A streaming session moves its mark many times a second; it is written down once in a while. */
const WRITE_PAUSE_MS = 1_000;

export const seen = signal<Readonly<Record<string, number>>>(read());

function read(): Record<string, number> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return value !== null && typeof value === "object" ? (value as Record<string, number>) : {};
  } catch {
    return {};
  }
}

/** The sessions that went on since they were last looked at, as one string of ids. */
export const unread = computed(() => {
  const heads = seen.value;
  const open = openThread.value;
  return Object.values(summaries.value)
    .filter((one) => one.threadId !== open && (heads[one.threadId] ?? 0) < Math.max(one.head, state.value.sessions[one.threadId]?.cursor ?? 0))
    .map((one) => one.threadId).join();
});

/** On a device that never marked anything, all that is there counts as read: nobody wants a hundred dots. */
export function beginSeen(heads: readonly { threadId: string; head: number }[]): void {
  if (Object.keys(seen.value).length > 0) return;
  for (const { threadId, head } of heads.slice(-SEEN_MAX)) markSeen(threadId, head);
}

export function markSeen(threadId: string, head: number): void {
  if ((seen.value[threadId] ?? -1) >= head) return;
  const { [threadId]: _, ...others } = seen.value;
  seen.value = Object.fromEntries([...Object.entries(others).slice(1 - SEEN_MAX), [threadId, head]]);
  timer ??= window.setTimeout(keep, WRITE_PAUSE_MS);
}

let timer: number | undefined;
addEventListener("pagehide", keep);

function keep(): void {
  timer = undefined;
  try {
    localStorage.setItem(KEY, JSON.stringify(seen.value));
  } catch {
    // Without a store everything is unread again after a reload; nothing worse.
  }
}
