// The rows that a session's turns make on the screen, flat, so that only those in sight need be drawn. Not their looks.

import { list, text } from "../wire/types";
import type { Item, Session, Turn } from "./state";

export type Row =
  | { kind: "item"; key: string; turnId: string; status: Turn["status"]; item: Item; guess: number }
  | { kind: "plan" | "error" | "retry" | "foot"; key: string; turnId: string; status: Turn["status"]; turn: Turn; guess: number };

const itemRows = new WeakMap<Item, Row>();
const turnRows = new WeakMap<Turn, readonly Row[]>();

/** Unchanged turns give the same rows again. Of a folded turn what was asked and how it ended remain. */
export function rowsOf(turns: Session["turns"], folded: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  for (const turn of turns) {
    let own = turnRows.get(turn);
    if (!own) turnRows.set(turn, (own = ofTurn(turn)));
    const isFolded = turn.status !== "inProgress" && folded.has(turn.id);
    for (const row of own) if (!isFolded || remains(row, own)) rows.push(row);
  }
  return rows;
}

function remains(row: Row, all: readonly Row[]): boolean {
  return row.kind === "foot" || (row === all[0] && row.kind === "item" && row.item.item.type === "userMessage");
}

/** How many rows folding would hide. */
export function foldable(turn: Turn): number {
  const all = turnRows.get(turn) ?? [];
  return all.filter((row) => !remains(row, all)).length;
}

function ofTurn(turn: Turn): Row[] {
  const rows: Row[] = [];
  for (const item of turn.items) if (isShown(item)) rows.push(ofItem(item, turn));
  const more = (kind: "plan" | "error" | "retry" | "foot", guess: number): void => {
    rows.push({ kind, key: `${turn.id} ${kind}`, turnId: turn.id, status: turn.status, turn, guess });
  };
  if (turn.plan.length > 0) more("plan", 48 + 26 * turn.plan.length);
  if (turn.error && turn.status !== "interrupted") more("error", 66);
  if (turn.retry) more("retry", 56);
  more("foot", 62);
  return rows;
}

function ofItem(item: Item, turn: Turn): Row {
  const known = itemRows.get(item);
  if (known && known.status === turn.status) return known;
  const row: Row = { kind: "item", key: item.key, turnId: turn.id, status: turn.status, item, guess: guess(item) };
  itemRows.set(item, row);
  return row;
}

/** Items without anything to see: an empty message that has ended, thoughts that were kept back. */
export function isShown(item: Item): boolean {
  const raw = item.item;
  switch (raw.type) {
    case "agentMessage": return text(raw["text"]) !== "" || item.state === "open";
    case "reasoning": return item.state === "open" || [...list(raw["summary"]), ...list(raw["content"])].some((part) => text(part) !== "");
    default: return true;
  }
}

/** About how tall it is in pixels; the true height is taken once it is drawn. */
function guess(item: Item): number {
  const raw = item.item;
  switch (raw.type) {
    case "agentMessage":
    case "plan": return 30 + 24 * Math.min(60, Math.ceil(text(raw["text"]).length / 95));
    case "commandExecution": return text(raw["aggregatedOutput"]) === "" ? 86 : 200;
    case "fileChange": return 60 + 40 * list(raw["changes"]).length;
    case "userMessage": return 74;
    default: return 52;
  }
}
