// A block of code with its language and a copy button, which can grow without being drawn anew. It gets its colours when it
// is whole; which ones is the business of highlight.ts.

import { drawText } from "./draw";
import { isSpecial } from "./pieces";

/** Longer code stays plain: colouring it would be felt. */
const COLOURED_MAX = 30_000;

export class CodeBlock {
  readonly element = document.createElement("figure");
  private readonly label = document.createElement("span");
  private readonly body = document.createElement("code");
  private text = "";
  private language = "";
  private coloured = false;

  constructor() {
    this.element.className = "code";
    const head = document.createElement("figcaption");
    const copy = document.createElement("button");
    copy.type = "button";
    copy.className = "copy";
    copy.textContent = "Copy";
    copy.addEventListener("click", () => void copyText(this.text, copy));
    head.append(this.label, copy);
    const pre = document.createElement("pre");
    pre.tabIndex = 0;
    pre.append(this.body);
    this.element.append(head, pre);
  }

  update(text: string, language: string): void {
    this.language = language.toLowerCase();
    if (this.label.textContent !== language) this.label.textContent = language;
    if (text === this.text) return;
    if (text.startsWith(this.text)) this.body.append(...drawText(text.slice(this.text.length)));
    else this.body.replaceChildren(...drawText(text));
    this.text = text;
    this.coloured = false;
  }

  /** Nothing more comes. Code with a marker or a hidden character in it stays plain: those must stay what they are. */
  finish(): void {
    const { text, language } = this;
    if (this.coloured || language === "" || text.length > COLOURED_MAX || isSpecial(text)) return;
    this.coloured = true;
    void import("./highlight").then(({ highlight }) => {
      const nodes = this.text === text ? highlight(text, language) : null;
      if (nodes) this.body.replaceChildren(...nodes);
    }, () => undefined);
  }
}

/** Copies, and says on the button whether it worked. */
export async function copyText(text: string, button: HTMLElement): Promise<void> {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = before; }, 1500);
}
