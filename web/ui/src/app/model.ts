// The page's signals: what is known, where the person is, what time it is. Not what can be done: actions.ts.

import { computed, signal } from "@preact/signals";
import type { Link } from "../wire/socket";
import type { HostTerms } from "../wire/types";
import { EMPTY, type Session, type State } from "../store/state";
import { needing, titleOf } from "../store/summaries";
import { readOutbox, type Unsent } from "../store/outbox";
import { pairingCode } from "../wire/pairing";
import { hasProof, signInState } from "../wire/signin";

export type View = { at: "list" } | { at: "session"; threadId: string } | { at: "new" } | { at: "host" };

export const state = signal<State>(EMPTY);
/** What the host allows and starts with. */
export const terms = signal<HostTerms>({});
export const link = signal<Link>({ state: "off", sinceMs: Date.now(), heardAtMs: 0, retryAtMs: 0, reason: "" });
export const view = signal<View>({ at: "list" });
/** What the sign-in view says; `null` while the page is signed in. */
export const signInReason = signal<string | null>(null);
/** The code of the link that this page was opened with, until somebody has decided about it; empty when it is not whole. */
export const pairing = signal<string | null>(pairingCode());
/** False when the host runs without authentication: the page must say so. */
export const authRequired = signal(true);
export const outbox = signal<Unsent[]>(readOutbox(localStorage));
/** The session whose name is being changed. */
export const renaming = signal<string | null>(null);
/** The turns that a person has folded. */
export const folded = signal<ReadonlySet<string>>(new Set());
export function fold(turnId: string, isFolded: boolean): void {
  const next = new Set(folded.value);
  if (isFolded) next.add(turnId);
  else next.delete(turnId);
  folded.value = next;
}
/** Whether the list of shortcuts is open. */
export const helping = signal(false);
/** Short words about something that just happened, read out to screen readers too. */
export const toast = signal<{ text: string; tone: "plain" | "bad"; id: number } | null>(null);
/** This tab's clock, moving once a second while somebody can see it. */
export const now = signal(Date.now());

export const openThread = computed(() => (view.value.at === "session" ? view.value.threadId : null));
export const openSession = computed<Session | undefined>(() => (openThread.value === null ? undefined : state.value.sessions[openThread.value]));
export const decisions = computed(() => openSession.value?.decisions);
/** The items that wait for a person's word. */
export const askedItems = computed(() => new Set(openSession.value?.pending.map((one) => one.params["itemId"])));
/** Why the open session could not be opened. */
export const openFailure = signal<{ threadId: string; text: string } | null>(null);
export const needsYou = computed(() => needing(state.value));
export const linkUp = computed(() => link.value.state === "up");
export const summaries = computed(() => state.value.summaries);
/** Which sessions have a question open, as one string: the list is drawn anew when it changes, not for every event. */
export const asking = computed(() => Object.values(state.value.sessions).map((one) => `${one.threadId}:${one.feed === "live" ? one.pending.length : "?"}`).join());
export const pageTitle = computed(() => (openThread.value === null ? "holdfast" : `${titleOf(summaries.value[openThread.value])} · holdfast`));

setInterval(() => {
  if (document.visibilityState === "visible") now.value = Date.now();
}, 1000);
document.addEventListener("visibilitychange", () => { now.value = Date.now(); });

let toasts = 0;
export function say(text: string, tone: "plain" | "bad" = "plain"): void {
  toasts += 1;
  const id = toasts;
  toast.value = { text, tone, id };
  setTimeout(() => { if (toast.value?.id === id) toast.value = null; }, tone === "bad" ? 8000 : 4000);
}

/** Whether the page may dial at once or must show the sign-in first. */
export async function mayDial(): Promise<boolean> {
  const host = await signInState();
  authRequired.value = host?.required !== false;
  return host?.required === false || (hasProof() && host?.valid !== false);
}
