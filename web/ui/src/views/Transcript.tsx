// The turns, one below the other, and where the person stands in them: it follows the end until they scroll up, and older
// history comes when they reach the top. Not the turns themselves.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { loadingOlder, loadOlder } from "../app/actions";
import { apply } from "../app/connection";
import { ITEMS_MAX } from "../store/reduce";
import type { Session } from "../store/state";
import { Icon } from "./Icon";
import { TurnCard } from "./Turn";

/** This near the end counts as being there. */
const END_PX = 48;
/** This near the top asks for older history. */
const TOP_PX = 300;

export function Transcript({ session }: { session: Session }) {
  const scroller = useRef<HTMLDivElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const lastTop = useRef(0);
  const [away, setAway] = useState(false);
  const older = session.olderCursor !== null;

  useLayoutEffect(() => {
    const box = scroller.current;
    const body = inside.current;
    if (!box || !body) return;
    const toEnd = () => { if (follows.current) box.scrollTop = box.scrollHeight; };
    const watcher = new ResizeObserver(toEnd);
    watcher.observe(body);
    watcher.observe(box);
    toEnd();
    return () => watcher.disconnect();
  }, []);

  function onScroll() {
    const box = scroller.current;
    if (!box) return;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    if (atEnd) follows.current = true;
    else if (box.scrollTop < lastTop.current - 1) follows.current = false;
    lastTop.current = box.scrollTop;
    setAway(!follows.current);
    if (older && box.scrollTop < TOP_PX && !follows.current) void more();
  }

  /** Loads a page of history and keeps what is on the screen where it is. */
  async function more() {
    const box = scroller.current;
    const body = inside.current;
    if (!box || !body || loadingOlder.value) return;
    const first = body.querySelector<HTMLElement>("[data-turn]");
    const before = first?.getBoundingClientRect().top ?? 0;
    await loadOlder(session.threadId);
    requestAnimationFrame(() => {
      if (first?.isConnected) box.scrollTop += first.getBoundingClientRect().top - before;
    });
  }

  function jump() {
    const box = scroller.current;
    if (!box) return;
    follows.current = true;
    setAway(false);
    box.scrollTop = box.scrollHeight;
  }

  const size = session.turns.reduce((sum, turn) => sum + turn.items.length, 0);
  useEffect(() => {
    if (size > ITEMS_MAX && follows.current) apply({ kind: "trimmed", threadId: session.threadId });
  }, [size]);

  useEffect(() => {
    const onSent = () => jump();
    addEventListener("holdfast-sent", onSent);
    return () => removeEventListener("holdfast-sent", onSent);
  }, []);

  return (
    <div class="transcript-frame">
      <div class="transcript" ref={scroller} onScroll={onScroll} data-testid="transcript" tabIndex={0} role="log" aria-live="off" aria-label="Conversation">
        <div class="turns" ref={inside}>
          {older ? <button type="button" class="quiet-button center" onClick={() => void more()} disabled={loadingOlder.value} data-testid="load-older">{loadingOlder.value ? "Loading…" : "Load older"}</button> : null}
          {session.turns.length === 0 ? <p class="quiet center pad">Nothing has been said yet. Write what Codex should do.</p> : null}
          {session.turns.map((turn) => <TurnCard key={turn.id} turn={turn} />)}
        </div>
      </div>
      {away ? <button type="button" class="jump" onClick={jump} data-testid="jump-latest"><Icon name="down" />Jump to latest</button> : null}
    </div>
  );
}
