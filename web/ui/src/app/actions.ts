// What a person can do: open, send, stop, decide, restart, sign in and out. Each says in words when it did not work.

import { effect, signal } from "@preact/signals";
import type { ItemEntry, Overrides, Params, Prompt, PromptWhen } from "../wire/types";
import { text } from "../wire/types";
import type { Session } from "../store/state";
import { changeOutbox, drop, newPromptId, OUTBOX_MAX } from "../store/outbox";
import { signOut as forgetSignIn } from "../wire/signin";
import { apply, attach, deliver, refreshList, socket, type Decision } from "./connection";
import { hit, type Place } from "./hit";
import { openThread, outbox, say, signInReason, state, view, type View } from "./model";

/** Sessions whose feeds stay attached after the person went on to another one. */
const ATTACHED_MAX = 6;
/** Below the host's frame limit of 1 MiB, with room for escaping. */
const PROMPT_MAX_BYTES = 900_000;
const OLDER_PAGE = 100;
/** Pages while a place far back is looked for: as large as the host gives them. */
const FAR_PAGE = 1_000;
/** Pages loaded for one place; with more the search gives up in words. */
const FAR_PAGES = 60;
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
export function send(threadId: string, words: string, when: PromptWhen, more: { images?: string[]; overrides?: Overrides } = {}): boolean {
  if (new Blob([words, ...(more.images ?? [])]).size > PROMPT_MAX_BYTES) {
    say("This prompt is longer than the host takes (0.9 MB). Put the text into a file and name the file.", "bad");
    return false;
  }
  if (outbox.value.length >= OUTBOX_MAX) {
    say(`There are already ${OUTBOX_MAX} unsent prompts. Wait for the host or remove some.`, "bad");
    return false;
  }
  deliver({ threadId, promptId: newPromptId(), text: words, when, atMs: Date.now(), ...more });
  return true;
}

export function forgetUnsent(promptId: string): void {
  outbox.value = changeOutbox(localStorage, (all) => drop(all, promptId));
}

/** A refused or not-run prompt runs under a new name: the old one is decided for good. */
export function sendAgain(threadId: string, prompt: Prompt): void {
  const images = prompt.input.filter((part) => part.type === "image").map((part) => text(part["url"]));
  const words = prompt.input.filter((part) => part.type === "text").map((part) => text(part.text)).join("\n");
  if (send(threadId, words, "queue", images.length > 0 ? { images } : {})) removePrompt(threadId, prompt.promptId);
}

export function removePrompt(threadId: string, promptId: string): void {
  ask("host/prompt/remove", { threadId, promptId }, "The prompt was not removed");
}

/** New words; what else the prompt has (images) stays. */
export function updatePrompt(threadId: string, prompt: Prompt, words: string): void {
  const others = prompt.input.filter((part) => part.type !== "text");
  ask("host/prompt/update", { threadId, promptId: prompt.promptId, input: [{ type: "text", text: words }, ...others] }, "The prompt was not changed");
}

export function rename(threadId: string, name: string): void {
  ask("thread/name/set", { threadId, name }, "The session was not renamed", () => say("Renamed."));
}

export function archive(threadId: string): void {
  ask("thread/archive", { threadId }, "The session was not archived", () => {
    say("Archived. It is at the end of the list.");
    void refreshList();
    if (openThread.value === threadId) go({ at: "list" }, "replace");
  });
}

export function unarchive(threadId: string): void {
  ask("thread/unarchive", { threadId }, "The session was not taken back", () => { say("Back in the list."); void refreshList(); });
}

export function compact(threadId: string): void {
  ask("thread/compact/start", { threadId }, "The conversation was not summed up");
}

/** What has changed in the folder, or what the words say. */
export function review(threadId: string, instructions: string): void {
  const target = instructions === "" ? { type: "uncommittedChanges" } : { type: "custom", instructions };
  ask("review/start", { threadId, target }, "The review did not start");
}

