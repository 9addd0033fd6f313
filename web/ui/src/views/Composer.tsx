// Where a person writes in a session, and the ways to send: now, after this turn, into this turn, or stop it. Not the queue
// of what was sent: Queue.tsx.

import { useRef, useState } from "preact/hooks";
import { interrupt, send } from "../app/actions";
import { choices, models, overridesOf } from "../app/choices";
import { commandIn } from "../app/commands";
import { link } from "../app/model";
import type { Session } from "../store/state";
import type { PromptWhen, Summary } from "../wire/types";
import { Icon } from "./Icon";
import { Pickers } from "./Pickers";
import { Attached, ImageButton, PromptField, touch, useDraft, useDraftImages } from "./PromptField";

interface Props { threadId: string; session: Session | undefined; summary: Summary | undefined }

export function Composer({ threadId, session, summary }: Props) {
  const [words, write] = useDraft(threadId);
  const [images, changeImages] = useDraftImages(threadId);
  const [tools, setTools] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  const turn = session?.turns.findLast((one) => one.status === "inProgress");
  const working = turn !== undefined;
  const empty = words.trim() === "" && images.length === 0;
  const dead = summary?.bridge.state === "failed" || summary?.bridge.state === "quarantined";
  const choice = choices.value[threadId];
  const blind = images.length > 0 && models.value.find((one) => one.id === (choice?.model ?? summary?.model))?.images === false;

  function submit(when: PromptWhen) {
    const command = images.length === 0 ? commandIn(words) : null;
    if (command) {
      write("");
      command.command.run({ threadId, turnId: turn?.id, summary }, command.rest);
      return;
    }
    const overrides = overridesOf(choice, summary);
    if (empty || !send(threadId, words.trim(), when, { ...(images.length > 0 ? { images } : {}), ...(overrides ? { overrides } : {}) })) return;
    write("");
    changeImages(() => []);
    dispatchEvent(new Event("holdfast-sent"));
  }
  const usual = () => submit(working ? "queue" : "now");
  const warned = blind ? "This model does not look at images." : warning(dead);

  return (
    <form class={`composer ${working ? "" : "composer-slim"} ${tools ? "composer-open" : ""}`} onSubmit={(event) => { event.preventDefault(); usual(); }}>
      <Attached images={images} change={changeImages} />
      <PromptField words={words} write={write} submit={usual} field={field} cwd={summary?.cwd} addImages={changeImages} label="Prompt" focus
        placeholder={working ? "Write the next prompt, or steer this turn" : touch.matches ? "What should Codex do?" : "What should Codex do?  / for commands, @ for files"} />
      {warned ? <p class="composer-hint small" role="status">{warned}</p> : null}
      <div class="composer-foot">
        <button type="button" class="icon-button small only-phone" aria-expanded={tools} aria-label="How Codex works, images" data-testid="composer-tools" onClick={() => setTools(!tools)}><Icon name="sliders" /></button>
        <div class="composer-tools">
          <ImageButton change={changeImages} />
          <Pickers threadId={threadId} summary={summary} choice={choice} />
        </div>
        {turn ? <button type="button" class="button danger" data-testid="stop" disabled={link.value.state !== "up"} title="Stop this turn (Alt+X)" onClick={() => interrupt(threadId, turn.id)}><Icon name="stop" />Stop</button> : null}
        {working ? (
          <>
            <button type="button" class="button" data-testid="steer" disabled={empty} onClick={() => submit("steer")} title="Codex reads it at once, in the running turn">Steer</button>
            <button type="submit" class="primary" data-testid="send" disabled={empty} title="Runs after this turn (Enter)">Queue</button>
          </>
        ) : (
          <button type="submit" class="primary" data-testid="send" disabled={empty} title="Enter; Shift+Enter makes a new line"><Icon name="send" />Send</button>
        )}
      </div>
    </form>
  );
}

function warning(dead: boolean): string {
  if (link.value.state !== "up") return "Not connected: it is sent when the host is back.";
  return dead ? "Codex does not run; the prompt waits until it does." : "";
}
