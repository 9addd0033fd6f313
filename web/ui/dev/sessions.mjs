// The mock's sessions: feeds with numbers, attaches, prompts, questions. Not what is said in them: script.mjs.

import { randomUUID } from "node:crypto";
import { entriesOf, play, seed } from "./script.mjs";

const JOURNAL = "mock-journal";

export class Sessions {
  tabs = new Set();
  all = new Map();

  constructor() {
    seed(this);
  }

  add(over) {
    const now = Date.now();
    const session = {
      threadId: randomUUID(), title: "", preview: "", cwd: "/home/mo/src/holdfast", model: "gpt-5.5", source: "host", state: "idle",
      bridge: { state: "up", generation: 1, pid: 4711 }, createdAtMs: now, updatedAtMs: now, lastEventAtMs: now,
      feed: [], entries: [], asked: [], queue: [], seen: new Set(), stopped: false, turn: undefined, ...over,
    };
    this.all.set(session.threadId, session);
    return session;
  }

  summary(one) {
    const state = one.asked.length > 0 ? "needsYou" : one.state;
    return {
      threadId: one.threadId, title: one.title, preview: one.preview, cwd: one.cwd, model: one.model, sandbox: "workspace-write", approvalPolicy: "on-request", archived: one.archived === true, lastLine: one.lastLine, usage: { tokens: 21_000 + one.title.length * 900, window: 258_000 }, source: one.source, state, bridge: one.bridge, turn: one.turn,
      pending: one.asked.length, queued: one.queue.length, head: one.feed.length, createdAtMs: one.createdAtMs, updatedAtMs: one.updatedAtMs, lastEventAtMs: one.lastEventAtMs,
    };
  }

  emit(session, method, params) {
    session.lastEventAtMs = Date.now();
    const message = { method, params: { threadId: session.threadId, ...params }, seq: session.feed.length + 1, generation: session.bridge.generation };
    session.feed.push(message);
    for (const tab of this.tabs) if (tab.attached.has(session.threadId)) tab.write(message);
  }

  changed() {
    for (const tab of this.tabs) tab.write({ method: "host/sessions/changed", params: {} });
  }

  ask(session, method, params) {
    const request = { id: `req-${randomUUID().slice(0, 8)}`, method, params: { threadId: session.threadId, ...params } };
    const answered = new Promise((resolve) => session.asked.push({ request, resolve }));
    for (const tab of this.tabs) if (tab.attached.has(session.threadId)) tab.write(request);
    this.changed();
    return answered;
  }

  bridge(session, bridge) {
    session.bridge = { generation: session.bridge.generation, ...bridge };
    this.emit(session, "host/bridge/state", session.bridge);
    this.changed();
  }

  receive(tab, message) {
    if (message.method === undefined) return this.answered(tab, message);
    if (message.id === undefined) return;
    const reply = (result) => tab.write({ id: message.id, result });
    const refuse = (code, words) => tab.write({ id: message.id, error: { code, message: words } });
    const params = message.params ?? {};
    const session = this.all.get(params.threadId);
    const handler = this.handlers[message.method];
    if (!handler) return refuse(-32601, `unknown method ${message.method}`);
    if (params.threadId && !session) return refuse(-32005, "no such session");
    handler.call(this, { tab, session, params, reply, refuse });
  }

  answered(tab, message) {
    for (const session of this.all.values()) {
      const at = session.asked.findIndex((one) => one.request.id === message.id);
      if (at < 0) continue;
      const [asked] = session.asked.splice(at, 1);
      this.emit(session, "serverRequest/resolved", { requestId: message.id, decision: message.result?.decision, by: "main" });
      this.changed();
      return asked.resolve(message.result ?? {});
    }
    tab.write({ id: message.id, error: { code: -32004, message: "already decided" } });
  }

  run(session, text, promptId) {
    session.preview ||= text.slice(0, 80);
    session.title ||= text.slice(0, 48);
    session.updatedAtMs = Date.now();
    void play(this, session, text, promptId).then(() => {
      const next = session.queue.shift();
      if (!next) return;
      this.emit(session, "host/prompt/changed", { queue: session.queue });
      this.run(session, next.input[0].text, next.promptId);
    });
  }

