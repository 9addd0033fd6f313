// Prompts that have not run: those the host has queued or could not run, and those it has not confirmed. Not the composer.

import { useState } from "preact/hooks";
import { forgetUnsent, removePrompt, send, sendAgain, updatePrompt } from "../app/actions";
import { link, outbox } from "../app/model";
import { inputOf, type Unsent } from "../store/outbox";
import { inputText, type Prompt } from "../wire/types";
import { Icon } from "./Icon";
import { Text } from "./Text";

export function Queue({ threadId, queue }: { threadId: string; queue: readonly Prompt[] }) {
  const waiting = queue.filter((prompt) => prompt.state === "queued" || prompt.state === "sending" || prompt.state === "notRun");
  const known = new Set(queue.map((prompt) => prompt.promptId));
  const unsent = outbox.value.filter((entry) => entry.threadId === threadId && !known.has(entry.promptId));
  if (waiting.length + unsent.length === 0) return null;
  return (
    <ul class="queue" aria-label="Prompts that have not run" data-testid="queue">
      {waiting.map((prompt) => <Waiting key={prompt.promptId} threadId={threadId} prompt={prompt} />)}
      {unsent.map((entry) => <NotConfirmed key={entry.promptId} entry={entry} />)}
    </ul>
  );
}

function Waiting({ threadId, prompt }: { threadId: string; prompt: Prompt }) {
  const [editing, setEditing] = useState(false);
  const words = inputText(prompt.input);
  const lost = prompt.state === "notRun";
  const movable = lost || prompt.state === "queued";
  if (editing) {
    return (
      <li class="queued editing">
        <form onSubmit={(event) => {
          event.preventDefault();
          const next = String(new FormData(event.currentTarget).get("words") ?? "").trim();
          if (next && next !== words) updatePrompt(threadId, prompt, next);
          setEditing(false);
        }}>
          <textarea name="words" defaultValue={words} rows={3} aria-label="Queued prompt" autoFocus />
          <button type="submit" class="small-button">Keep</button>
          <button type="button" class="small-button" onClick={() => setEditing(false)}>Cancel</button>
        </form>
      </li>
    );
  }
  return (
    <li class={`queued ${lost ? "queued-lost" : ""}`} data-testid="queued-prompt" data-state={prompt.state}>
      <Icon name={lost ? "warn" : "queued"} />
      <span class="queued-words"><Text text={words} /></span>
      <span class="quiet small">{lost ? "not run: send again?" : prompt.state === "sending" ? "going to Codex" : prompt.when === "steer" ? "steers" : "queued"}</span>
      {lost ? <button type="button" class="small-button" data-testid="send-again" onClick={() => sendAgain(threadId, prompt)}>Send again</button> : null}
      {movable ? (
        <>
          <button type="button" class="icon-button small" aria-label="Edit this prompt" onClick={() => setEditing(true)}><Icon name="edit" /></button>
          <button type="button" class="icon-button small" aria-label="Remove this prompt" data-testid="remove-prompt" onClick={() => removePrompt(threadId, prompt.promptId)}><Icon name="close" /></button>
        </>
      ) : null}
    </li>
  );
}

function NotConfirmed({ entry }: { entry: Unsent }) {
  return (
    <li class={`queued ${entry.refused ? "queued-lost" : "queued-unsent"}`} data-testid="unsent-prompt">
      <Icon name={entry.refused ? "warn" : "send"} />
      <span class="queued-words"><Text text={inputText(inputOf(entry))} /></span>
      <span class="quiet small">{entry.refused ? `refused: ${entry.refused}` : link.value.state === "up" ? "sending…" : "sent when the host is back"}</span>
      {entry.refused ? <button type="button" class="small-button" onClick={() => { forgetUnsent(entry.promptId); send(entry.threadId, entry.text, entry.when, { ...(entry.images ? { images: entry.images } : {}), ...(entry.overrides ? { overrides: entry.overrides } : {}) }); }}>Send again</button> : null}
      {entry.refused ? <button type="button" class="icon-button small" aria-label="Remove this prompt" onClick={() => forgetUnsent(entry.promptId)}><Icon name="close" /></button> : null}
    </li>
  );
}
