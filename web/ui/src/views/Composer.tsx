// Where a person writes: one field with its draft, and the ways to send. Not the queue of what was sent: Queue.tsx.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { interrupt, send } from "../app/actions";
import { link } from "../app/model";
import type { Session } from "../store/state";
import type { PromptWhen, Summary } from "../wire/types";
import { Icon } from "./Icon";

const DRAFT = "holdfast.draft.";
/** On a touch keyboard Enter makes a line; there is a button for sending. */
const touch = matchMedia("(pointer: coarse)");

interface Props { threadId: string; session: Session | undefined; summary: Summary | undefined }

export function Composer({ threadId, session, summary }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [words, setWords] = useState(() => localStorage.getItem(DRAFT + threadId) ?? "");
  const turn = session?.turns.findLast((one) => one.status === "inProgress");
  const working = turn !== undefined;
  const empty = words.trim() === "";
  const dead = summary?.bridge.state === "failed" || summary?.bridge.state === "quarantined";

  useLayoutEffect(() => {
    const area = field.current;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, 240)}px`;
  }, [words]);

  function write(value: string) {
    setWords(value);
    if (value === "") localStorage.removeItem(DRAFT + threadId);
    else keep(DRAFT + threadId, value);
  }

  function submit(when: PromptWhen) {
    if (empty || !send(threadId, words.trim(), when)) return;
    write("");
    dispatchEvent(new Event("holdfast-sent"));
    if (!touch.matches) field.current?.focus();
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch.matches) return;
    event.preventDefault();
    submit(working ? "queue" : "now");
  }

  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); submit(working ? "queue" : "now"); }}>
      <textarea
        ref={field} rows={1} value={words} data-testid="composer" aria-label="Prompt" enterkeyhint={touch.matches ? "enter" : "send"}
        placeholder={working ? "Write the next prompt, or steer this turn" : "What should Codex do?"}
        onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown}
      />
      <div class="composer-foot">
        <span class="quiet small composer-hint">{hint(working, dead)}</span>
        {turn ? <button type="button" class="button danger" data-testid="stop" onClick={() => interrupt(threadId, turn.id)}><Icon name="stop" />Stop</button> : null}
        {working ? (
          <>
            <button type="button" class="button" data-testid="steer" disabled={empty} onClick={() => submit("steer")} title="Codex reads it at once, in the running turn">Steer</button>
            <button type="submit" class="primary" data-testid="send" disabled={empty} title="Runs after this turn">Queue</button>
          </>
        ) : (
          <button type="submit" class="primary" data-testid="send" disabled={empty}><Icon name="send" />Send</button>
        )}
      </div>
    </form>
  );
}

function hint(working: boolean, dead: boolean): string {
  if (link.value.state !== "up") return "Not connected: it is sent when the host is back.";
  if (dead) return "Codex does not run; the prompt waits until it does.";
  if (touch.matches) return "";
  return working ? "Enter queues · Shift+Enter new line" : "Enter sends · Shift+Enter new line";
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without a store the draft lives as long as the page.
  }
}
