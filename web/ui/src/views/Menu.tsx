// A button with a menu under it: arrow keys, Escape, a press outside. Not what its entries do.

import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./Icon";

export interface Entry { label: string; icon: IconName; act: () => void; id?: string; danger?: boolean; disabled?: boolean }

export function Menu({ label, icon = "more", entries, id }: { label: string; icon?: IconName; entries: (Entry | null)[]; id: string }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const items = () => [...(root.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]:not(:disabled)") ?? [])];

  useEffect(() => {
    if (!open) return;
    items()[0]?.focus();
    const outside = (event: Event) => { if (!root.current?.contains(event.target as Node)) setOpen(false); };
    addEventListener("pointerdown", outside);
    return () => removeEventListener("pointerdown", outside);
  }, [open]);

  function shut(): void {
    setOpen(false);
    root.current?.querySelector<HTMLButtonElement>("[aria-haspopup]")?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (!open) return;
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); shut(); }
    else if (event.key === "Tab") setOpen(false);
    else if (to !== undefined) { event.preventDefault(); all[(to + all.length) % all.length]?.focus(); }
  }

  return (
    <div class="menu" ref={root} onKeyDown={onKeyDown}>
      <button type="button" class="icon-button" aria-haspopup="menu" aria-expanded={open} aria-label={label} title={label} data-testid={id} onClick={() => setOpen(!open)}><Icon name={icon} /></button>
      {open ? (
        <div class="menu-list" role="menu" aria-label={label}>
          {entries.map((entry, at) => (entry === null ? <div key={at} class="menu-line" role="separator" /> : (
            <button key={entry.label} type="button" role="menuitem" class={`menu-item ${entry.danger ? "danger" : ""}`} data-testid={entry.id} disabled={entry.disabled}
              onClick={() => { shut(); entry.act(); }}><Icon name={entry.icon} />{entry.label}</button>
          )))}
        </div>
      ) : null}
    </div>
  );
}
