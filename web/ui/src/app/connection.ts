// Ties the socket to the store: dials, attaches, repairs holes, sends the outbox. Not what a person asks for: actions.ts.

import { batch } from "@preact/signals";
import { CODE, type AttachResult, type Message, type Params, type Summary } from "../wire/types";
import { Socket } from "../wire/socket";
import { Refused } from "../wire/pending";
import { followPairing } from "../wire/pairing";
import { forgetProof, signIn, type SignInAnswer } from "../wire/signin";
import { reduce } from "../store/reduce";
import type { Happening } from "../store/state";
import { changeOutbox, drop, inputOf, put, type Unsent } from "../store/outbox";
import { link, mayDial, openFailure, openThread, outbox, pairing, signInReason, state, terms } from "./model";
import { canAnswer } from "./requests";
import { beginSeen, markSeen } from "./seen";

/** 2,000 sessions, more than anybody scrolls through; older ones are found by the search over all history. */
const LIST_PAGE = 500;
const LIST_PAGES = 4;
/** The host says "changed" often while many sessions work; a long list, and one that nobody sees, is read less often. */
const LIST_PAUSE_MS = 400;
const LIST_PAUSE_ROW_MS = 2;
const LIST_PAUSE_HIDDEN_MS = 3_000;

let journalId = "";
let listing = false;
let listAgain = false;

export const socket = new Socket({
  onLink: (next) => { link.value = next; if (next.state === "waiting" || next.state === "off") cutSessions(); },
  onUp: (said) => {
    journalId = said.journalId ?? "";
    terms.value = said;
    void refreshList();
    for (const threadId of Object.keys(state.value.sessions)) attach(threadId);
    if (openThread.value !== null && !state.value.sessions[openThread.value]) attach(openThread.value);
    for (const entry of outbox.value) if (!entry.refused) deliver(entry);
  },
  onMessages,
  onSignedOut: (reason) => {
    // What is known stays in this tab's memory, behind the sign-in: after it, each feed goes on where it was cut.
    forgetProof();
    signInReason.value = reason;
  },
});

export function apply(...happenings: Happening[]): void {
  state.value = happenings.reduce(reduce, state.value);
}

export async function begin(): Promise<void> {
  if (await mayDial()) {
    signInReason.value = null;
    socket.start();
  } else signInReason.value = "";
}

/** A link that is opened in a running page asks first, as one that opens the page does. */
export function followPairingLinks(): void {
  followPairing((code) => {
    socket.stop();
    cutSessions();
    pairing.value = code;
  });
}

/** Signs in with the code of the link. The old sign-in of this browser, if there is one, ends with it. */
export async function pair(code: string): Promise<SignInAnswer> {
  const answer = await signIn(code, "link");
  if (answer.ok) await leavePairing();
  return answer;
}

/** Goes on with the sign-in that there is, or asks for one. */
export async function leavePairing(): Promise<void> {
  pairing.value = null;
  await begin();
}

function cutSessions(): void {
  if (Object.values(state.value.sessions).some((session) => session.feed !== "away")) apply({ kind: "cut" });
}

function onMessages(messages: readonly Message[], atMs: number): void {
  batch(() => {
    const happenings: Happening[] = [];
    for (const message of messages) {
      if (message.method === "host/sessions/changed") void refreshList();
      else if (message.method === undefined) {
        if (message.id !== undefined && message.error) {
          const decided = message.error.code === CODE.decided;
          happenings.push({ kind: "refused", id: message.id, decided, atMs, text: decided ? "Already decided in another tab." : `The answer was refused: ${message.error.message}` });
        }
      } else if (message.id !== undefined && !canAnswer(message.method)) {
        decline(message.id, message.method);
      } else happenings.push({ kind: "message", message, atMs });
    }
    apply(...happenings);
    for (const session of Object.values(state.value.sessions)) if (session.feed === "hole") attach(session.threadId);
    const open = openThread.value === null ? undefined : state.value.sessions[openThread.value];
    if (open && document.visibilityState === "visible") markSeen(open.threadId, open.cursor);
  });
}

function decline(id: string | number, method: string): void {
  socket.answer(id, { error: { code: CODE.unknownMethod, message: `this page has no form for ${method}` } });
}

const attaching = new Set<string>();

