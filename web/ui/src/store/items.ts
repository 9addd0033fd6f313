// The items of a turn: how they start, grow and end. Not their looks, and not the session around them.

import { list, text, type CodexItem, type ItemEntry, type Params } from "../wire/types";
import type { Item, Turn } from "./state";

/** More output than this is cut at the front, so that one endless command cannot fill the tab's memory. */
export const OUTPUT_MAX = 2 * 1024 * 1024;
/** What is left after a cut. Half, so that cuts (each redraws the output) stay rare. */
const OUTPUT_KEPT = OUTPUT_MAX / 2;

export function newTurn(id: string): Turn {
  return {
    id, status: "inProgress", error: null, cause: null, startedAtMs: null, durationMs: null,
    items: [], retry: null, plan: [],
  };
}

export function entryItem(entry: ItemEntry): Item {
  return {
    key: `${entry.turnId}/${entry.itemId}`,
    turnId: entry.turnId, itemId: entry.itemId, seq: entry.seq, state: entry.state, item: entry.item,
  };
}

/** The turns that a run of entries (oldest first) makes. */
export function turnsOf(entries: readonly ItemEntry[]): Turn[] {
  const turns = new Map<string, Turn & { items: Item[] }>();
  for (const entry of entries) {
    let turn = turns.get(entry.turnId);
    if (!turn) {
      turn = { ...newTurn(entry.turnId), items: [] };
      turns.set(entry.turnId, turn);
    }
    turn.items.push(entryItem(entry));
    if (entry.turn) {
      turn.status = entry.turn.status;
      turn.error = entry.turn.error ?? null;
      turn.durationMs = entry.turn.durationMs ?? null;
      turn.startedAtMs = entry.turn.startedAt ? entry.turn.startedAt * 1000 : null;
    }
  }
  return [...turns.values()];
}

/** The turn with this item changed by `change`, which gets `undefined` when the item is new. */
export function withItem(turn: Turn, itemId: string, change: (item: Item | undefined) => Item | undefined): Turn {
  let at = turn.items.length - 1;
  while (at >= 0 && turn.items[at]?.itemId !== itemId) at -= 1;
  const before = at < 0 ? undefined : turn.items[at];
  const after = change(before);
  if (after === before || after === undefined) return turn;
  const items = turn.items.slice();
  if (at < 0) items.push(after);
  else items[at] = after;
  return { ...turn, items };
}

/** What each streaming notification does to the item that it names; a first delta may come before `item/started`. */
const GROW: Record<string, { type: string; grow: (item: CodexItem, params: Params) => CodexItem }> = {
  "item/agentMessage/delta": { type: "agentMessage", grow: (item, p) => ({ ...item, text: text(item["text"]) + text(p["delta"]) }) },
  "item/plan/delta": { type: "plan", grow: (item, p) => ({ ...item, text: text(item["text"]) + text(p["delta"]) }) },
  "item/commandExecution/outputDelta": { type: "commandExecution", grow: (item, p) => growOutput(item, text(p["delta"])) },
  "item/reasoning/summaryTextDelta": { type: "reasoning", grow: (item, p) => growPart(item, "summary", p["summaryIndex"], text(p["delta"])) },
  "item/reasoning/summaryPartAdded": { type: "reasoning", grow: (item, p) => growPart(item, "summary", p["summaryIndex"], "") },
  "item/reasoning/textDelta": { type: "reasoning", grow: (item, p) => growPart(item, "content", p["contentIndex"], text(p["delta"])) },
  "item/fileChange/patchUpdated": { type: "fileChange", grow: (item, p) => ({ ...item, changes: list(p["changes"]) }) },
  "item/mcpToolCall/progress": { type: "mcpToolCall", grow: (item, p) => ({ ...item, progress: text(p["message"]) }) },
};

export function growsItems(method: string): boolean {
  return method in GROW;
}

export function grow(turn: Turn, method: string, itemId: string, params: Params, seq: number): Turn {
  const rule = GROW[method];
  if (!rule) return turn;
  return withItem(turn, itemId, (item) => {
    if (item && item.state !== "open") return item;
    const base: Item = item ?? {
      key: `${turn.id}/${itemId}`, turnId: turn.id, itemId, seq, state: "open", item: { type: rule.type, id: itemId },
    };
    return { ...base, item: rule.grow(base.item, params) };
  });
}

function growOutput(item: CodexItem, delta: string): CodexItem {
  let output = text(item["aggregatedOutput"]) + delta;
  let cut = typeof item["outputCut"] === "number" ? item["outputCut"] : 0;
  if (output.length > OUTPUT_MAX) {
    const from = output.indexOf("\n", output.length - OUTPUT_KEPT - 1) + 1 || output.length - OUTPUT_KEPT;
    cut += from;
    output = output.slice(from);
  }
  return cut > 0 ? { ...item, aggregatedOutput: output, outputCut: cut } : { ...item, aggregatedOutput: output };
}

function growPart(item: CodexItem, field: "summary" | "content", index: unknown, delta: string): CodexItem {
  const parts = list(item[field]).map(text);
  const at = typeof index === "number" && index >= 0 && index < 1000 ? index : Math.max(0, parts.length - 1);
  while (parts.length <= at) parts.push("");
  parts[at] = (parts[at] ?? "") + delta;
  return { ...item, [field]: parts };
}

/** The turn after its end: what had not ended stays, marked as partial. */
export function endItems(items: readonly Item[]): readonly Item[] {
  return items.some((item) => item.state === "open")
    ? items.map((item) => (item.state === "open" ? { ...item, state: "partial" as const } : item))
    : items;
}
