// How far each session was read, kept in localStorage for the unread mark. Not the feed's cursor.

import { signal } from "@preact/signals";

const KEY = "holdfast.seen";
/** Sessions remembered; the oldest marks go first. */
const SEEN_MAX = 500;

export const seen = signal<Readonly<Record<string, number>>>(read());

function read(): Record<string, number> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return value !== null && typeof value === "object" ? (value as Record<string, number>) : {};
  } catch {
    return {};
  }
}

/** On a device that never marked anything, all that is there counts as read: nobody wants a hundred dots. */
export function beginSeen(heads: readonly { threadId: string; head: number }[]): void {
  if (Object.keys(seen.value).length > 0) return;
  for (const { threadId, head } of heads.slice(-SEEN_MAX)) markSeen(threadId, head);
}

export function markSeen(threadId: string, head: number): void {
  if ((seen.value[threadId] ?? -1) >= head) return;
  const { [threadId]: _, ...others } = seen.value;
  seen.value = Object.fromEntries([...Object.entries(others).slice(1 - SEEN_MAX), [threadId, head]]);
  try {
    localStorage.setItem(KEY, JSON.stringify(seen.value));
  } catch {
    // Without a store everything is unread again after a reload; nothing worse.
  }
}
