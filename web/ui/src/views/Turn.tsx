// One row of a turn: what was asked, what came, how it ended. A turn's rows together look like a card. Not how a single item
// looks: Item.tsx.

import { memo } from "preact/compat";
import { foldable, type Row } from "../store/rows";
import type { Turn } from "../store/state";
import { turnWords } from "../store/truth";
import { fold, folded, link, now, openSession } from "../app/model";
import { age } from "../text/ages";
import { Icon, type IconName } from "./Icon";
import { ItemView } from "./Item";
import { useKept } from "./kept";
import { Text } from "./Text";

const ENDS: Record<Turn["status"], IconName> = { inProgress: "working", completed: "done", interrupted: "cut", failed: "failed" };

export const TurnRow = memo(function TurnRow({ row, first, last }: { row: Row; first: boolean; last: boolean }) {
  return (
    <div class={`seg seg-${row.kind} turn-${row.status} ${first ? "seg-first" : ""} ${last ? "seg-last" : ""}`} data-turn={first ? row.turnId : undefined}>
      {row.kind === "item" ? <ItemView item={row.item} turnStatus={row.status} /> : <Part kind={row.kind} turn={row.turn} />}
    </div>
  );
});

function Part({ kind, turn }: { kind: Exclude<Row["kind"], "item">; turn: Turn }) {
  switch (kind) {
    case "plan": return <Plan turn={turn} />;
    case "error": return (
      <div class="turn-error" role="note">
        <Icon name="warn" />
        <div><Text text={turn.error?.message ?? ""} />{turn.error?.additionalDetails ? <p class="quiet small"><Text text={turn.error.additionalDetails} /></p> : null}</div>
      </div>
    );
    case "retry": return <div class="turn-retry" role="status"><Icon name="backoff" /><div>Codex is retrying the model: <Text text={turn.retry?.message ?? ""} /></div></div>;
    case "foot": return turn.status === "inProgress" ? <Running turn={turn} /> : (
      <footer class="turn-foot" data-testid="turn-status" data-status={turn.status}><Icon name={ENDS[turn.status]} /><span><Text text={turnWords(turn)} /></span><Folder turn={turn} /></footer>
    );
  }
}

/** Folds a turn that has ended down to its question and its end, and back. */
function Folder({ turn }: { turn: Turn }) {
  const count = foldable(turn);
  if (count === 0) return null;
  const isFolded = folded.value.has(turn.id);
  return (
    <button type="button" class="link-button turn-fold" aria-expanded={!isFolded} data-testid="turn-fold" onClick={() => fold(turn.id, !isFolded)}>
      {isFolded ? `Show ${count} ${count === 1 ? "step" : "steps"}` : "Fold"}
    </button>
  );
}

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
  const [open, setOpen] = useKept<boolean | null>(`${turn.id} plan`, null);
  const shown = open ?? turn.status === "inProgress";
  return (
    <details class="fold" open={shown} onToggle={(event) => { if (event.currentTarget.open !== shown) setOpen(event.currentTarget.open); }}>
      <summary><Icon name="chevron" class="fold-mark" /><Icon name="plan" />Plan <span class="quiet">{done} of {turn.plan.length}</span></summary>
      <ol class="plan">
        {turn.plan.map((step, at) => <li key={at} class={`step step-${step.status}`}><span class="sr">{step.status}: </span><Text text={step.step} /></li>)}
      </ol>
    </details>
  );
}
