// The host's audit: who answered what Codex asked. What was asked is not in it; the session shows that.

import { useEffect, useState } from "preact/hooks";
import { go, listDecisions, openPlace } from "../app/actions";
import type { Decision } from "../app/connection";
import { now, summaries } from "../app/model";
import { COMMAND, ELICITATION, FILES, PERMISSIONS, QUESTIONS } from "../app/requests";
import { titleOf } from "../store/summaries";
import { age } from "../text/ages";

const REFRESH_MS = 5_000;

const ASKED: Record<string, string> = {
  [COMMAND]: "a command", [FILES]: "a change of files", [PERMISSIONS]: "more rights", [QUESTIONS]: "a question", [ELICITATION]: "a tool's form",
};
const GIVEN: Record<string, string> = { accept: "accepted", acceptForSession: "accepted for the session", decline: "declined", cancel: "turn cancelled" };

export function Decisions() {
  const [rows, setRows] = useState<Decision[] | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    let gone = false;
    const ask = () => void listDecisions().then((next) => { if (!gone) { setRows(next); setFailure(""); } }, (error: Error) => { if (!gone) setFailure(error.message); });
    ask();
    const timer = setInterval(() => document.visibilityState === "visible" && ask(), REFRESH_MS);
    return () => { gone = true; clearInterval(timer); };
  }, []);
  if (failure && !rows) return <p class="failure" role="alert">The host did not tell them: {failure}.</p>;
  if (!rows) return <p class="quiet">Reading…</p>;
  if (rows.length === 0) return <p class="quiet">Nobody has decided anything yet.</p>;
  return (
    <div class="table as-cards" tabIndex={0} data-testid="decisions"><table>
      <thead><tr><th>Session</th><th>Decision</th><th>About</th><th>By</th><th>When</th></tr></thead>
      <tbody>{rows.map((row, at) => <Line key={`${row.atMs} ${at}`} row={row} />)}</tbody>
    </table></div>
  );
}

function Line({ row }: { row: Decision }) {
  const { threadId, turnId, itemId } = row;
  const good = row.decision.startsWith("accept") || row.decision === "answered";
  const name = titleOf(summaries.value[threadId]);
  return (
    <tr>
      <td class="wide-cell"><button type="button" class="link-button" onClick={() => (turnId && itemId ? void openPlace({ threadId, turnId, itemId, seq: 0, query: "" }) : go({ at: "session", threadId }))}>{name}</button></td>
      <td><span class={`tag ${good ? "tag-completed" : "tag-declined"}`}>{GIVEN[row.decision] ?? row.decision}</span></td>
      <td>{ASKED[row.method] ?? row.method}</td>
      <td data-label="by">{row.by}</td>
      <td class="num-left" title={new Date(row.atMs).toLocaleString()}>{age(row.atMs, now.value)}{row.atMs > now.value - 1000 ? "" : " ago"}</td>
    </tr>
  );
}
