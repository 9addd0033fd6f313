// Calls the person who is elsewhere: notifications of the browser, the mark on the icon. Asked for only on a press. Not which
// changes are worth a call: store/calls.ts.

import { effect, signal } from "@preact/signals";
import { callsSince, type Call, type Seen } from "../store/calls";
import { go } from "./actions";
import { asking, needsYou, say, state, summaries } from "./model";
import { push } from "./push";

const KEY = "holdfast.notify";

/** `off` by choice or because nobody asked yet, `no` where the browser has none or the person said no. */
export const notifying = signal<"on" | "off" | "no">(begin());

function begin(): "on" | "off" | "no" {
  if (typeof Notification === "undefined" || Notification.permission === "denied") return "no";
  return Notification.permission === "granted" && localStorage.getItem(KEY) === "on" ? "on" : "off";
}

/** The button: asks the browser when it must, else turns the calls on and off. */
export async function toggleNotify(): Promise<void> {
  if (notifying.value === "on") return set("off");
  if (typeof Notification === "undefined") return say("This browser shows no notifications for this page. Over HTTPS most do.", "bad");
  const answer = await Notification.requestPermission();
  if (answer === "granted") {
    set("on");
    say("You are called when a session needs you, is done or fails, while this page is in the background.");
  } else {
    notifying.value = answer === "denied" ? "no" : "off";
    say("The browser does not let this page call you. Its site settings can change that.", "bad");
  }
}

function set(next: "on" | "off"): void {
  notifying.value = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // Without a store the choice lives as long as the page.
  }
}

const WORDS: Record<Call["kind"], string> = { needsYou: "Needs you", done: "Done", failed: "Failed" };

function call({ threadId, title, kind }: Call): void {
  try {
    const note = new Notification(WORDS[kind], { body: title, tag: `holdfast ${threadId}`, icon: "/icon-192.png" });
    note.onclick = () => {
      focus();
      note.close();
      go({ at: "session", threadId });
    };
  } catch {
    // Some phones take notifications from service workers alone, which this page may not have: the mark on the icon stays.
    notifying.value = "no";
  }
}

export function followCalls(): void {
  let seen: Seen = new Map();
  effect(() => {
    // Read for their changes only: the whole state changes with every event.
    void asking.value;
    void summaries.value;
    const { seen: next, calls } = callsSince(seen, state.peek());
    seen = next;
    // One call is enough: what no page shows the host pushes.
    if (notifying.peek() !== "on" || push.peek() === "on" || (document.visibilityState === "visible" && document.hasFocus())) return;
    for (const one of calls) call(one);
  });
  effect(() => {
    const count = needsYou.value;
    const icon = document.querySelector<HTMLLinkElement>("link[rel=icon]");
    const href = count > 0 ? "/favicon-needs-you.svg" : "/favicon.svg";
    if (icon && !icon.href.endsWith(href)) icon.href = href;
    // On the icon of the installed page.
    if (count > 0) void navigator.setAppBadge?.(count).catch(() => undefined);
    else void navigator.clearAppBadge?.().catch(() => undefined);
  });
}
