// Draws command output that may still grow: lines go into blocks, only the last block changes. Not a terminal.

import { Ansi, paletteColor, PLAIN, type Sink, type Style } from "./ansi";
import { drawPiece } from "./draw";
import { pieces } from "./pieces";

/** Lines in one block: small enough that appending lays little out anew, big enough that few elements are made. */
const BLOCK_LINES = 120;
/** Blocks on the page; older ones are dropped and the count of their lines is shown. */
const BLOCKS_MAX = 150;

export class OutputView implements Sink {
  private shown = "";
  private parser = new Ansi(this);
  private block: HTMLElement | null = null;
  private lines = 0;
  private dropped = 0;
  /** Where the current line begins: after this node, or inside it at `lineOffset`. */
  private lineNode: ChildNode | null = null;
  private lineOffset = 0;
  private lastStyle: Style | null = null;

  constructor(private readonly root: HTMLElement, private readonly onDropped: (lines: number) => void) {}

  /** Shows `text`; when it continues what is shown, only the rest is drawn. */
  update(text: string, open: boolean): void {
    if (!text.startsWith(this.shown)) this.reset();
    this.parser.feed(text.slice(this.shown.length));
    if (!open) this.parser.end();
    this.shown = text;
  }

  text(run: string, style: Style): void {
    const block = this.currentBlock();
    for (const piece of pieces(run)) {
      if (piece.kind !== "plain") {
        block.append(drawPiece(piece));
        this.lastStyle = null;
        continue;
      }
      const last = block.lastChild;
      if (last && this.lastStyle && sameStyle(this.lastStyle, style)) this.extend(last, piece.text);
      else block.append(styled(piece.text, style));
      this.lastStyle = style;
    }
  }

  newline(): void {
    const block = this.currentBlock();
    this.lines += 1;
    if (this.lines >= BLOCK_LINES) {
      if (!block.lastChild) block.append("\n");
      this.block = null;
      return;
    }
    const last = block.lastChild;
    if (last && this.lastStyle) this.extend(last, "\n");
    else block.append("\n");
    if (!this.lastStyle) this.lastStyle = PLAIN;
    const end = block.lastChild!;
    this.lineNode = end;
    this.lineOffset = end.textContent?.length ?? 0;
  }

  restartLine(): void {
    const block = this.currentBlock();
    const from = this.lineNode;
    while (block.lastChild && block.lastChild !== from) block.lastChild.remove();
    const text = from && textOf(from);
    if (text) text.data = text.data.slice(0, this.lineOffset);
    this.lastStyle = null;
  }

  private reset(): void {
    this.root.replaceChildren();
    this.parser = new Ansi(this);
    this.block = null;
    this.shown = "";
    this.dropped = 0;
    this.onDropped(0);
  }

  private currentBlock(): HTMLElement {
    if (this.block) return this.block;
    if (this.root.childElementCount >= BLOCKS_MAX) {
      this.root.firstElementChild?.remove();
      this.dropped += BLOCK_LINES;
      this.onDropped(this.dropped);
    }
    const block = document.createElement("div");
    this.root.append(block);
    this.block = block;
    this.lines = 0;
    this.lineNode = null;
    this.lineOffset = 0;
    this.lastStyle = null;
    return block;
  }

  private extend(node: ChildNode, text: string): void {
    const target = textOf(node);
    if (target) target.appendData(text);
    else this.currentBlock().append(text);
  }
}

function textOf(node: ChildNode): Text | null {
  if (node instanceof Text) return node;
  return node.firstChild instanceof Text ? node.firstChild : null;
}

function sameStyle(a: Style, b: Style): boolean {
  return a === b || (a.fg === b.fg && a.bg === b.bg && a.bold === b.bold && a.dim === b.dim && a.italic === b.italic
    && a.underline === b.underline && a.inverse === b.inverse && a.strike === b.strike);
}

function styled(text: string, style: Style): Text | HTMLElement {
  if (sameStyle(style, PLAIN)) return document.createTextNode(text);
  const span = document.createElement("span");
  const [fg, bg] = style.inverse ? [style.bg ?? "paper", style.fg ?? "ink"] : [style.fg, style.bg];
  paint(span, "fg", "color", fg);
  paint(span, "bg", "backgroundColor", bg);
  for (const name of ["bold", "dim", "italic", "underline", "strike"] as const) if (style[name]) span.classList.add(`ansi-${name}`);
  span.append(text);
  return span;
}

function paint(span: HTMLElement, name: "fg" | "bg", property: "color" | "backgroundColor", color: number | string | null): void {
  if (color === null) return;
  if (color === "ink" || color === "paper" || (typeof color === "number" && color < 16)) span.classList.add(`ansi-${name}-${color}`);
  else span.style[property] = typeof color === "number" ? paletteColor(color) : color;
}

/** The last lines of a long output, for a look without drawing it all. */
export function lastLines(text: string, count: number): { shown: string; hidden: boolean } {
  const end = text.endsWith("\n") ? text.length - 1 : text.length;
  let at = end;
  for (let found = 0; found < count; found += 1) {
    at = text.lastIndexOf("\n", at - 1);
    if (at <= 0) return { shown: text.slice(0, end), hidden: false };
  }
  return { shown: text.slice(at + 1, end), hidden: true };
}

/** Counted up to `most`, so that a huge output costs no more than a glance. */
export function countLines(text: string, most: number): number {
  let count = text === "" || text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0 && count < most; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
