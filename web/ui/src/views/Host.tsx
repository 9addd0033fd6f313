// The host itself: its tree of actors, its Codex processes, tabs and journal. Not a session. Fields that the host adds
// later are shown as they come.

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { go, restartBridge } from "../app/actions";
import { linkUp, now, summaries } from "../app/model";
import { failure as problem, status as seen, watchHost } from "../app/pulse";
import { titleOf } from "../store/summaries";
import { age, bytes, span } from "../text/ages";
import { list, number, record, text, type Params } from "../wire/types";
import { Decisions } from "./Decisions";
import { Icon } from "./Icon";
import { PushCard } from "./PushCard";
import { RateChart } from "./RateChart";
import { SignIns } from "./SignIns";

export default function Host() {
  const status = seen.value;
  const failure = problem.value;
  const up = linkUp.value;
  useEffect(() => (up ? watchHost() : undefined), [up]);

  return (
    <div class="host">
      <div class="head">
        <button type="button" class="icon-button only-phone" onClick={() => go({ at: "list" })} aria-label="All sessions"><Icon name="back" /></button>
        <h1>Host</h1>
        <p class="head-under">{status ? <><span>holdfast {text(status["version"])}</span><span>up for {span(number(status["uptimeMs"]) ?? 0)}</span>{number(status["memoryBytes"]) ? <span>{bytes(number(status["memoryBytes"]) ?? 0)}</span> : null}{text(status["codex"]) ? <span>{text(status["codex"])}</span> : null}</> : "reading…"}</p>
      </div>
      <div class="host-body">
        {failure ? <p class="failure" role="alert">The host did not tell its state: {failure}.</p> : null}
        {status ? <Sections status={status} up={up} /> : null}
      </div>
    </div>
  );
}

function Sections({ status, up }: { status: Params; up: boolean }) {
  const bridges = list(status["bridges"]).map(record);
  const tabs = list(status["tabs"]).map(record);
  const warnings = list(status["warnings"]).map(text);
  return (
    <>
      {warnings.length > 0 ? <Card title="To know about this host"><ul class="warnings" data-testid="warnings">{warnings.map((warning) => <li key={warning}>{warning}</li>)}</ul></Card> : null}
      <Card title="Events"><RateChart /></Card>
      <Card title="Codex processes" count={bridges.length}>
        {bridges.length === 0 ? <p class="quiet">None runs. A session's next prompt starts one.</p> : <div class="table as-cards" tabIndex={0}><table>
          <thead><tr><th>Session</th><th>State</th><th class="num">Pid</th><th class="num">Generation</th><th class="num">Restarts</th><th class="num">Memory</th><th>Last exit</th><th><span class="sr">Restart</span></th></tr></thead>
          <tbody>{bridges.map((bridge) => <BridgeRow key={`${text(bridge["threadId"])}${String(bridge["pid"])}`} bridge={bridge} />)}</tbody>
        </table></div>}
      </Card>
      <PushCard />
      {up ? <SignIns /> : null}
      {status["reload"] ? <Card title="Last reload of the tokens"><Reload reload={record(status["reload"])} /></Card> : null}
      <Card title="Supervision tree"><Tree tree={status["tree"]} /></Card>
      <Card title="Tabs" count={tabs.length || number(status["tabs"])}>{tabs.length > 0 ? <Records rows={tabs} /> : <Facts facts={record(status["tabs"])} />}</Card>
      <Card title="Decisions"><Decisions /></Card>
      <Card title="Journal"><Facts facts={record(status["journal"])} /></Card>
      <Redaction redaction={record(status["redaction"])} />
    </>
  );
}

function Card({ title, count, children }: { title: string; count?: number | undefined; children: ComponentChildren }) {
  return <section class="host-card"><h2>{title}{count === undefined ? null : <span class="quiet"> {count}</span>}</h2>{children}</section>;
}

function Redaction({ redaction }: { redaction: Params }) {
  const rules = list(redaction["byRule"]).map(record);
  if (redaction["enabled"] === false) return <Card title="Secrets kept back"><p class="failure" role="note">None: redaction.enabled is false.</p></Card>;
  if (rules.length === 0) return null;
  return (
    <Card title="Secrets kept back" count={number(redaction["total"])}>
      <dl class="facts">{rules.map((rule) => <div key={text(rule["rule"])}><dt>{text(rule["rule"])}</dt><dd>{number(rule["count"])}</dd></div>)}</dl>
    </Card>
  );
}

