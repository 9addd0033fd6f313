// The keyboard shortcuts of the whole page. Not those inside a field or a menu. Letters with Alt are read by their place on
// the keyboard, because some systems write signs with Alt.

import { groups } from "../store/summaries";
import { go, interrupt } from "./actions";
import { helping, openSession, openThread, signInReason, state, view } from "./model";

/** What the help shows; the first word of each is what one presses. */
export const SHORTCUTS: readonly (readonly [string, string])[] = [
  ["Ctrl K", "search sessions and history"],
  ["Alt N", "new session"],
  ["Alt ↑ / Alt ↓", "session above or below"],
  ["Alt U", "next session that needs you"],
  ["Alt C", "to the prompt"],
  ["Enter", "send, or queue while Codex works"],
  ["Shift Enter", "new line"],
  ["Alt X", "stop the running turn"],
  ["Alt A", "accept what Codex asks"],
  ["Alt S", "accept it for the session"],
  ["Alt D", "decline it"],
  ["Alt H", "host"],
  ["Esc", "back to the list"],
  ["?", "this help"],
];

export function followKeys(): void {
  addEventListener("keydown", (event) => {
    if (signInReason.value !== null || event.defaultPrevented || event.isComposing) return;
    const command = (event.metaKey || event.ctrlKey) && !event.altKey;
    if (command && event.key.toLowerCase() === "k") return take(event, () => focusOn("search"));
    if (document.querySelector("dialog[open]")) return;
    if (event.altKey && !event.ctrlKey && !event.metaKey) {
      const act = ALT[event.code];
      return act ? take(event, act) : undefined;
    }
    if (command || writing(event.target)) {
      if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
      return;
    }
    if (event.key === "?") return take(event, () => { helping.value = true; });
    if (event.key === "Escape" && view.value.at !== "list") return take(event, () => go({ at: "list" }));
  });
}

function take(event: KeyboardEvent, act: () => void): void {
  event.preventDefault();
  act();
}

const ALT: Record<string, () => void> = {
  KeyN: () => go({ at: "new" }),
  KeyH: () => go({ at: "host" }),
  KeyC: () => focusOn("composer"),
  KeyU: () => toNeeding(),
  ArrowUp: () => step(-1),
  ArrowDown: () => step(1),
  KeyX: () => {
    const turn = openSession.value?.turns.findLast((one) => one.status === "inProgress");
    if (turn && openThread.value !== null) interrupt(openThread.value, turn.id);
  },
};

function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
}

function focusOn(id: string): void {
  document.querySelector<HTMLElement>(`[data-testid=${id}]`)?.focus();
}

function order(): string[] {
  return groups(state.value, "").flatMap((group) => group.rows.map((row) => row.threadId));
}

function step(by: number): void {
  const all = order();
  if (all.length === 0) return;
  const at = openThread.value === null ? (by > 0 ? -1 : 0) : all.indexOf(openThread.value);
  const threadId = all[(at + by + all.length) % all.length];
  if (threadId !== undefined) go({ at: "session", threadId });
}

function toNeeding(): void {
  const waiting = Object.values(state.value.summaries).filter((one) => (state.value.sessions[one.threadId]?.pending.length ?? one.pending) > 0).map((one) => one.threadId).sort();
  const next = waiting[(waiting.indexOf(openThread.value ?? "") + 1) % waiting.length];
  if (next !== undefined) go({ at: "session", threadId: next });
}
