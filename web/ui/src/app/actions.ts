// What a person can do: open, send, stop, decide, restart, sign in and out. Each says in words when it did not work.

import { signal } from "@preact/signals";
import type { ItemEntry, Params, Prompt, PromptWhen } from "../wire/types";
import { inputText } from "../wire/types";
import { changeOutbox, drop, newPromptId, OUTBOX_MAX } from "../store/outbox";
import { signOut as forgetSignIn } from "../wire/signin";
import { apply, attach, deliver, refreshList, socket } from "./connection";
import { outbox, say, signInReason, state, view, type View } from "./model";

/** Sessions whose feeds stay attached after the person went on to another one. */
const ATTACHED_MAX = 6;
/** Below the host's frame limit of 1 MiB, with room for escaping. */
const PROMPT_MAX_BYTES = 900_000;
const OLDER_PAGE = 100;
const START_TIMEOUT_MS = 60_000;

const recent: string[] = [];

/** Goes somewhere and remembers it in the browser's history, so that "back" works; never in the address. */
export function go(to: View, how: "push" | "replace" | "none" = "push"): void {
  view.value = to;
  if (how === "push") history.pushState({ view: to }, "");
  if (how === "replace") history.replaceState({ view: to }, "");
  if (to.at !== "session") return;
  const { threadId } = to;
  if (!state.value.sessions[threadId]) attach(threadId);
  recent.splice(0, recent.length, threadId, ...recent.filter((one) => one !== threadId));
  for (const old of recent.splice(ATTACHED_MAX)) {
    apply({ kind: "left", threadId: old });
    socket.request("host/session/detach", { threadId: old }).catch(() => undefined);
  }
}

export function followHistory(): void {
  const restore = (stored: unknown) => {
    const to = (stored as { view?: View } | null)?.view;
    go(to?.at === "session" && typeof to.threadId === "string" ? to : to?.at === "host" || to?.at === "new" ? { at: to.at } : { at: "list" }, "none");
  };
  restore(history.state);
  addEventListener("popstate", (event) => restore(event.state));
}

/** True when the prompt is on its way (or waits in the outbox for a connection). */
export function send(threadId: string, words: string, when: PromptWhen): boolean {
  if (new Blob([words]).size > PROMPT_MAX_BYTES) {
    say("This prompt is longer than the host takes (0.9 MB). Put the text into a file and name the file.", "bad");
    return false;
  }
  if (outbox.value.length >= OUTBOX_MAX) {
    say(`There are already ${OUTBOX_MAX} unsent prompts. Wait for the host or remove some.`, "bad");
    return false;
  }
  deliver({ threadId, promptId: newPromptId(), text: words, when, atMs: Date.now() });
  return true;
}

export function forgetUnsent(promptId: string): void {
  outbox.value = changeOutbox(localStorage, (all) => drop(all, promptId));
}

/** A refused or not-run prompt runs under a new name: the old one is decided for good. */
export function sendAgain(threadId: string, prompt: Prompt): void {
  if (send(threadId, inputText(prompt.input), "queue")) removePrompt(threadId, prompt.promptId);
}

export function removePrompt(threadId: string, promptId: string): void {
  ask("host/prompt/remove", { threadId, promptId }, "The prompt was not removed");
}

export function updatePrompt(threadId: string, promptId: string, words: string): void {
  ask("host/prompt/update", { threadId, promptId, input: [{ type: "text", text: words }] }, "The prompt was not changed");
}

export function interrupt(threadId: string, turnId: string): void {
  ask("turn/interrupt", { threadId, turnId }, "The turn was not stopped");
}

export function restartBridge(threadId: string): void {
  ask("host/bridge/restart", { threadId }, "Codex was not restarted");
}

function ask(method: string, params: Params, failure: string): void {
  socket.request(method, params).catch((error: Error) => say(`${failure}: ${error.message}.`, "bad"));
}

export function answer(threadId: string, id: string | number, result: unknown): void {
  if (socket.answer(id, { result })) apply({ kind: "answered", threadId, id });
  else say("The host is not connected; your decision was not sent. The question stays open.", "bad");
}

export const loadingOlder = signal(false);

export async function loadOlder(threadId: string): Promise<void> {
  const before = state.value.sessions[threadId]?.olderCursor;
  if (before === undefined || before === null || loadingOlder.value) return;
  loadingOlder.value = true;
  try {
    await socket.request<{ data: ItemEntry[]; olderCursor?: number | null }>("host/session/items", { threadId, before, limit: OLDER_PAGE }, (result) =>
      apply({ kind: "older", threadId, entries: result.data, olderCursor: result.olderCursor ?? null }));
  } catch (error) {
    say(`Older history did not come: ${(error as Error).message}.`, "bad");
  } finally {
    loadingOlder.value = false;
  }
}

/** `params` are Codex's: cwd, model, sandbox, approvalPolicy. The new session's id, or the words that say why there is none. */
export async function startSession(params: Params): Promise<{ threadId: string } | { failure: string }> {
  try {
    const result = await socket.request<{ thread: { id: string } }>("thread/start", params, undefined, START_TIMEOUT_MS);
    void refreshList();
    return { threadId: result.thread.id };
  } catch (error) {
    return { failure: (error as Error).message };
  }
}

export function hostStatus(): Promise<Params> {
  return socket.request<Params>("host/status", {});
}

/** One line of the list of sign-ins. */
export interface SignInEntry {
  id: string;
  device: string;
  role: string;
  createdAtMs: number;
  lastUsedAtMs: number;
  sockets: number;
  current: boolean;
}

export async function signIns(): Promise<SignInEntry[]> {
  return (await socket.request<{ data: SignInEntry[] }>("host/signIns/list", {})).data;
}

export async function endSignIn(id: string, device: string): Promise<void> {
  await endSignIns({ id }, () => `Signed out: ${device}.`);
}

export async function endOtherSignIns(): Promise<void> {
  await endSignIns({ others: true }, (count) => `Signed out everywhere else: ${count} ${count === 1 ? "device" : "devices"}.`);
}

async function endSignIns(params: Params, done: (count: number) => string): Promise<void> {
  try {
    const { revoked } = await socket.request<{ revoked: number }>("host/signIns/revoke", params);
    say(done(revoked));
  } catch (error) {
    say(`Nobody was signed out: ${(error as Error).message}.`, "bad");
  }
}

export interface Hit {
  threadId: string;
  turnId: string;
  itemId: string;
  snippet: string;
  title: string;
}

export async function searchHistory(query: string): Promise<Hit[]> {
  const result = await socket.request<{ data: Hit[] }>("host/search", { query, limit: 30 });
  return result.data;
}

export async function signOut(): Promise<void> {
  socket.stop();
  await forgetSignIn();
  apply({ kind: "forgotten" });
  go({ at: "list" }, "replace");
  signInReason.value = "You have signed out.";
}