/** A second session with the same past, with the rights of the first: Codex would fall back to reading only. */
export async function fork(threadId: string): Promise<void> {
  const summary = state.value.summaries[threadId];
  const rights = {
    ...(summary?.sandbox ? { sandbox: summary.sandbox } : {}),
    ...(typeof summary?.approvalPolicy === "string" ? { approvalPolicy: summary.approvalPolicy } : {}),
  };
  try {
    const { thread } = await socket.request<{ thread: { id: string } }>("thread/fork", { threadId, excludeTurns: true, ...rights }, undefined, START_TIMEOUT_MS);
    say("Forked: this is the copy.");
    void refreshList();
    go({ at: "session", threadId: thread.id });
  } catch (error) {
    say(`The session was not forked: ${(error as Error).message}.`, "bad");
  }
}

export function interrupt(threadId: string, turnId: string): void {
  ask("turn/interrupt", { threadId, turnId }, "The turn was not stopped");
}

export function restartBridge(threadId: string): void {
  ask("host/bridge/restart", { threadId }, "Codex was not restarted");
}

function ask(method: string, params: Params, failure: string, done?: () => void): void {
  socket.request(method, params, done, START_TIMEOUT_MS).catch((error: Error) => say(`${failure}: ${error.message}.`, "bad"));
}

export function answer(threadId: string, id: string | number, result: unknown): void {
  if (socket.answer(id, { result })) apply({ kind: "answered", threadId, id });
  else say("The host is not connected; your decision was not sent. The question stays open.", "bad");
}

export const loadingOlder = signal(false);

export async function loadOlder(threadId: string, limit = OLDER_PAGE): Promise<void> {
  const before = state.value.sessions[threadId]?.olderCursor;
  if (before === undefined || before === null) return;
  loading ??= load(threadId, before, limit).finally(() => { loading = null; });
  await loading;
}

let loading: Promise<void> | null = null;

async function load(threadId: string, before: number, limit: number): Promise<void> {
  loadingOlder.value = true;
  try {
    await socket.request<{ data: ItemEntry[]; olderCursor?: number | null }>("host/session/items", { threadId, before, limit }, (result) =>
      apply({ kind: "older", threadId, entries: result.data, olderCursor: result.olderCursor ?? null }));
  } catch (error) {
    say(`Older history did not come: ${(error as Error).message}.`, "bad");
  } finally {
    loadingOlder.value = false;
  }
}

/** Opens a session at the place that the search has found, however far back it is. */
export async function openPlace(place: Place): Promise<void> {
  hit.value = place;
  go({ at: "session", threadId: place.threadId });
  for (let pages = 0; pages < FAR_PAGES && hit.value === place; pages += 1) {
    const session = await opened(place.threadId);
    if (!session || holds(session, place)) return;
    if (session.olderCursor === null || (place.seq > 0 && session.olderCursor < place.seq)) break;
    await loadOlder(place.threadId, FAR_PAGE);
  }
  const session = state.value.sessions[place.threadId];
  if (hit.value !== place || (session && holds(session, place))) return;
  hit.value = null;
  say("The place that was found is not in the session's history any more.", "bad");
}

function holds(session: Session, place: Place): boolean {
  return session.turns.some((turn) => turn.id === place.turnId && turn.items.some((item) => item.itemId === place.itemId));
}

/** The session once it is attached; `undefined` when it does not come or the person went elsewhere. */
function opened(threadId: string): Promise<Session | undefined> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      const session = state.value.sessions[threadId];
      if (!session && openThread.value === threadId) return;
      queueMicrotask(() => { stop(); resolve(session); });
    });
  });
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

export interface Folder { path: string; parent: string | null; folders: string[]; cut: boolean }

export function listFolders(path?: string): Promise<Folder> {
  return socket.request<Folder>("host/folders/list", path === undefined ? {} : { path });
}

/** Paths below the folder that have the letters of `query` in their order. */
export async function searchFiles(cwd: string, query: string): Promise<string[]> {
  const result = await socket.request<{ files?: { path?: string }[] }>("fuzzyFileSearch", { query, roots: [cwd], cancellationToken: "composer" });
  return (result.files ?? []).map((file) => text(file.path)).filter(Boolean);
}

export async function listDecisions(): Promise<Decision[]> {
  return (await socket.request<{ data: Decision[] }>("host/decisions/list", { limit: 200 })).data;
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
  seq: number;
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
