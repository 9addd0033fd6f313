// How much of a session a tab keeps in its memory. What is forgotten can be loaded again from the host.

import type { Item, Session } from "./state";

/** Items that a session may hold, and what is left of more. */
export const ITEMS_MAX = 12_000;
export const ITEMS_KEPT = 10_000;
/** The same for the characters in them: a phone must bear a session full of long outputs. */
export const CHARS_MAX = 48_000_000;
const CHARS_KEPT = 24_000_000;

const sizes = new WeakMap<Item, number>();

function size(item: Item): number {
  if (item.state === "open") return charsIn(item.item);
  let known = sizes.get(item);
  if (known === undefined) sizes.set(item, (known = charsIn(item.item)));
  return known;
}

function charsIn(value: unknown): number {
  if (typeof value === "string") return value.length;
  if (value === null || typeof value !== "object") return 8;
  return Object.values(value).reduce<number>((sum, inner) => sum + charsIn(inner), 16);
}

function count(session: Session): { items: number; chars: number } {
  let items = 0;
  let chars = 0;
  for (const turn of session.turns) for (const item of turn.items) { items += 1; chars += size(item); }
  return { items, chars };
}

/** Whether a session has grown over what a tab keeps. */
export function weighs(session: Session): boolean {
  const { items, chars } = count(session);
  return items > ITEMS_MAX || chars > CHARS_MAX;
}

/** Forgets the oldest turns. Asked for while the person is at the end, so that nothing vanishes under the eye. */
export function trim(session: Session): Session {
  if (!weighs(session)) return session;
  let { items, chars } = count(session);
  let from = 0;
  while ((items > ITEMS_KEPT || chars > CHARS_KEPT) && from < session.turns.length - 1) {
    for (const item of session.turns[from]!.items) { items -= 1; chars -= size(item); }
    from += 1;
  }
  const turns = session.turns.slice(from);
  const first = turns[0]?.items[0];
  return first ? { ...session, turns, olderCursor: first.seq } : session;
}
