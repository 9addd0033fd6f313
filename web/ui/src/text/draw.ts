// Draws pieces of text as DOM nodes, for the places that append by hand (streamed output, Markdown). Not for Preact trees:
// views/Text.tsx draws the same pieces there.

import { pieces, type Piece } from "./pieces";

export function drawText(text: string): Node[] {
  return pieces(text).map((piece) => (piece.kind === "plain" ? document.createTextNode(piece.text) : drawPiece(piece)));
}

/** A marker keeps its exact text for copying and searching; only its brackets are not shown. */
export function drawPiece(piece: Exclude<Piece, { kind: "plain" }>): HTMLElement {
  const chip = document.createElement("span");
  if (piece.kind === "control") {
    chip.className = "control";
    chip.title = `a control character: ${piece.label}`;
    chip.textContent = piece.label;
    return chip;
  }
  chip.className = "marker";
  chip.title = `a secret stood here (rule ${piece.rule}); ${piece.print} tells equal secrets apart`;
  chip.append(part("unseen", "[REDACTED:"), piece.rule, part("unseen", "#"), part("print", piece.print), part("unseen", "]"));
  return chip;
}

function part(className: string, text: string): HTMLElement {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