export function attach(threadId: string): void {
  if (attaching.has(threadId) || link.value.state !== "up") return;
  attaching.add(threadId);
  openFailure.value = null;
  const session = state.value.sessions[threadId];
  const sameJournal = session?.journalId === journalId;
  socket
    .request<AttachResult>(
      "host/session/attach",
      session && sameJournal ? { threadId, after: session.cursor, journalId, merge: true } : { threadId, merge: true },
      (result) => { attaching.delete(threadId); attached(threadId, result); },
    )
    .catch((error: Refused) => {
      attaching.delete(threadId);
      if (error.code === CODE.noSession) apply({ kind: "left", threadId });
      if (error.code !== 0) openFailure.value = { threadId, text: error.message };
    });
}

function attached(threadId: string, result: AttachResult): void {
  for (const request of result.pending) if (!canAnswer(request.method)) decline(request.id, request.method);
  apply({ kind: "attached", result: { ...result, pending: result.pending.filter((request) => canAnswer(request.method)) }, atMs: Date.now() });
  if (openThread.value === threadId) markSeen(threadId, result.head);
  if (result.verdict === "snapshot") void recallDecisions(threadId);
}

/** Who decided what in this session, for the marks beside its items. A host without such a list costs the marks alone. */
async function recallDecisions(threadId: string): Promise<void> {
  try {
    const { data } = await socket.request<{ data: Decision[] }>("host/decisions/list", { threadId, limit: 500 });
    const named = data.filter((one) => one.itemId).map((one) => [`${one.turnId}/${one.itemId}`, { decision: one.decision, by: one.by }]);
    apply({ kind: "decided", threadId, decisions: Object.fromEntries(named) });
  } catch {
    // The history is there without them.
  }
}

/** One line of the host's audit of answers. */
export interface Decision {
  threadId: string;
  turnId?: string | null;
  itemId?: string | null;
  method: string;
  decision: string;
  by: string;
  atMs: number;
}

export async function refreshList(): Promise<void> {
  if (listing) { listAgain = true; return; }
  listing = true;
  const rows: Summary[] = [];
  try {
    let cursor: string | null = null;
    for (let page = 0; page < LIST_PAGES; page += 1) {
      const params: Params = cursor === null ? { limit: LIST_PAGE } : { limit: LIST_PAGE, cursor };
      const { nextCursor }: ListPage = await socket.request<ListPage>("host/sessions/list", params, (one) => {
        rows.push(...one.data);
        // Only the whole list may take rows away; each page may bring some.
        apply({ kind: "listed", summaries: one.nextCursor ? one.data : rows, complete: !one.nextCursor, atMs: Date.now() });
      });
      cursor = nextCursor ?? null;
      if (cursor === null) break;
    }
    beginSeen(rows);
  } catch {
    // The truth line already says what is wrong; the list is asked for again after the next dial.
  }
  const pause = document.visibilityState === "visible" ? LIST_PAUSE_MS + rows.length * LIST_PAUSE_ROW_MS : LIST_PAUSE_HIDDEN_MS;
  setTimeout(() => {
    listing = false;
    if (listAgain) { listAgain = false; void refreshList(); }
  }, pause);
}

interface ListPage {
  data: Summary[];
  nextCursor?: string | null;
}

/** Sends one entry of the outbox; it leaves the outbox when the host has confirmed it. */
export function deliver(entry: Unsent): void {
  outbox.value = changeOutbox(localStorage, (all) => put(all, entry));
  const overrides = entry.overrides && entry.when !== "steer" ? { overrides: entry.overrides } : {};
  if (link.value.state !== "up") return;
  socket
    .request("host/prompt/submit", { threadId: entry.threadId, promptId: entry.promptId, input: inputOf(entry), when: entry.when, ...overrides },
      () => { outbox.value = changeOutbox(localStorage, (all) => drop(all, entry.promptId)); })
    .catch((error: Refused) => {
      if (error.code === 0) return; // Sent again, with the same id, when the host is back.
      if (error.code === -1 || error.code === CODE.overloaded) { setTimeout(() => again(entry.promptId), 2_000); return; }
      outbox.value = changeOutbox(localStorage, (all) => put(all, { ...entry, refused: error.message }));
    });
}

function again(promptId: string): void {
  const entry = outbox.value.find((one) => one.promptId === promptId);
  if (entry && !entry.refused) deliver(entry);
}
