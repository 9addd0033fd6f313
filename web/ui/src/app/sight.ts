// Tells the host what a person sees in this page, so that it calls nobody elsewhere for what was seen. Not the unread mark:
// seen.ts.

import { effect, signal } from "@preact/signals";
import { socket } from "./connection";
import { linkUp, view } from "./model";

/** A page that nobody touched for so long may stand on a desk that somebody has left. */
const AWAY_MS = 120_000;
const LOOK_MS = 10_000;

const there = signal(document.visibilityState === "visible");
let touchedAtMs = Date.now();

export function followSight(): void {
  const touch = () => { touchedAtMs = Date.now(); look(); };
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"]) addEventListener(kind, touch, { passive: true, capture: true });
  addEventListener("focus", touch);
  document.addEventListener("visibilitychange", touch);
  setInterval(look, LOOK_MS);
  let told = "";
  effect(() => {
    if (!linkUp.value) { told = ""; return; }
    const at = view.value;
    const shows = at.at === "session" ? { visible: true, threadId: at.threadId } : { visible: at.at === "list" };
    const next = there.value ? shows : { visible: false };
    const words = JSON.stringify(next);
    if (words === told) return;
    told = words;
    // A host that does not know it, or the session, calls once too often; nothing worse.
    socket.request("host/tab/visible", next).catch(() => undefined);
  });
}

function look(): void {
  there.value = document.visibilityState === "visible" && Date.now() - touchedAtMs < AWAY_MS;
}
