// What the page knows, as plain data. Not how it comes to know it: reduce.ts folds messages into it.

import type {
  AttachResult, CodexItem, ItemEntry, ItemState, Message, PendingRequest, Prompt, Summary, TurnError, TurnStatus,
} from "../wire/types";

export interface Item {
  /** `turnId/itemId`: Codex's item ids are unique in a turn at best. */
  key: string;
  turnId: string;
  itemId: string;
  seq: number;
  state: ItemState;
  item: CodexItem;
}

export interface Turn {
  id: string;
  status: TurnStatus;
  error: TurnError | null;
  /** Why the turn was interrupted, where the host or Codex says so. */
  cause: string | null;
  startedAtMs: number | null;
  durationMs: number | null;
  items: readonly Item[];
  /** Set while Codex says that it is trying the model again. */
  retry: { message: string; atMs: number } | null;
  plan: readonly PlanStep[];
}

export interface PlanStep {
  step: string;
  status: string;
}

export interface Session {
  threadId: string;
  journalId: string;
  /** The newest event that is folded in. A new attach asks for what follows it. */
  cursor: number;
  /** `live`: the feed flows. `away`: the socket is down. `hole`: an event is missing, attach again from `cursor`. */
  feed: "live" | "away" | "hole";
  /** The cursor of the last repair: a hole that comes back at the same place is how the host numbers, not a loss. */
  repairedAt: number | null;
  turns: readonly Turn[];
  olderCursor: number | null;
  pending: readonly PendingRequest[];
  /** What this tab answered and whose fate is still open. */
  answered: readonly PendingRequest[];
  queue: readonly Prompt[];
  /** What happened to requests behind the person's back, newest last. */
  notices: readonly Notice[];
  /** When this tab last heard anything of the session, in its own clock. */
  heardAtMs: number;
  /** When this tab last heard something that the model or a command made, in its own clock. */
  modelAtMs: number;
  usage: { total: number; window: number | null } | null;
  /** Who answered what Codex asked about an item, by the item's key. */
  decisions: Readonly<Record<string, Decided>>;
}

export interface Decided {
  /** `accept`, `acceptForSession`, `decline`, `cancel`, `answered`, ... */
  decision: string;
  /** The name of the credential. */
  by: string;
}

export interface Notice {
  id: number;
  text: string;
  atMs: number;
}

export interface State {
  summaries: Readonly<Record<string, Summary>>;
  /** When each summary's `retryInMs` began to count, in this tab's clock. */
  retryAtMs: Readonly<Record<string, number>>;
  sessions: Readonly<Record<string, Session>>;
  /** True once the first list has come. */
  listed: boolean;
  draining: boolean;
  /** Why the host cannot write what Codex says, and so shows nothing new; null while it can. */
  journalStalled: string | null;
}

export const EMPTY: State = { summaries: {}, retryAtMs: {}, sessions: {}, listed: false, draining: false, journalStalled: null };

/** Everything that can change the state. `atMs` is this tab's clock when it happened. */
export type Happening =
  | { kind: "message"; message: Message; atMs: number }
  | { kind: "listed"; summaries: readonly Summary[]; complete: boolean; atMs: number }
  | { kind: "attached"; result: AttachResult; atMs: number }
  | { kind: "older"; threadId: string; entries: readonly ItemEntry[]; olderCursor: number | null }
  | { kind: "answered"; threadId: string; id: string | number }
  | { kind: "refused"; id: string | number; text: string; decided: boolean; atMs: number }
  | { kind: "decided"; threadId: string; decisions: Readonly<Record<string, Decided>> }
  | { kind: "left"; threadId: string }
  | { kind: "trimmed"; threadId: string }
  | { kind: "cut" }
  | { kind: "forgotten" };
