// The shapes that docs/protocol.md puts on the wire, as far as the page reads them. Not a mirror of Codex's whole
// protocol: what the page does not know it shows as a generic row or ignores.

/** What a session is doing, in the host's words. */
export type SessionState =
  | "working" | "needsYou" | "stalled" | "queued" | "idle" | "parked" | "starting" | "backoff" | "failed" | "quarantined";

/** Where a session's Codex process stands. */
export type BridgeState = "starting" | "up" | "down" | "backoff" | "parked" | "failed" | "quarantined";

export interface Bridge {
  state: BridgeState;
  generation: number;
  pid?: number;
  reason?: string;
  attempt?: number;
  /** Counted from the moment the message was made, in milliseconds. */
  retryInMs?: number;
}

export interface Summary {
  threadId: string;
  title: string | null;
  preview: string;
  cwd: string;
  model?: string;
  sandbox?: string;
  /** A word, or an object of Codex's that the page only keeps. */
  approvalPolicy?: unknown;
  /** The last line that the model has said, cut. */
  lastLine?: string;
  usage?: { tokens: number; window?: number };
  source: "host" | "codex";
  state: SessionState;
  bridge: Bridge;
  /** `retrying` is what Codex said when it began to ask its model again. */
  turn?: { id: string; startedAtMs: number; waitsFor?: "model" | "command" | "tool" | "person"; retrying?: string };
  pending: number;
  queued: number;
  head: number;
  archived?: boolean;
  createdAtMs: number;
  updatedAtMs: number;
  lastEventAtMs: number;
}

/** One of Codex's items. `type` decides which of the other fields are there. */
export interface CodexItem {
  type: string;
  id: string;
  [field: string]: unknown;
}

export type ItemState = "open" | "completed" | "partial";
export type TurnStatus = "inProgress" | "completed" | "interrupted" | "failed";

export interface TurnError {
  message: string;
  additionalDetails?: string | null;
  codexErrorInfo?: unknown;
}

export interface ItemEntry {
  turnId: string;
  itemId: string;
  seq: number;
  state: ItemState;
  item: CodexItem;
  /** How its turn ended: Codex's turn object, when it is known. */
  turn?: { status: TurnStatus; error?: TurnError | null; startedAt?: number | null; durationMs?: number | null };
}

export interface PromptInput {
  type: string;
  text?: string;
  [field: string]: unknown;
}

/** What a prompt may change for its turn and the ones after it. */
export interface Overrides {
  model?: string;
  effort?: string;
  approvalPolicy?: string;
  sandboxPolicy?: { type: string };
}

/** What the host says of itself and of what it allows, in the answer to `initialize`. */
export interface HostTerms {
  version?: string;
  journalId?: string;
  /** False when the host takes no secrets out. */
  redactionEnabled?: boolean;
  highestSandbox?: string;
  highestApprovalPolicy?: string;
  defaultSandbox?: string;
  defaultApprovalPolicy?: string;
  workspaces?: string[];
}

export type PromptWhen = "now" | "queue" | "steer";

export interface Prompt {
  promptId: string;
  state: "queued" | "sending" | "running" | "done" | "notRun";
  when: PromptWhen;
  input: PromptInput[];
  position?: number;
  atMs: number;
  turnId?: string;
}

/** A question of Codex to a person: an approval or a form. */
export interface PendingRequest {
  id: string | number;
  method: string;
  params: Params;
}

export interface AttachResult {
  verdict: "resumed" | "snapshot";
  journalId: string;
  head: number;
  summary: Summary;
  items?: ItemEntry[];
  olderCursor?: number | null;
  pending: PendingRequest[];
  queue: Prompt[];
}

/** Parameters are read field by field, because their sender may be newer than the page. */
export type Params = Record<string, unknown>;

/** Any message that arrives: a notification, a request by the host, or a response. */
export interface Message {
  id?: string | number;
  method?: string;
  params?: Params;
  seq?: number;
  generation?: number;
  result?: unknown;
  error?: RpcError;
}

export interface RpcError {
  code: number;
  message: string;
  data?: unknown;
}

/** The host's error codes that the page treats in their own way. */
export const CODE = {
  overloaded: -32001,
  policy: -32003,
  decided: -32004,
  noSession: -32005,
  noCodex: -32006,
  unknownMethod: -32601,
} as const;

/** The text of a prompt's input, for showing it. */
export function inputText(input: readonly PromptInput[]): string {
  return input.map((part) => (part.type === "text" ? (part.text ?? "") : `[${part.type}]`)).filter(Boolean).join("\n");
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function record(value: unknown): Params {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Params) : {};
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
