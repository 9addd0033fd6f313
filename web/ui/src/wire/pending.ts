// Requests that wait for their answers, each with its own deadline. Not the socket that carries them.

import type { Message, Params, RpcError } from "./types";

/** A request that the host refused, or that got no answer. `code` 0 means that the connection ended first, -1 a time-out. */
export class Refused extends Error {
  readonly code: number;
  constructor(error: RpcError) {
    super(error.message);
    this.code = error.code;
  }
}

interface Waiting {
  deadline: number;
  resolve(result: unknown): void;
  reject(error: Refused): void;
}

const DEADLINE_MS = 20_000;

export class Pending {
  private next = 1;
  private readonly table = new Map<number, Waiting>();

  constructor(private readonly write: (frame: object) => boolean) {}

  /** `onResult` runs before any message that came after the answer is looked at; the promise resolves later. */
  ask<T>(method: string, params: Params, onResult?: (result: T) => void, timeoutMs = DEADLINE_MS): Promise<T> {
    const id = this.next;
    this.next += 1;
    return new Promise<T>((resolve, reject) => {
      this.table.set(id, {
        deadline: Date.now() + timeoutMs,
        resolve: (result) => {
          onResult?.(result as T);
          resolve(result as T);
        },
        reject,
      });
      if (!this.write({ id, method, params })) this.fail(id, { code: 0, message: "the host is not connected" });
    });
  }

  /** False when nobody waits for this message. */
  settle(message: Message): boolean {
    const waiting = typeof message.id === "number" ? this.table.get(message.id) : undefined;
    if (!waiting) return false;
    this.table.delete(message.id as number);
    if (message.error) waiting.reject(new Refused(message.error));
    else waiting.resolve(message.result);
    return true;
  }

  expire(nowMs: number): void {
    for (const [id, waiting] of this.table) {
      if (waiting.deadline <= nowMs) this.fail(id, { code: -1, message: "the host gave no answer in time" });
    }
  }

  cut(): void {
    for (const id of [...this.table.keys()]) this.fail(id, { code: 0, message: "the connection ended before the answer" });
  }

  private fail(id: number, error: RpcError): void {
    const waiting = this.table.get(id);
    this.table.delete(id);
    waiting?.reject(new Refused(error));
  }
}
