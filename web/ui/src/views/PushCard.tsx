// Switches Web Push on for this browser, and says in words why that may not go. Not what is pushed: that is the host's.

import { useEffect } from "preact/hooks";
import { push, pushBusy, switchPushOff, switchPushOn, testPush, type Push } from "../app/push";

const WHY: Record<Push, string> = {
  unsupported: "This browser has no Web Push.",
  insecure: "Browsers have it over HTTPS only, or on the machine of the host itself (localhost). Publish the host with Tailscale Serve.",
  install: "On an iPhone or iPad only an installed page has it: Share, then “Add to Home Screen”, open holdfast from there, and switch it on in this place.",
  denied: "The browser was told not to let this page notify. Its site settings change that.",
  hostOff: "This host pushes nothing: notify.web_push.enabled is false.",
  off: "This browser can tell you when a session needs you, is done or failed, also while no page is open.",
  on: "This browser tells you when a session needs you, is done or failed, and no tab has shown it.",
};

const TAG: Record<Push, string> = { unsupported: "not here", insecure: "needs HTTPS", install: "needs installing", denied: "refused", hostOff: "off at the host", off: "off", on: "on" };

export function PushCard() {
  const state = push.value;
  const busy = pushBusy.value;
  // Somebody may have come back from the browser's site settings.
  useEffect(() => {
    if (state === "denied" && Notification.permission !== "denied") push.value = "off";
  });
  return (
    <section class="host-card" data-testid="push" data-state={state}>
      <div class="card-head">
        <h2>Notifications on this device <span class={`tag ${state === "on" ? "tag-completed" : ""}`}>{TAG[state]}</span></h2>
        <span class="card-acts">
          {state === "on" ? <button type="button" class="small-button" data-testid="push-test" disabled={busy} onClick={() => void testPush()}>Send a test</button> : null}
          {state === "on" ? <button type="button" class="small-button" data-testid="push-off" disabled={busy} onClick={() => void switchPushOff()}>Switch off</button> : null}
          {state === "off" ? <button type="button" class="small-button" data-testid="push-on" disabled={busy} onClick={() => void switchPushOn()}>Switch on</button> : null}
        </span>
      </div>
      <p>{WHY[state]}</p>
      <p class="quiet small">It goes through the push service of the browser's maker, encrypted, and says no more than “A session needs you” unless the host is told to send titles. It ends when this browser is signed out. A webhook and ntfy are set up on the host, in <code>[notify]</code>.</p>
    </section>
  );
}
