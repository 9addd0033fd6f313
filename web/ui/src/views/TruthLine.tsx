// The line that is always there: the three links between this tab and the model, each by name, whether it holds, and how
// long ago it last said anything. Never a generic "reconnecting".

import type { ComponentChildren, JSX } from "preact";
import { restartBridge } from "../app/actions";
import { socket } from "../app/connection";
import { link, now, openSession, openThread, state } from "../app/model";
import { linkToCodex, linkToHost, linkToModel, type LinkWords } from "../store/truth";

export function TruthLine(): JSX.Element {
  const threadId = openThread.value;
  const summary = threadId === null ? undefined : state.value.summaries[threadId];
  const at = now.value;
  const host = linkToHost(link.value, state.value, at);
  const codex = linkToCodex(link.value, state.value, summary, at);
  const model = linkToModel(link.value, state.value, summary, openSession.value, at);
  const broken = [host, codex, model].find((one) => one.tone === "bad") ?? [host, codex, model].find((one) => one.tone === "wait");
  return (
    <footer class="truth" data-testid="truth-line" aria-label="Connection">
      <div class="truth-links">
        <Cell name="tab–host" words={host} id="link-host" />
        <Cell name="host–Codex" words={codex} id="bridge-state" state={summary?.bridge.state} generation={summary?.bridge.generation} />
        <Cell name="Codex–model" words={model} id="link-model" />
      </div>
      {broken?.why ? (
        <div class={`truth-why tone-${broken.tone}`}>
          <span class="truth-why-text" title={broken.why}>{broken.why}</span>
          {broken === host && link.value.state === "waiting" ? <Now act={() => socket.hurry()}>Try now</Now> : null}
          {broken === codex && threadId !== null && codex.restartable ? <Now act={() => restartBridge(threadId)}>{codex.restartable}</Now> : null}
        </div>
      ) : null}
    </footer>
  );
}

function Cell({ name, words, id, state: bridge, generation }: { name: string; words: LinkWords; id: string; state?: string | undefined; generation?: number | undefined }) {
  return (
    <span class={`truth-link tone-${words.tone}`} data-testid={id} data-state={bridge} data-generation={generation} title={words.why}>
      <span class="dot" aria-hidden="true" />
      <span class="truth-name">{name}</span>
      <span class="truth-words">{words.short}</span>
    </span>
  );
}

function Now({ act, children }: { act: () => void; children: ComponentChildren }) {
  return <button type="button" class="small-button" data-testid="retry-now" onClick={act}>{children}</button>;
}
