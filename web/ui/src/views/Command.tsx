// A command that Codex ran: what, where, how it ended, and its output. Long output is folded; running output is followed.

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { askedItems } from "../app/model";
import type { Item } from "../store/state";
import { shownCommand } from "../store/truth";
import { bytes, span } from "../text/ages";
import { copyText } from "../text/code";
import { countLines, lastLines, OutputView } from "../text/output";
import { number, text, type TurnStatus } from "../wire/types";
import { Icon } from "./Icon";
import { useKept } from "./kept";
import { Text } from "./Text";

/** Output up to this many lines is shown whole; of longer output this many last lines. */
const SHORT_LINES = 8;
/** Lines are counted up to here; beyond it the count is a "+". */
const COUNT_MAX = 100_000;

export function Command({ item, turnStatus }: { item: Item; turnStatus: TurnStatus }) {
  const raw = item.item;
  const output = text(raw["aggregatedOutput"]);
  const open = item.state === "open" && turnStatus === "inProgress";
  const [opened, setOpened] = useKept<boolean | null>(`output ${item.key}`, null);
  const tail = lastLines(output, SHORT_LINES);
  const whole = opened ?? (open || !tail.hidden);
  const command = shownCommand(raw);
  const full = text(raw["command"]);
  return (
    <div class={`command ${open ? "command-open" : ""}`}>
      <div class="command-head">
        <Icon name="terminal" />
        <code class="command-line" title={full === command ? undefined : full}><Text text={command} /></code>
        <Ending item={item} open={open} />
      </div>
      {output !== "" ? (
        <div class="command-body">
          {whole ? <Output key="whole" source={output} open={open} tall={opened === true} /> : <Output key="tail" source={tail.shown} open={false} tall={false} />}
        </div>
      ) : null}
      <div class="command-foot">
        {text(raw["cwd"]) ? <span class="mono quiet" title="working directory"><Text text={text(raw["cwd"])} /></span> : null}
        {number(raw["outputCut"]) ? <span class="quiet">the first {bytes(number(raw["outputCut"]) ?? 0)} are not kept here</span> : null}
        {tail.hidden && !open ? (
          <button type="button" class="link-button" onClick={() => setOpened(!whole)} data-testid="output-toggle">
            {whole ? "Fold" : `Show all ${countWords(output)} lines`}
          </button>
        ) : null}
        {output !== "" ? <button type="button" class="link-button" onClick={(event) => void copyText(output, event.currentTarget)}>Copy</button> : null}
      </div>
    </div>
  );
}

function countWords(output: string): string {
  const count = countLines(output, COUNT_MAX);
  return count >= COUNT_MAX ? `${COUNT_MAX.toLocaleString("en")}+` : count.toLocaleString("en");
}

function Ending({ item, open }: { item: Item; open: boolean }) {
  const raw = item.item;
  const code = number(raw["exitCode"]);
  const took = number(raw["durationMs"]);
  if (open && askedItems.value.has(item.itemId)) return <span class="tag tag-asked"><Icon name="needsYou" />waits for you</span>;
  if (open) return <span class="tag tag-inProgress"><Icon name="working" />running</span>;
  if (item.state !== "completed") return <span class="tag">{item.state === "partial" ? "no end seen" : "runs on"}</span>;
  if (raw["status"] === "declined") return <span class="tag tag-declined">declined</span>;
  const good = code === 0 || (code === undefined && raw["status"] === "completed");
  return (
    <span class={`tag ${good ? "tag-completed" : "tag-failed"}`}>
      {code === undefined ? text(raw["status"]) : `exit ${code}`}{took === undefined ? "" : ` · ${span(took)}`}
    </span>
  );
}

function Output({ source, open, tall }: { source: string; open: boolean; tall: boolean }) {
  const box = useRef<HTMLDivElement>(null);
  const root = useRef<HTMLDivElement>(null);
  const view = useRef<OutputView | null>(null);
  const [dropped, setDropped] = useState(0);
  useLayoutEffect(() => {
    if (!root.current || !box.current) return;
    view.current ??= new OutputView(root.current, setDropped);
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const atEnd = scrollHeight - scrollTop - clientHeight < 24;
    view.current.update(source, open);
    if (atEnd && open) box.current.scrollTop = box.current.scrollHeight;
  }, [source, open]);
  return (
    <>
      {dropped > 0 ? <p class="quiet small pad-small">{dropped.toLocaleString("en")} earlier lines are not drawn; “Copy” has them.</p> : null}
      <div class={`output ${tall ? "output-tall" : ""}`} ref={box} data-testid="command-output" tabIndex={0} role="group" aria-label="Output">
        <div ref={root} />
      </div>
    </>
  );
}
