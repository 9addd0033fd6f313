// The one connection to the host: dial, prove, initialize, ask, dial again. Not what the messages mean (store/) and not
// what is attached (app/). The address is this page's own origin and nothing else.

import type { HostTerms, Message, Params, RpcError } from "./types";
import { Pending, Refused } from "./pending";
import { macOf, signInState } from "./signin";

export interface Link {
  state: "off" | "dialing" | "proving" | "initializing" | "up" | "waiting";
  /** When `state` began, in this tab's clock. */
  sinceMs: number;
  /** When the last frame came, in this tab's clock. */
  heardAtMs: number;
  /** While waiting: when the next dial is due. */
  retryAtMs: number;
  /** Why the last connection ended, in words for a person. */
  reason: string;
}

export interface Hooks {
  onLink(link: Link): void;
  /** The socket is ready for requests. `journalId` tells whether cursors still mean anything. */
  onUp(terms: HostTerms): void;
  /** Notifications and requests by the host, in their order, at most once a frame of the screen. */
  onMessages(messages: readonly Message[], atMs: number): void;
  onSignedOut(reason: string): void;
}

const BACKOFF_MIN_MS = 400;
const BACKOFF_MAX_MS = 15_000;
/** From the dial to the answer of `initialize`. */
const OPENING_MS = 12_000;
/** After this much silence the host is asked for a sign of life; phones keep dead sockets open for minutes. */
const SILENCE_MS = 25_000;
const TICK_MS = 1_000;
/** While much comes, the page is drawn thirty times a second: nobody reads faster, and it halves the work. */
const DRAW_PAUSE_MS = 33;
/** A hidden tab gets no animation frames, but must not pile messages up. */
const HIDDEN_PAUSE_MS = 200;

const REASONS: Record<number, string> = {
  1001: "the host is stopping", 1003: "the host got a binary frame", 1008: "the host gave up on this tab's messages",
  1009: "a message was too big", 4408: "the host waited too long for this tab", 4429: "the host has too many tabs open",
};

export class Socket {
  private ws: WebSocket | null = null;
  private link: Link = { state: "off", sinceMs: Date.now(), heardAtMs: 0, retryAtMs: 0, reason: "" };
  private readonly pending = new Pending((frame) => this.write(frame));
  private inbox: Message[] = [];
  private drainPlanned = false;
  private drainedAt = 0;
  private attempt = 0;
  private opened = false;
  private probing = false;
  private timer: number | undefined;

