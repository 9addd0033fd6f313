// A dialog over the page: the browser's own, so that focus, Escape and the background are right by themselves.

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./Icon";

interface Props { title: string; close: () => void; children: ComponentChildren; id?: string; wide?: boolean }

export function Dialog({ title, close, children, id, wide = false }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current;
    if (!dialog) return;
    const before = document.activeElement;
    dialog.showModal();
    return () => { if (before instanceof HTMLElement) before.focus(); };
  }, []);
  return (
    <dialog ref={box} class={`dialog ${wide ? "dialog-wide" : ""}`} aria-label={title} data-testid={id} onClose={close}
      onClick={(event) => { if (event.target === box.current) close(); }}>
      <div class="dialog-inside">
        <div class="dialog-head"><h2>{title}</h2><button type="button" class="icon-button small" aria-label="Close" onClick={close}><Icon name="close" /></button></div>
        {children}
      </div>
    </dialog>
  );
}