function Reload({ reload }: { reload: Params }) {
  const since = age(number(reload["atMs"]) ?? 0, now.value);
  const when = since === "now" ? "Just now" : `${since} ago`;
  if (reload["ok"] !== true) return <p class="failure" role="note">{when}, and nothing was taken up: {text(reload["error"])}</p>;
  const [added, removed, ended] = ["added", "removed", "signInsEnded"].map((key) => number(reload[key]) ?? 0);
  const waiting = list(reload["needsRestart"]).map(String);
  return (
    <p>
      {when}: {added || removed ? `${added} new, ${removed} gone; sign-ins that ended with them: ${ended}.` : "no token had changed."}
      {waiting.length > 0 ? ` Other settings wait for a restart: ${waiting.join(", ")}.` : ""}
    </p>
  );
}

function BridgeRow({ bridge }: { bridge: Params }) {
  const threadId = text(bridge["threadId"]);
  const memory = number(bridge["memoryBytes"]);
  const exit = bridge["lastExit"];
  const name = threadId ? titleOf(summaries.value[threadId]) : text(bridge["for"]) || "for the host itself";
  return (
    <tr>
      <td class="wide-cell">{threadId ? <button type="button" class="link-button" onClick={() => go({ at: "session", threadId })}>{name}</button> : name}</td>
      <td>{text(bridge["state"])}</td>
      <td class="num" data-label="pid">{number(bridge["pid"]) ?? "–"}</td>
      <td class="num" data-label="generation">{number(bridge["generation"]) ?? "–"}</td>
      <td class="num" data-label="restarts">{number(bridge["restarts"]) ?? 0}</td>
      <td class="num" data-label="memory">{memory === undefined ? "–" : bytes(memory)}</td>
      <td class="wide-cell" data-label="last exit">{exit ? (typeof exit === "string" ? exit : words(exit)) : "–"}</td>
      <td class="act">{threadId ? <button type="button" class="small-button" onClick={() => restartBridge(threadId)}>Restart</button> : null}</td>
    </tr>
  );
}

function Tree({ tree }: { tree: unknown }) {
  const roots = Array.isArray(tree) ? tree : [tree];
  return <ul class="tree" data-testid="host-tree">{roots.map((node, at) => <Node key={at} node={record(node)} />)}</ul>;
}

function Node({ node }: { node: Params }) {
  const restarts = number(node["restarts"]) ?? 0;
  const children = list(node["children"]);
  const [waiting, most] = list(node["mailbox"]);
  return (
    <li>
      <span class="tree-name">{text(node["actor"]) || "actor"}{text(node["name"]) ? <span class="quiet"> {text(node["name"])}</span> : null}</span>
      <span class={`tree-state ${["running", "up", "writing", "ok"].includes(text(node["state"])) ? "good" : ""}`}>{text(node["state"])}</span>
      {restarts > 0 ? <span class="tag">{restarts} restart{restarts === 1 ? "" : "s"}</span> : null}
      {most === undefined ? null : <span class="quiet small">mailbox {String(waiting)} of {String(most)}</span>}
      {children.length > 0 ? <ul>{children.map((child, at) => <Node key={at} node={record(child)} />)}</ul> : null}
    </li>
  );
}

function Facts({ facts }: { facts: Params }) {
  const entries = Object.entries(facts);
  if (entries.length === 0) return <p class="quiet">Nothing to tell.</p>;
  return <dl class="facts">{entries.map(([key, value]) => <div key={key}><dt>{spaced(key)}</dt><dd>{fact(key, value)}</dd></div>)}</dl>;
}

function Records({ rows }: { rows: Params[] }) {
  const keys = [...new Set(rows.flatMap(Object.keys))].slice(0, 8);
  return (
    <div class="table" tabIndex={0}><table>
      <thead><tr>{keys.map((key) => <th key={key}>{spaced(key)}</th>)}</tr></thead>
      <tbody>{rows.map((row, at) => <tr key={at}>{keys.map((key) => <td key={key}>{fact(key, row[key])}</td>)}</tr>)}</tbody>
    </table></div>
  );
}

function spaced(key: string): string {
  return key.replace(/(AtMs|Ms|Bytes)$/, "").replace(/([A-Z])/g, " $1").toLowerCase();
}

function fact(key: string, value: unknown): string {
  const count = number(value);
  if (count !== undefined && key.endsWith("Bytes")) return bytes(count);
  if (count !== undefined && key.endsWith("AtMs")) return `${span(Math.max(0, now.value - count))} ago`;
  if (count !== undefined && key.endsWith("Ms")) return span(count);
  return words(value);
}

function words(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return value.toLocaleString("en");
  if (typeof value !== "object") return String(value);
  return Object.entries(value).map(([key, inner]) => `${spaced(key)} ${typeof inner === "object" ? JSON.stringify(inner) : String(inner)}`).join(", ");
}