  constructor(private readonly hooks: Hooks) {
    addEventListener("online", () => this.hurry());
    addEventListener("offline", () => this.ws && this.drop("the device is offline"));
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.hurry());
    setInterval(() => this.tick(), TICK_MS);
  }

  start(): void {
    if (this.link.state === "off") void this.dial();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.set("off", "");
    this.forget();
  }

  /** Dials at once if a dial is due later. */
  hurry(): void {
    if (this.link.state === "waiting") void this.dial();
    else if (this.link.state === "up" && Date.now() - this.link.heardAtMs > 5_000) this.probe();
  }

  /** `onResult` runs in the place that the answer has among the events; the promise resolves later. */
  request<T>(method: string, params: Params, onResult?: (result: T) => void, timeoutMs?: number): Promise<T> {
    if (this.link.state !== "up") return Promise.reject(new Refused({ code: 0, message: "the host is not connected" }));
    return this.pending.ask<T>(method, params, onResult, timeoutMs);
  }

  answer(id: string | number, reply: { result: unknown } | { error: RpcError }): boolean {
    return this.link.state === "up" && this.write({ id, ...reply });
  }

  private async dial(): Promise<void> {
    clearTimeout(this.timer);
    this.set("dialing", this.link.reason);
    const host = await signInState();
    if (this.link.state !== "dialing") return;
    if (host === null) return this.wait("the host does not answer");
    if (host.required && host.valid === false) return this.end("Your sign-in has ended. Sign in again to go on; nothing was lost.");
    const { required, valid } = host;
    const ws = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`, "holdfast.v1");
    this.forget();
    this.ws = ws;
    this.opened = false;
    this.timer = window.setTimeout(() => this.drop("the host took too long to open the connection"), OPENING_MS);
    ws.onopen = () => {
      this.opened = true;
      if (required) this.set("proving", "");
      else void this.initialize();
    };
    ws.onmessage = (event) => this.receive(ws, event.data);
    ws.onclose = (event) => this.ws === ws && this.onClose(event.code, required && valid === null);
  }

  private receive(ws: WebSocket, data: unknown): void {
    if (this.ws !== ws || typeof data !== "string") return;
    this.link = { ...this.link, heardAtMs: Date.now() };
    for (const line of data.split("\n")) {
      if (line === "") continue;
      try {
        this.inbox.push(JSON.parse(line) as Message);
      } catch {
        return this.drop("the host sent something that is not JSON");
      }
    }
    if (this.link.state !== "up") return this.drain();
    if (this.drainPlanned) return;
    this.drainPlanned = true;
    if (document.visibilityState !== "visible") { setTimeout(() => this.drain(), HIDDEN_PAUSE_MS); return; }
    const pause = this.drainedAt + DRAW_PAUSE_MS - performance.now();
    if (pause <= 0) requestAnimationFrame(() => this.drain());
    else setTimeout(() => this.drain(), pause);
  }

  private drain(): void {
    this.drainPlanned = false;
    this.drainedAt = performance.now();
    const inbox = this.inbox;
    this.inbox = [];
    let run: Message[] = [];
    const atMs = Date.now();
    const flush = () => {
      if (run.length > 0) this.hooks.onMessages(run, atMs);
      run = [];
    };
    for (const message of inbox) {
      if (message.method === undefined) {
        flush(); // An answer has its place among the events: what came before it is folded in first.
        if (!this.pending.settle(message)) run.push(message);
      } else if (this.link.state === "proving") {
        this.onGate(message);
      } else run.push(message);
    }
    flush();
  }

  private onGate(message: Message): void {
    if (message.method === "host/challenge") {
      void macOf(String(message.params?.["nonce"] ?? "")).then((mac) => {
        if (mac === null) this.end("Sign in to open this host.");
        else this.write({ method: "host/proof", params: { mac } });
      });
    } else if (message.method === "host/admitted") void this.initialize();
  }

  private async initialize(): Promise<void> {
    this.set("initializing", "");
    try {
      const result = await this.pending.ask<{ holdfast?: HostTerms }>("initialize", {
        clientInfo: { name: "holdfast-web", title: "holdfast", version: "1" },
        capabilities: { experimentalApi: true },
      });
      this.write({ method: "initialized" });
      clearTimeout(this.timer);
      this.attempt = 0;
      this.set("up", "");
      this.hooks.onUp(result.holdfast ?? {});
    } catch (error) {
      this.drop(`the host refused this page: ${error instanceof Error ? error.message : "no reason given"}`);
    }
  }

  private tick(): void {
    this.pending.expire(Date.now());
    if (this.link.state !== "up") return;
    if (Date.now() - this.link.heardAtMs > SILENCE_MS && document.visibilityState === "visible") this.probe();
    this.hooks.onLink(this.link);
  }

  private probe(): void {
    if (this.probing) return;
    this.probing = true;
    this.pending.ask("host/sessions/list", { limit: 1 }, undefined, 8_000)
      .catch(() => this.link.state === "up" && Date.now() - this.link.heardAtMs > 8_000 && this.drop("the host stopped answering"))
      .finally(() => { this.probing = false; });
  }

  private onClose(code: number, doubtful: boolean): void {
    if (code === 4401) return this.end("Your sign-in has ended. Sign in again to go on; nothing was lost.");
    // The browser hides the status of a refused upgrade. A host that does not say more and refuses twice wants a new sign-in.
    if (!this.opened && doubtful && this.attempt >= 1) return this.end("The host wants you to sign in again.");
    this.wait(REASONS[code] ?? (this.opened ? "the connection broke" : "the host refused the connection"));
  }

  private drop(reason: string): void {
    this.wait(reason);
  }

  private end(reason: string): void {
    clearTimeout(this.timer);
    this.set("off", reason);
    this.forget();
    this.hooks.onSignedOut(reason);
  }

  private wait(reason: string): void {
    clearTimeout(this.timer);
    this.forget();
    const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** this.attempt);
    this.attempt += 1;
    const delay = ceiling / 2 + Math.random() * (ceiling / 2);
    this.link = { ...this.link, retryAtMs: Date.now() + delay };
    this.set("waiting", reason);
    this.timer = window.setTimeout(() => void this.dial(), delay);
  }

  private forget(): void {
    const ws = this.ws;
    this.ws = null;
    this.inbox = [];
    ws?.close();
    this.pending.cut();
  }

  private set(state: Link["state"], reason: string): void {
    // The break is as old as its first moment, not as the latest of many dials.
    const broken = (one: Link["state"]) => one === "waiting" || one === "dialing";
    const sinceMs = state === this.link.state || (broken(state) && broken(this.link.state)) ? this.link.sinceMs : Date.now();
    this.link = { ...this.link, state, reason, sinceMs };
    this.hooks.onLink(this.link);
  }

  private write(frame: object): boolean {
    if (this.ws?.readyState !== WebSocket.OPEN) return false;
    this.ws.send(JSON.stringify(frame));
    return true;
  }
}
