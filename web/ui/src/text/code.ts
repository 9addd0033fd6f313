// A block of code with its language and a copy button, which can grow without being drawn anew. Not a highlighter.

import { drawText } from "./draw";

export class CodeBlock {
  readonly element = document.createElement("figure");
  private readonly label = document.createElement("span");
  private readonly body = document.createElement("code");
  private text = "";

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
    if (this.label.textContent !== language) this.label.textContent = language;
    if (text === this.text) return;
    if (text.startsWith(this.text)) this.body.append(...drawText(text.slice(this.text.length)));
    else this.body.replaceChildren(...drawText(text));
    this.text = text;
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
