// A client of the protocol for tests that need sessions to look at: it prompts and answers, from a page of its own.
// Not a test, and not how the page does it.

import { openPage } from "./support.mjs";

/** A text as a value of a scenario. */
export const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n")}"`;

/** A text as a word of the simulated shell, inside a quoted value. */
export const word = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** A client beside the page, which prompts and answers; it lives in a page of its own. */
export class Driver {
  static async open(browser, demo) {
    const driver = new Driver();
    driver.page = await openPage(browser, demo);
    await driver.page.evaluate(connect, demo.token);
    return driver;
  }

  call(method, params) {
    return this.page.evaluate(([method, params]) => window.client.call(method, params), [method, params]);
  }

  /** The next question of Codex: its id and method. */
  question() {
    return this.page.evaluate(() => window.client.question());
  }

  /** Waits until the session has nothing to do, and accepts what it asks meanwhile. */
  async idle(threadId) {
    for (;;) {
      const { data } = await this.call("host/sessions/list", {});
      const { state, pending } = data.find((one) => one.threadId === threadId);
      if (state === "idle" || state === "parked") return;
      if (pending > 0) {
        const { id, method } = await this.question();
        const result = method === "item/tool/requestUserInput" ? { answers: {} } : { decision: "accept" };
        await this.answer(id, result);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  answer(id, result) {
    return this.page.evaluate(([id, result]) => window.client.send({ id, result }), [id, result]);
  }
}

/** Runs in the driver's page: signs in and speaks the protocol. */
async function connect(token) {
  const login = await fetch("/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token }) });
  const { proof } = await login.json();
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", bytes(proof), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const ws = new WebSocket(`${location.origin.replace("http", "ws")}/ws`);
  const waiting = new Map();
  const questions = [];
  let ask = null;
  let ids = 0;
  const client = {
    send: (message) => ws.send(JSON.stringify(message)),
    call: (method, params) => new Promise((resolve, reject) => {
      ids += 1;
      waiting.set(ids, { resolve, reject });
      client.send({ id: ids, method, params });
    }),
    question: () => new Promise((resolve) => { ask = resolve; client.offer(); }),
    offer: () => { if (ask && questions.length > 0) { ask(questions.shift()); ask = null; } },
  };
  window.client = client;
  await new Promise((resolve, reject) => {
    ws.onclose = (event) => reject(new Error(`closed with ${event.code}`));
    ws.onmessage = async ({ data }) => {
      const message = JSON.parse(data);
      if (message.method === "host/challenge") {
        const mac = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(message.params.nonce));
        const text = btoa(String.fromCharCode(...new Uint8Array(mac))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
        client.send({ method: "host/proof", params: { mac: text } });
      } else if (message.method === "host/admitted") {
        resolve();
      } else if (message.method && message.id !== undefined) {
        questions.push({ id: message.id, method: message.method });
        client.offer();
      } else if (waiting.has(message.id)) {
        const { resolve, reject } = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error) reject(new Error(message.error.message));
        else resolve(message.result);
      }
    };
  });
  await client.call("initialize", { clientInfo: { name: "driver", title: null, version: "1" } });
  client.send({ method: "initialized" });
}
