// What is said in the mock's sessions: seeded histories and the turns that prompts set off. Not the wire.
// Prompts with these words do something: approve, patch, ask, crash, fail, long, flood, xss; anything else streams an answer.

import { randomUUID } from "node:crypto";
import { ANSWER, ATTACKS, BUILD, PATCH, THOUGHT } from "./texts.mjs";

const E = "\u001b[";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The history as entries, folded from the feed the way the host does it. */
export function entriesOf(session) {
  const entries = new Map();
  const ends = new Map();
  const put = (params, seq, state, item) => {
    const key = `${params.turnId}/${item.id}`;
    entries.set(key, { turnId: params.turnId, itemId: item.id, seq: entries.get(key)?.seq ?? seq, state, item: structuredClone(item) });
  };
  for (const { method, params, seq } of session.feed) {
    const entry = entries.get(`${params.turnId}/${params.itemId}`);
    if (method === "item/started") put(params, seq, "open", params.item);
    else if (method === "item/completed") put(params, seq, "completed", params.item);
    else if (method === "item/agentMessage/delta") entry.item.text += params.delta;
    else if (method === "item/commandExecution/outputDelta") entry.item.aggregatedOutput = (entry.item.aggregatedOutput ?? "") + params.delta;
    else if (method === "item/reasoning/summaryTextDelta") entry.item.summary = [(entry.item.summary[0] ?? "") + params.delta];
    else if (method === "turn/completed") ends.set(params.turn.id, params.turn);
  }
  return [...entries.values()].map((entry) => {
    const end = ends.get(entry.turnId);
    return end ? { ...entry, state: entry.state === "open" ? "partial" : entry.state, turn: { status: end.status, error: end.error } } : entry;
  });
}

class TurnScript {
  constructor(sessions, session) {
    this.sessions = sessions;
    this.session = session;
    this.turnId = randomUUID();
    this.startedAtMs = Date.now();
    session.stopped = false;
    session.state = "working";
    session.turn = { id: this.turnId, startedAtMs: this.startedAtMs };
    this.say("turn/started", { turn: { id: this.turnId, status: "inProgress", items: [], startedAt: this.startedAtMs / 1000 } });
    sessions.changed();
  }

  say(method, params) {
    this.sessions.emit(this.session, method, { turnId: this.turnId, ...params });
  }

  item(item, pace = 0) {
    this.say("item/started", { item: { ...item, ...(item.type === "agentMessage" ? { text: "" } : item.type === "reasoning" ? { summary: [] } : {}) } });
    return this.stream(item, pace);
  }

  async stream(item, pace) {
    const [method, field] = item.type === "agentMessage" ? ["item/agentMessage/delta", item.text] : item.type === "reasoning" ? ["item/reasoning/summaryTextDelta", item.summary[0]] : ["item/commandExecution/outputDelta", item.aggregatedOutput];
    if (pace > 0 && field) {
      for (const delta of field.match(item.type === "commandExecution" ? /[^\n]*\n|[^\n]+$/g : /\S+\s*/g)) {
        if (this.session.stopped) return;
        this.say(method, { itemId: item.id, delta, summaryIndex: 0 });
        await sleep(pace);
      }
    }
    this.say("item/completed", { item });
  }

  user(text) {
    return this.item({ type: "userMessage", id: `u-${this.turnId}`, content: [{ type: "text", text }] });
  }

  end(status = "completed", more = {}) {
    const stopped = this.session.stopped;
    this.session.turn = undefined;
    this.session.state = "idle";
    this.say("turn/completed", { turn: { id: this.turnId, status: stopped ? "interrupted" : status, error: null, durationMs: Date.now() - this.startedAtMs + 4200, ...more } });
    this.sessions.changed();
  }
}

const command = (id, line, output, code, durationMs, cwd) => ({
  type: "commandExecution", id, command: `/bin/bash -lc '${line}'`, cwd, source: "agent", status: code === 0 ? "completed" : "failed",
  commandActions: [{ type: "unknown", command: line }], aggregatedOutput: output, exitCode: code, durationMs,
});

