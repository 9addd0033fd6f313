// One turn as a card: what was asked, what came, how it ended. Not how a single item looks: Item.tsx.

import { memo } from "preact/compat";
import type { Turn } from "../store/state";
import { turnWords } from "../store/truth";
import { link, now, openSession } from "../app/model";
import { age } from "../text/ages";
import { Icon, type IconName } from "./Icon";
import { ItemView } from "./Item";
import { Text } from "./Text";

const ENDS: Record<Turn["status"], IconName> = { inProgress: "working", completed: "done", interrupted: "cut", failed: "failed" };

export const TurnCard = memo(function TurnCard({ turn }: { turn: Turn }) {
  return (
    <article class={`turn turn-${turn.status}`} data-turn={turn.id} aria-label="Turn">
      {turn.items.map((item) => <ItemView key={item.key} item={item} turnStatus={turn.status} />)}
      {turn.plan.length > 0 ? <Plan turn={turn} /> : null}
      {turn.error && turn.status !== "interrupted" ? (
        <div class="turn-error" role="note">
          <Icon name="warn" />
          <div><Text text={turn.error.message} />{turn.error.additionalDetails ? <p class="quiet small"><Text text={turn.error.additionalDetails} /></p> : null}</div>
        </div>
      ) : null}
      {turn.retry ? (
        <div class="turn-retry" role="status"><Icon name="backoff" /><div>Codex is retrying the model: <Text text={turn.retry.message} /></div></div>
      ) : null}
      {turn.status === "inProgress" ? <Running turn={turn} /> : (
        <footer class="turn-foot" data-testid="turn-status" data-status={turn.status}><Icon name={ENDS[turn.status]} /><span><Text text={turnWords(turn)} /></span></footer>
      )}
    </article>
  );
});

function Running({ turn }: { turn: Turn }) {
  if (link.value.state !== "up") {
    return <footer class="turn-foot turn-waits" data-testid="turn-status" data-status="unknown"><Icon name="stalled" /><span>was working when the link to the host broke</span></footer>;
  }
  const waits = (openSession.value?.pending.length ?? 0) > 0;
  return (
    <footer class={`turn-foot ${waits ? "turn-waits" : ""}`} data-testid="turn-status" data-status="inProgress">
      <Icon name={waits ? "needsYou" : "working"} />
      <span>{waits ? "waits for you" : "working"}{turn.startedAtMs === null ? null : <Since atMs={turn.startedAtMs} />}</span>
    </footer>
  );
}

function Since({ atMs }: { atMs: number }) {
  return <span class="age"> · {age(atMs, now.value).replace("now", "0 s")}</span>;
}

function Plan({ turn }: { turn: Turn }) {
  const done = turn.plan.filter((step) => step.status === "completed").length;
  return (
    <details class="fold" open={turn.status === "inProgress"}>
      <summary><Icon name="chevron" class="fold-mark" /><Icon name="plan" />Plan <span class="quiet">{done} of {turn.plan.length}</span></summary>
      <ol class="plan">
        {turn.plan.map((step, at) => <li key={at} class={`step step-${step.status}`}><span class="sr">{step.status}: </span><Text text={step.step} /></li>)}
      </ol>
    </details>
  );
}