  handlers = {
    initialize: ({ reply }) => reply({ userAgent: "mock", holdfast: { version: "0.1.0", journalId: JOURNAL, highestSandbox: "workspace-write", highestApprovalPolicy: "on-request", defaultSandbox: "workspace-write", defaultApprovalPolicy: "on-request", workspaces: [] } }),
    "host/sessions/list": ({ reply }) => reply({ data: [...this.all.values()].map((one) => this.summary(one)).sort((a, b) => b.updatedAtMs - a.updatedAtMs), nextCursor: null }),
    "host/session/attach": ({ tab, session, params, reply }) => {
      tab.attached.add(session.threadId);
      const pending = session.asked.map((one) => one.request);
      const base = { journalId: JOURNAL, head: session.feed.length, summary: this.summary(session), pending, queue: session.queue };
      if (params.journalId === JOURNAL && params.after !== undefined) {
        reply({ verdict: "resumed", ...base });
        for (const missed of session.feed.slice(params.after)) tab.write(missed);
        return;
      }
      const entries = entriesOf(session);
      const items = entries.slice(-40);
      reply({ verdict: "snapshot", ...base, items, olderCursor: entries.length > 40 ? items[0].seq : null });
    },
    "host/session/detach": ({ tab, session, reply }) => { tab.attached.delete(session.threadId); reply({}); },
    "host/session/items": ({ session, params, reply }) => {
      const older = entriesOf(session).filter((entry) => entry.seq < params.before);
      const data = older.slice(-params.limit).reverse();
      reply({ data, olderCursor: older.length > data.length ? data.at(-1).seq : null });
    },
    "host/prompt/submit": ({ session, params, reply }) => {
      if (session.seen.has(params.promptId)) return reply({ state: "running", duplicate: true });
      session.seen.add(params.promptId);
      const text = params.input[0].text;
      if (session.turn && params.when === "queue") {
        session.queue.push({ promptId: params.promptId, state: "queued", when: "queue", input: params.input, position: session.queue.length + 1, atMs: Date.now() });
        reply({ state: "queued", duplicate: false });
        return this.emit(session, "host/prompt/changed", { queue: session.queue });
      }
      reply({ state: "running", duplicate: false });
      this.run(session, text, params.promptId);
    },
    "host/prompt/remove": ({ session, params, reply }) => {
      session.queue = session.queue.filter((one) => one.promptId !== params.promptId);
      reply({});
      this.emit(session, "host/prompt/changed", { queue: session.queue });
    },
    "host/prompt/update": ({ session, params, reply }) => {
      session.queue = session.queue.map((one) => (one.promptId === params.promptId ? { ...one, input: params.input } : one));
      reply({ state: "queued" });
      this.emit(session, "host/prompt/changed", { queue: session.queue });
    },
    "host/bridge/restart": ({ session, reply }) => {
      reply({});
      clearTimeout(session.retry);
      this.bridge(session, { state: "starting", generation: session.bridge.generation + 1 });
      setTimeout(() => { session.state = "idle"; this.bridge(session, { state: "up", pid: 5000 }); }, 900);
    },
    "model/list": ({ reply }) => reply({ data: ["GPT-5.5", "GPT-5.5 mini"].map((displayName, at) => ({ id: displayName.toLowerCase().replace(" ", "-"), model: displayName.toLowerCase().replace(" ", "-"), displayName, hidden: false, isDefault: at === 0, supportedReasoningEfforts: ["low", "medium", "high"].map((reasoningEffort) => ({ reasoningEffort, description: "" })), defaultReasoningEffort: "medium", inputModalities: ["text", "image"] })) }),
    "thread/name/set": ({ session, params, reply }) => { session.title = params.name; reply({}); this.emit(session, "thread/name/updated", { threadId: session.threadId, threadName: params.name }); this.changed(); },
    "thread/archive": ({ session, reply }) => { session.archived = true; reply({}); this.changed(); },
    "thread/unarchive": ({ session, reply }) => { session.archived = false; reply({}); this.changed(); },
    "fuzzyFileSearch": ({ params, reply }) => reply({ files: ["web/src/assets.rs", "web/src/routes.rs", "actors/src/session/answers.rs", "docs/protocol.md"].filter((path) => [...params.query].every((char) => path.includes(char))).map((path) => ({ path, root: params.roots[0], file_name: path.split("/").at(-1), match_type: "file", score: 1 })) }),
    "host/folders/list": ({ params, reply }) => reply({ path: params.path ?? "/home/mo", parent: "/home", folders: ["notes", "src", "talks"], cut: false }),
    "host/decisions/list": ({ reply }) => reply({ data: [...this.all.values()].slice(0, 4).map((one, at) => ({ threadId: one.threadId, turnId: null, itemId: null, method: at === 1 ? "item/fileChange/requestApproval" : "item/commandExecution/requestApproval", decision: ["accept", "acceptForSession", "decline", "accept"][at], by: at === 2 ? "phone" : "main", atMs: Date.now() - (at + 1) * 340_000 })) }),
    "turn/interrupt": ({ session, reply }) => { session.stopped = true; reply({}); },
    "thread/start": ({ params, reply }) => {
      const session = this.add({ cwd: params.cwd ?? "/home/mo" });
      setTimeout(() => { reply({ thread: { id: session.threadId } }); this.changed(); }, 300);
    },
    "host/search": ({ params, reply }) => reply({ data: [...this.all.values()].slice(0, 2).map((one) => ({ threadId: one.threadId, turnId: "t", itemId: "i", seq: 1, title: one.title, snippet: `… said ${params.query} in passing …` })) }),
    "host/signIns/list": ({ reply }) => reply({ data: ["Chrome on Linux", "Safari on iPhone", "Firefox on Windows"].map((device, at) => ({ id: `${at}`.repeat(16), device, role: at === 1 ? "approve" : "operate", name: "main", createdAtMs: Date.now() - (at + 1) * 4e6, lastUsedAtMs: Date.now() - at * 7e5, sockets: at === 0 ? 2 : 0, current: at === 0 })) }),
    "host/signIns/revoke": ({ reply }) => reply({ revoked: 1 }),
    "host/status": ({ reply }) => reply({
      version: "0.1.0", uptimeMs: 7_384_000, codex: "codex/0.169.0", memoryBytes: 31e6, eventsTotal: Math.round(Date.now() / 1000 * 220 + 900 * Math.sin(Date.now() / 2600) + 300 * Math.sin(Date.now() / 900)),
      tree: { actor: "host", state: "running", restarts: 0, children: [
        { actor: "journal", state: "running", restarts: 0, mailbox: [0, 64] }, { actor: "admission", state: "running", restarts: 0, mailbox: [0, 64] },
        { actor: "sessions", state: "running", restarts: 0, mailbox: [0, 64], children: [...this.all.values()].slice(0, 4).map((one, at) => ({ actor: "session", name: one.threadId, state: "running", restarts: at === 2 ? 1 : 0, mailbox: [0, 64], children: [{ actor: "bridge", state: one.bridge.state, restarts: 0, mailbox: [0, 64] }] })) },
        { actor: "tabs", state: "running", restarts: 0, mailbox: [0, 64], children: [...this.tabs].map((_, at) => ({ actor: "tab", name: `${at + 1}`, state: "running", restarts: 0, mailbox: [0, 64] })) },
      ] },
      bridges: [...this.all.values()].map((one, at) => ({ threadId: one.threadId, state: one.bridge.state, pid: one.bridge.pid, generation: one.bridge.generation, restarts: at % 3, memoryBytes: 144e6 + at * 7e6, lastExit: at === 2 ? "killed by signal 9" : null })),
      tabs: [...this.tabs].map((_, at) => ({ id: at + 1, kind: "browser", sinceMs: 61_000 * (at + 1), attached: 2, behind: 0 })),
      journal: { id: JOURNAL, health: "ok", fileBytes: 48_230_400, walBytes: 120_000, sessions: 9, events: 182_344, commits: 20_411 }, redaction: { enabled: true, total: 5, byRule: [{ rule: "openai-key", count: 4 }, { rule: "holdfast-token", count: 1 }] },
    }),
  };
}
