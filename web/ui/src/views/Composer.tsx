// Where a person writes in a session, and the ways to send: now, after this turn, into this turn, or stop it. Not the queue
// of what was sent: Queue.tsx.

import { interrupt, send } from "../app/actions";
import { link } from "../app/model";
import type { Session } from "../store/state";
import type { PromptWhen, Summary } from "../wire/types";
import { Icon } from "./Icon";
import { PromptField, touch, useDraft } from "./PromptField";

interface Props { threadId: string; session: Session | undefined; summary: Summary | undefined }

export function Composer({ threadId, session, summary }: Props) {
  const [words, write] = useDraft(threadId);
  const turn = session?.turns.findLast((one) => one.status === "inProgress");
  const working = turn !== undefined;
  const empty = words.trim() === "";
  const dead = summary?.bridge.state === "failed" || summary?.bridge.state === "quarantined";

  function submit(when: PromptWhen) {
    if (empty || !send(threadId, words.trim(), when)) return;
    write("");
    dispatchEvent(new Event("holdfast-sent"));
  }
  const usual = () => submit(working ? "queue" : "now");

  return (
    <form class={`composer ${working ? "" : "composer-slim"}`} onSubmit={(event) => { event.preventDefault(); usual(); }}>
      <PromptField words={words} write={write} submit={usual} label="Prompt" focus placeholder={working ? "Write the next prompt, or steer this turn" : "What should Codex do?"} />
      <div class="composer-foot">
        <span class="quiet small composer-hint">{warning(dead)}</span>
        {touch.matches ? null : <span class="quiet small composer-keys">{working ? "Enter queues · Shift+Enter new line" : "Enter sends · Shift+Enter new line"}</span>}
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

function warning(dead: boolean): string {
  if (link.value.state !== "up") return "Not connected: it is sent when the host is back.";
  return dead ? "Codex does not run; the prompt waits until it does." : "";
}