export async function play(sessions, session, text, pace = 18) {
  const step = typeof pace === "number" ? pace : 18;
  const turn = new TurnScript(sessions, session);
  const id = (name) => `${name}-${turn.turnId.slice(0, 8)}`;
  await turn.user(text);
  if (text.includes("xss")) {
    await turn.item({ type: "agentMessage", id: id("m"), text: ATTACKS });
    await turn.item(command(id("c"), ATTACKS, ATTACKS, 0, 5, session.cwd));
    await turn.item({ type: "fileChange", id: id("f"), status: "completed", changes: [{ path: ATTACKS.slice(0, 90), kind: { type: "update", move_path: null }, diff: ATTACKS }] });
    return turn.end();
  }
  if (text.includes("flood")) return flood(turn, id);
  await turn.item({ type: "reasoning", id: id("r"), summary: [THOUGHT], content: [] }, step);
  if (text.includes("crash")) {
    await turn.item({ type: "agentMessage", id: id("m0"), text: "I will start with the bridge, because the exit of the pro" }, step).then(() => undefined);
    return crash(sessions, session, turn);
  }
  if (text.includes("fail")) {
    turn.say("error", { error: { message: "Reconnecting... 2/5 (stream disconnected)" }, willRetry: true });
    await sleep(9000);
    return turn.end("failed", { error: { message: "exceeded retry limit, last status: 429 Too Many Requests", additionalDetails: "request id 77f1" } });
  }
  if (text.includes("approve")) {
    const item = command(id("c0"), "curl -fsS https://sh.example.org/install | sh", "installed\n", 0, 820, session.cwd);
    turn.say("item/started", { item: { ...item, status: "inProgress", aggregatedOutput: null, exitCode: null } });
    const { decision } = await sessions.ask(session, "item/commandExecution/requestApproval", { kind: "command", turnId: turn.turnId, itemId: item.id, reason: "The installer needs the network, which the sandbox blocks. May I run it?", command: item.command, cwd: session.cwd });
    turn.say("item/completed", { item: decision?.startsWith("accept") ? item : { ...item, status: "declined", aggregatedOutput: null, exitCode: null } });
  }
  if (text.includes("patch")) {
    const item = { type: "fileChange", id: id("f0"), status: "inProgress", changes: PATCH };
    turn.say("item/started", { item });
    const { decision } = await sessions.ask(session, "item/fileChange/requestApproval", { turnId: turn.turnId, itemId: item.id, reason: "The patch touches a file outside the workspace.", grantRoot: null });
    turn.say("item/completed", { item: { ...item, status: decision?.startsWith("accept") ? "completed" : "declined" } });
  }
  if (text.includes("ask")) {
    await sessions.ask(session, "item/tool/requestUserInput", { turnId: turn.turnId, itemId: id("q"), isBlocking: true, questions: [{ id: "q1", header: "Storage", question: "Which store should the journal use?", isOther: true, isSecret: false, options: [{ label: "SQLite", description: "One file, transactions, full-text search" }, { label: "Append-only log", description: "Fastest writes, own recovery code" }] }] });
  }
  turn.say("turn/plan/updated", { explanation: null, plan: [{ step: "Read the bridge's exit path", status: "completed" }, { step: "Write the missing test", status: "inProgress" }, { step: "Run the suite", status: "pending" }] });
  await turn.item(command(id("c1"), "rg -n \"exit_status\" actors/src | head -20", BUILD.short, 0, 140, session.cwd), step / 2);
  await turn.item(command(id("c2"), "cargo nextest run -p holdfast-actors", text.includes("long") ? BUILD.long.repeat(40) : BUILD.long, 101, 8_240, session.cwd), text.includes("long") ? 1 : step / 2);
  if (!session.stopped) await turn.item({ type: "fileChange", id: id("f1"), status: "completed", changes: PATCH });
  if (!session.stopped) await turn.item({ type: "webSearch", id: id("w"), query: "prctl PR_SET_CHILD_SUBREAPER semantics", action: null });
  if (!session.stopped) await turn.item({ type: "agentMessage", id: id("m1"), text: ANSWER }, step);
  turn.end();
}

