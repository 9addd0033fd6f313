// Markdown in a Preact tree. The reader and the sanitiser load once, when the first message is shown; until then the text
// stands there as it is. Not the drawing: text/markdown.ts.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { MarkdownView } from "../text/markdown";

const reader = signal<typeof MarkdownView | null>(null);
let asked = false;

function load(): void {
  if (asked) return;
  asked = true;
  import("../text/markdown").then((module) => { reader.value = module.MarkdownView; }, () => { asked = false; });
}

export function Markdown({ source, open }: { source: string; open: boolean }) {
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<MarkdownView | null>(null);
  const Reader = reader.value;
  useEffect(load, []);
  useLayoutEffect(() => {
    if (!Reader || !root.current) return;
    view.current ??= new Reader(root.current);
    view.current.update(source, open);
  }, [Reader, source, open]);
  return Reader ? <div key="read" class="markdown" ref={root} /> : <div key="plain" class="markdown plain">{source}</div>;
}
