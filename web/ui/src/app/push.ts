// Web Push for this browser: calls that come while no page of the host is open. Not the calls of an open page: notify.ts.

import { effect, signal } from "@preact/signals";
import type { Params } from "../wire/types";
import { text } from "../wire/types";
import { sessionOf } from "../wire/pairing";
import { go } from "./actions";
import { socket } from "./connection";
import { linkUp, say } from "./model";

const KEY = "holdfast.push";
const WORKER = "/sw.js";

/** Why there is none, or whether it is on. `hostOff`: the host sends none. */
export type Push = "unsupported" | "insecure" | "install" | "denied" | "hostOff" | "off" | "on";

export const push = signal<Push>(possible());
/** Something is on its way. */
export const pushBusy = signal(false);

interface HostPush { enabled?: boolean; key?: string | null }
interface ScriptPolicy { createScriptURL(url: string): string }
interface PolicyFactory { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy }

/** The one script that may be named at run time. */
const scripts: ScriptPolicy = (() => {
  const rules: ScriptPolicy = {
    createScriptURL(url) {
      if (url !== WORKER) throw new TypeError("this page names no other script");
      return url;
    },
  };
  const factory = (globalThis as { trustedTypes?: PolicyFactory }).trustedTypes;
  return factory?.createPolicy("holdfast-worker", rules) ?? rules;
})();

/** What the browser itself says, before the host is asked. */
function possible(): Push {
  if (!isSecureContext) return "insecure";
  if (!("serviceWorker" in navigator) || !("PushManager" in globalThis) || typeof Notification === "undefined") return isAppleTab() ? "install" : "unsupported";
  return Notification.permission === "denied" ? "denied" : "off";
}

/** Phones and tablets of Apple push to installed pages alone. */
function isAppleTab(): boolean {
  return "standalone" in navigator && navigator.standalone !== true;
}

/** Takes up again what was switched on, with every sign-in: a subscription ends with the one that it was made with. */
export function followPush(): void {
  if ("serviceWorker" in navigator) {
    navigator.serviceWorker.addEventListener("message", (event) => {
      const threadId = sessionOf(text((event.data as Params | null)?.["open"]).slice(1));
      if (threadId !== null) go({ at: "session", threadId });
    });
  }
  effect(() => {
    if (linkUp.value) void takeUp();
  });
}

async function takeUp(): Promise<void> {
  const now = possible();
  if (now !== "off") { push.value = now; return; }
  try {
    const host = await hostPush();
    if (!host.key) { push.value = "hostOff"; return; }
    const wanted = localStorage.getItem(KEY) === "on" && Notification.permission === "granted";
    if (wanted) await subscribe(host.key);
    push.value = wanted ? "on" : "off";
  } catch {
    // It stays off, and the button says why when it is pressed.
    push.value = "off";
  }
}

/** The button. Asks the browser's permission first, which only a press may do. */
export async function switchPushOn(): Promise<void> {
  await busy("Web Push was not switched on", async () => {
    const answer = await Notification.requestPermission();
    if (answer !== "granted") {
      push.value = answer === "denied" ? "denied" : "off";
      return;
    }
    const { key } = await hostPush();
    if (!key) { push.value = "hostOff"; return; }
    await subscribe(key);
    keep("on");
    push.value = "on";
  });
}

export async function switchPushOff(): Promise<void> {
  await busy("Web Push was not switched off", async () => {
    keep("off");
    const subscription = await current();
    if (subscription) {
      await socket.request("host/push/unsubscribe", { endpoint: subscription.endpoint });
      await subscription.unsubscribe();
    }
    push.value = "off";
  });
}

export async function testPush(): Promise<void> {
  await busy("The test was not sent", async () => {
    const subscription = await current();
    if (!subscription) throw new Error("this browser has lost its subscription; switch it off and on");
    await socket.request("host/push/test", { endpoint: subscription.endpoint });
    say("The push service took the test. It should show in a moment.");
  });
}

async function hostPush(): Promise<HostPush> {
  return socket.request<HostPush>("host/push/state", {});
}

async function current(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

async function subscribe(key: string): Promise<void> {
  await navigator.serviceWorker.register(scripts.createScriptURL(WORKER), { scope: "/", updateViaCache: "none" });
  const { pushManager } = await navigator.serviceWorker.ready;
  const wanted = bytes(key);
  let subscription = await pushManager.getSubscription();
  // Made for another key, as of a host whose state folder is new: nobody could push to it.
  const known = subscription?.options.applicationServerKey;
  if (subscription && known && !same(new Uint8Array(known), wanted)) {
    await subscription.unsubscribe();
    subscription = null;
  }
  subscription ??= await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: wanted });
  const { endpoint, keys } = subscription.toJSON();
  await socket.request("host/push/subscribe", { endpoint, keys });
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
}

function same(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

async function busy(failed: string, work: () => Promise<void>): Promise<void> {
  if (pushBusy.value) return;
  pushBusy.value = true;
  try {
    await work();
  } catch (error) {
    say(`${failed}: ${(error as Error).message}.`, "bad");
  } finally {
    pushBusy.value = false;
  }
}

function keep(choice: "on" | "off"): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // Without a store it has to be switched on again after the next sign-in.
  }
}