/** 20,000 deltas of prose and 20,000 of output, about 10,000 a second: more than a model says, about what a build prints. */
async function flood(turn, id) {
  const prose = { type: "agentMessage", id: id("m"), text: "" };
  const build = command(id("c"), "make -j64", "", 0, 4000, turn.session.cwd);
  for (const [item, method, delta] of [
    [prose, "item/agentMessage/delta", (at) => (at % 40 === 39 ? `word${at}.\n\n` : `word${at} `)],
    [build, "item/commandExecution/outputDelta", (at) => `${E}32m[${at}]${E}0m compiled unit number ${at} of the build\n`],
  ]) {
    turn.say("item/started", { item: { ...item } });
    let whole = "";
    for (let at = 0; at < 20_000; at += 1) {
      whole += delta(at);
      turn.say(method, { itemId: item.id, delta: delta(at) });
      if (at % 100 === 99) await sleep(10);
    }
    turn.say("item/completed", { item: { ...item, text: whole, aggregatedOutput: whole } });
  }
  turn.end();
}

async function crash(sessions, session, turn) {
  const open = { type: "agentMessage", id: `cut-${turn.turnId}`, text: "" };
  turn.say("item/started", { item: open });
  for (const word of "The exit status is read twice: once by the reaper and once by the bridge itself, which then".split(" ")) {
    turn.say("item/agentMessage/delta", { itemId: open.id, delta: `${word} ` });
    await sleep(20);
  }
  turn.end("interrupted", { error: { message: "Codex was killed by signal 9" } });
  session.state = "backoff";
  sessions.bridge(session, { state: "backoff", reason: "killed by signal 9", attempt: 2, retryInMs: 8000 });
  session.retry = setTimeout(() => {
    sessions.bridge(session, { state: "starting", generation: session.bridge.generation + 1 });
    setTimeout(() => { session.state = "idle"; sessions.bridge(session, { state: "up", pid: 4999 }); }, 1500);
  }, 8000);
}

/** Sessions in every state that a list can show. */
export function seed(sessions) {
  const past = (minutes) => ({ updatedAtMs: Date.now() - minutes * 60_000, lastEventAtMs: Date.now() - minutes * 60_000 });
  const make = (title, over) => sessions.add({ title, preview: `${title}, and write down why`, ...over });
  const first = make("Why does the bridge read the exit twice?", { lastLine: "See the manual for the rule.", ...past(2) });
  void play(sessions, first, "Why does the bridge read the exit status twice? Find out and mend it.", 0).then(() => { Object.assign(first, past(2)); });
  const asking = make("Install the toolchain", { cwd: "/home/mo/src/kelp", ...past(1) });
  void play(sessions, asking, "Install the toolchain, approve as needed", 0);
  const history = make("Long review of the journal", { lastLine: "Retention keeps what people read.", ...past(240) });
  void (async () => { for (let at = 1; at <= 12; at += 1) await play(sessions, history, `Part ${at}: look at the journal's retention.`, 0); Object.assign(history, past(240)); })();
  make("Nightly dependency update", { lastLine: "All 214 crates are current; two majors wait for you.", cwd: "/home/mo/src/kelp", state: "parked", bridge: { state: "parked", generation: 2 }, ...past(600) });
  make("Port the theme to OKLCH", { lastLine: "Now the dark palette, from the same hues.", cwd: "/home/mo/src/kelp", state: "stalled", turn: { id: "x", startedAtMs: Date.now() - 90_000 }, ...past(3) });
  make("Bench the feed", { lastLine: "The ring holds 4 MiB, so a tab that sleeps", state: "failed", bridge: { state: "failed", generation: 6, reason: "exited 5 times within a minute, last with code 101" }, ...past(30) });
  make("Rewrite the installer", { cwd: "/srv/ops", state: "quarantined", bridge: { state: "quarantined", generation: 3, reason: "killed its bridge twice while it was resumed" }, ...past(1500) });
  make("Rotate the certificates", { lastLine: "I will renew these three first.", cwd: "/srv/ops", state: "queued", ...past(12) });
}
