// Prompts that the host has not yet confirmed, kept in localStorage so that neither a dead socket nor a closed tab loses
// them. The same `promptId` is sent again until the host answers; the host runs it once. Not the host's queue.

import type { Overrides, PromptInput, PromptWhen } from "../wire/types";

export interface Unsent {
  threadId: string;
  promptId: string;
  text: string;
  /** Images, as data: addresses. */
  images?: string[];
  when: PromptWhen;
  overrides?: Overrides;
  atMs: number;
  /** Why the host refused it. A refused prompt is not sent again by itself. */
  refused?: string;
}

/** Where the outbox is kept; localStorage in the page, a plain object in tests. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const KEY = "holdfast.outbox";
/** More unsent prompts than a person writes while offline; beyond it sending is refused with words. */
export const OUTBOX_MAX = 50;

export function readOutbox(shelf: Shelf): Unsent[] {
  try {
    const value: unknown = JSON.parse(shelf.getItem(KEY) ?? "[]");
    return Array.isArray(value) ? value.filter(isUnsent).slice(0, OUTBOX_MAX) : [];
  } catch {
    return [];
  }
}

/** Entries that found no room on the shelf; they live as long as the page. */
const unshelved = new WeakMap<Shelf, readonly Unsent[]>();

/** Several tabs share the shelf: read, change one entry, write. */
export function changeOutbox(shelf: Shelf, change: (entries: Unsent[]) => Unsent[]): Unsent[] {
  const shelved = readOutbox(shelf);
  const known = new Set(shelved.map((one) => one.promptId));
  const entries = change([...shelved, ...(unshelved.get(shelf) ?? []).filter((one) => !known.has(one.promptId))]);
  try {
    shelf.setItem(KEY, JSON.stringify(entries));
    unshelved.delete(shelf);
  } catch {
    // A full or forbidden store costs the safety net, not the prompt.
    unshelved.set(shelf, entries.filter((one) => !known.has(one.promptId)));
    dropShelved(shelf, shelved.filter((one) => entries.some((kept) => kept.promptId === one.promptId)));
  }
  return entries;
}

/** What was taken out must not come back after a reload, also where nothing new finds room. */
function dropShelved(shelf: Shelf, kept: readonly Unsent[]): void {
  try {
    shelf.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A store that takes nothing at all keeps nothing either.
  }
}

/** What is sent to Codex. */
export function inputOf(entry: Pick<Unsent, "text" | "images">): PromptInput[] {
  const words = entry.text === "" ? [] : [{ type: "text", text: entry.text }];
  return [...words, ...(entry.images ?? []).map((url) => ({ type: "image", url }))];
}

export function put(entries: Unsent[], entry: Unsent): Unsent[] {
  return [...entries.filter((one) => one.promptId !== entry.promptId), entry];
}

export function drop(entries: Unsent[], promptId: string): Unsent[] {
  return entries.filter((one) => one.promptId !== promptId);
}

function isUnsent(value: unknown): value is Unsent {
  const one = value as Partial<Unsent> | null;
  return typeof one?.threadId === "string" && typeof one.promptId === "string" && typeof one.text === "string" && typeof one.when === "string";
}

/** A fresh name for a prompt, also where the page is not a secure context. */
export function newPromptId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
