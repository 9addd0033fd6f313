// The rows of all turns, of which only those in sight are drawn, and where the person stands in them: it follows the end
// until they scroll up, older history comes when they reach the top, and a hit of the search is shown where it is. Not the
// rows themselves: Turn.tsx.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { loadingOlder, loadOlder } from "../app/actions";
import { apply } from "../app/connection";
import { hit } from "../app/hit";
import { fold, folded } from "../app/model";
import { weighs } from "../store/trim";
import type { Session } from "../store/state";
import { rowsOf } from "../store/rows";
import { markWords } from "../text/found";
import { Icon } from "./Icon";
import { TurnRow } from "./Turn";
import { useVirtualizer } from "./virtual";

/** This near the end counts as being there. */
const END_PX = 48;
/** This near the top asks for older history. */
const TOP_PX = 600;
/** The line above the first row: "load older", or nothing. */
const HEAD_PX = 44;
/** A scroll so soon after a wheel, a finger, a key or the bar is the person's; others are the layout finding its place. */
const HAND_MS = 500;
/** So long a hit stays marked. */
const MARKED_MS = 6_000;

const HAND = ["wheel", "touchmove", "keydown", "pointerdown", "pointermove"] as const;

export function Transcript({ session }: { session: Session }) {
  const scroller = useRef<HTMLDivElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const lastTop = useRef(0);
  const touchedAt = useRef(-HAND_MS);
  const [away, setAway] = useState(false);
  const older = session.olderCursor !== null;

  const hidden = folded.value;
  const rows = useMemo(() => rowsOf(session.turns, hidden), [session.turns, hidden]);
  const latest = useRef(rows);
  latest.current = rows;
  const keyOf = useMemo(() => (index: number) => latest.current[index]?.key ?? String(index), [rows.length, rows[0]?.key, rows.at(-1)?.key]);
  const virtualizer = useVirtualizer({ scroller, count: rows.length, keyOf, guess: (index) => latest.current[index]?.guess ?? 60, margin: HEAD_PX, follows });
  const drawn = virtualizer.getVirtualItems();
  const above = (drawn[0]?.start ?? HEAD_PX) - HEAD_PX;
  const below = virtualizer.getTotalSize() - ((drawn.at(-1)?.end ?? HEAD_PX) - HEAD_PX);

  useLayoutEffect(() => {
    const box = scroller.current;
    const body = inside.current;
    if (!box || !body) return;
    const toEnd = () => { if (follows.current) box.scrollTop = box.scrollHeight; };
    const watcher = new ResizeObserver(toEnd);
    watcher.observe(body);
    watcher.observe(box);
    toEnd();
    const onHand = (event: Event) => { if (!(event instanceof PointerEvent) || event.type === "pointerdown" || event.buttons > 0) touchedAt.current = performance.now(); };
    for (const name of HAND) box.addEventListener(name, onHand, { passive: true });
    return () => { watcher.disconnect(); for (const name of HAND) box.removeEventListener(name, onHand); };
  }, []);

  function onScroll() {
    const box = scroller.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    if (atEnd) follows.current = true;
    else if (box.scrollTop < lastTop.current - 1 && performance.now() - touchedAt.current < HAND_MS) follows.current = false;
    lastTop.current = box.scrollTop;
    setAway(!follows.current);
    if (older && box.scrollTop < TOP_PX && !follows.current) void loadOlder(session.threadId);
  }

  function jump() {
    const box = scroller.current;
    if (!box) return;
    follows.current = true;
    setAway(false);
    box.scrollTop = box.scrollHeight;
  }

  const found = hit.value?.threadId === session.threadId ? hit.value : null;
  useEffect(() => { if (found && folded.value.has(found.turnId)) fold(found.turnId, false); }, [found]);
  const foundAt = found === null ? -1 : rows.findIndex((row) => row.kind === "item" && row.item.itemId === found.itemId && row.turnId === found.turnId);
  useEffect(() => {
    if (!found || foundAt < 0) return;
    follows.current = false;
    setAway(true);
    virtualizer.scrollToIndex(foundAt, { align: "center" });
    const marks = [60, 350, 900].map((wait) => setTimeout(() => {
      const row = inside.current?.querySelector<HTMLElement>("[data-hit]");
      if (row) markWords(row, found.query);
    }, wait));
    const end = setTimeout(() => { if (hit.value === found) hit.value = null; markWords(null, ""); }, MARKED_MS);
    return () => { for (const timer of [...marks, end]) clearTimeout(timer); markWords(null, ""); };
  }, [found, foundAt >= 0]);

  const size = session.turns.reduce((sum, turn) => sum + turn.items.length, 0);
  useEffect(() => {
    if (follows.current && weighs(session)) apply({ kind: "trimmed", threadId: session.threadId });
  }, [size]);

  useEffect(() => {
    const onSent = () => jump();
    addEventListener("holdfast-sent", onSent);
    return () => removeEventListener("holdfast-sent", onSent);
  }, []);

  return (
    <div class="transcript-frame">
      <div class="transcript" ref={scroller} onScroll={onScroll} data-testid="transcript" data-rows={rows.length} tabIndex={0} role="log" aria-live="off" aria-label="Conversation">
        <div class="turns" ref={inside}>
          <div class="turns-head">
            {older ? <button type="button" class="quiet-button" onClick={() => void loadOlder(session.threadId)} disabled={loadingOlder.value} data-testid="load-older">{loadingOlder.value ? "Loading…" : "Load older"}</button> : null}
          </div>
          {rows.length === 0 ? <p class="quiet center pad">Nothing has been said yet. Write what Codex should do.</p> : null}
          <div style={{ height: `${above}px` }} />
          {drawn.map(({ index, key }) => {
            const row = rows[index];
            return row ? (
              <div key={key as string} class="slot" data-index={index} ref={virtualizer.measureElement} data-hit={index === foundAt ? "" : undefined}>
                <TurnRow row={row} first={rows[index - 1]?.turnId !== row.turnId} last={rows[index + 1]?.turnId !== row.turnId} />
              </div>
            ) : null;
          })}
          <div style={{ height: `${Math.max(0, below)}px` }} />
        </div>
      </div>
      {found && foundAt < 0 ? <p class="jump looking" role="status">Looking for the place…</p> : null}
      {away ? <button type="button" class="jump" onClick={jump} data-testid="jump-latest"><Icon name="down" />Jump to latest</button> : null}
    </div>
  );
}
