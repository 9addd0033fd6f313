// Draws Markdown that may still grow: whole blocks stay as they are, only the last ones are read again. The one place where
// text becomes HTML, and DOMPurify is its only door (and the only Trusted Types policy). Loaded when first needed.

import { Marked, type Token, type Tokens } from "marked";
import DOMPurify from "dompurify";
import { isSpecial } from "./pieces";
import { drawText } from "./draw";
import { CodeBlock } from "./code";

const SANITIZE = {
  RETURN_DOM_FRAGMENT: true as const,
  ALLOWED_TAGS: ["p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "table", "thead", "tbody", "tr", "th", "td", "a"],
  ALLOWED_ATTR: ["href", "start", "align"],
  ALLOWED_URI_REGEXP: /^https?:\/\//i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

DOMPurify.addHook("afterSanitizeAttributes", (node) => {
  if (node.nodeName !== "A") return;
  const href = node.getAttribute("href");
  if (href === null) return;
  node.setAttribute("rel", "noopener noreferrer");
  node.setAttribute("target", "_blank");
  node.setAttribute("title", href);
});

const escape = (text: string) => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

const marked = new Marked({
  gfm: true,
  renderer: {
    // HTML in a message is something to read, not something to run.
    html: (token) => escape(token.text),
    // An image would be fetched without being asked for; its address stays a link.
    image: (token) => `<a href="${escape(token.href)}">${escape(token.text || "image")}</a>`,
    checkbox: (token) => (token.checked ? "☑ " : "☐ "),
  },
});

interface Block {
  raw: string;
  element: HTMLElement;
  code: CodeBlock | null;
}

/** A single block longer than this is no prose: it is shown as plain text, in pieces that cost little to lay out. */
const PLAIN_FROM = 100_000;
const PLAIN_PIECE = 8_000;

/** A pass that took longer is not repeated every frame: the next one waits this many times as long. */
const REST = 6;
const QUICK_MS = 4;

export class MarkdownView {
  /** Blocks that can not change any more, as text. */
  private settled = "";
  private settledCount = 0;
  private blocks: Block[] = [];
  /** How much of a giant block stands there as plain text. */
  private plain: { shown: string; pieces: HTMLElement[] } | null = null;
  private restUntil = 0;
  private timer: number | undefined;

  constructor(private readonly root: HTMLElement) {}

  update(source: string, open: boolean): void {
    clearTimeout(this.timer);
    const start = performance.now();
    if (open && start < this.restUntil) {
      this.timer = window.setTimeout(() => this.update(source, open), this.restUntil - start + 1);
      return;
    }
    this.draw(source.replace(/\r\n?/g, "\n"), open);
    const took = performance.now() - start;
    this.restUntil = took > QUICK_MS ? start + took * REST : 0;
  }

  private draw(source: string, open: boolean): void {
    if (!source.startsWith(this.settled)) {
      this.settled = "";
      this.settledCount = 0;
    }
    const tail = source.slice(this.settled.length);
    if (isGiant(tail)) return this.drawPlain(tail);
    this.endPlain();
    const tokens: Token[] = marked.lexer(tail);
    const whole = tokens.reduce((sum, token) => sum + token.raw.length, 0) === tail.length;
    tokens.forEach((token, at) => this.drawBlock(this.settledCount + at, token));
    for (const block of this.blocks.splice(this.settledCount + tokens.length)) block.element.remove();
    if (!open) for (const block of this.blocks) block.code?.finish();
    if (!open || !whole) return;
    for (const token of tokens.slice(0, -2)) {
      this.settled += token.raw;
      this.blocks[this.settledCount]?.code?.finish();
      this.settledCount += 1;
    }
  }

  private drawPlain(tail: string): void {
    if (!this.plain || !tail.startsWith(this.plain.shown)) {
      this.endPlain();
      for (const block of this.blocks.splice(this.settledCount)) block.element.remove();
      this.plain = { shown: "", pieces: [] };
    }
    const { pieces } = this.plain;
    for (let at = this.plain.shown.length; at < tail.length;) {
      let piece = pieces.at(-1);
      if (!piece || (piece.textContent?.length ?? 0) >= PLAIN_PIECE) {
        piece = document.createElement("div");
        piece.className = "plain giant";
        pieces.push(piece);
        this.root.append(piece);
      }
      const end = Math.min(tail.length, at + PLAIN_PIECE);
      piece.append(...drawText(tail.slice(at, end)));
      at = end;
    }
    this.plain.shown = tail;
  }

  private endPlain(): void {
    for (const piece of this.plain?.pieces ?? []) piece.remove();
    this.plain = null;
  }

  private drawBlock(at: number, token: Token): void {
    const old = this.blocks[at];
    if (old?.raw === token.raw) return;
    if (token.type === "code") {
      const { text, lang } = token as Tokens.Code;
      const code = old?.code ?? new CodeBlock();
      code.update(text, lang ?? "");
      this.place(at, { raw: token.raw, element: code.element, code });
      return;
    }
    const element = old && !old.code ? old.element : document.createElement("div");
    element.replaceChildren(fragmentOf(token));
    this.place(at, { raw: token.raw, element, code: null });
  }

  private place(at: number, block: Block): void {
    const old = this.blocks[at];
    if (!old) this.root.append(block.element);
    else if (old.element !== block.element) old.element.replaceWith(block.element);
    this.blocks[at] = block;
  }
}

/** Whether the text begins with one block without a pause in it that is longer than any prose. */
function isGiant(tail: string): boolean {
  if (tail.length <= PLAIN_FROM) return false;
  const pause = tail.indexOf("\n\n");
  return pause < 0 || pause > PLAIN_FROM;
}

function fragmentOf(token: Token): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parser([token]), SANITIZE);
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const special: Text[] = [];
  while (walker.nextNode()) if (isSpecial(walker.currentNode.nodeValue ?? "")) special.push(walker.currentNode as Text);
  for (const node of special) node.replaceWith(...drawText(node.data));
  for (const table of fragment.querySelectorAll("table")) {
    const scroller = document.createElement("div");
    scroller.className = "table";
    scroller.tabIndex = 0;
    table.replaceWith(scroller);
    scroller.append(table);
  }
  return fragment;
}
