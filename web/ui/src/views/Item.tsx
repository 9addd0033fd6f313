// One item of a turn, by its kind; what the page does not know becomes a compact row. Not commands and diffs themselves.

import type { JSX } from "preact";
import { memo } from "preact/compat";
import type { Item } from "../store/state";
import { inputText, list, record, text, type PromptInput, type TurnStatus } from "../wire/types";
import { decisions } from "../app/model";
import { decidedWords } from "../store/feed";
import { isImageData } from "../text/images";
import { Command } from "./Command";
import { FileChange } from "./FileChange";
import { useKept } from "./kept";
import { Icon, type IconName } from "./Icon";
import { Markdown } from "./Markdown";
import { Text } from "./Text";

interface Props { item: Item; turnStatus: TurnStatus }

export const ItemView = memo(function ItemView({ item, turnStatus }: Props): JSX.Element {
  const inside = body(item, turnStatus);
  return (
    <div class={`item item-${item.item.type}`} data-item={item.itemId} data-state={item.state} data-testid="item">
      {inside}
      {item.item.type === "commandExecution" || item.item.type === "fileChange" ? <Decided item={item} /> : null}
      {item.state === "partial" && saysCut(item, turnStatus) ? <p class="cut"><Icon name="cut" />interrupted here</p> : null}
    </div>
  );
});

/** Where the mark says something: text or output that was cut. A command of a finished turn runs on in the background. */
function saysCut(item: Item, turnStatus: TurnStatus): boolean {
  const type = item.item.type;
  if (type === "commandExecution") return turnStatus !== "completed";
  return type !== "userMessage" && type !== "notice";
}

function body(item: Item, turnStatus: TurnStatus): JSX.Element {
  const raw = item.item;
  switch (raw.type) {
    case "userMessage": return <UserMessage content={list(raw["content"]) as PromptInput[]} />;
    case "agentMessage": return <div class="prose" data-testid="item-text"><Markdown source={text(raw["text"])} open={item.state === "open"} /></div>;
    case "plan": return <Fold id={item.key} icon="plan" title="Plan" open><div class="prose" data-testid="item-text"><Markdown source={text(raw["text"])} open={item.state === "open"} /></div></Fold>;
    case "reasoning": return <Reasoning item={item} />;
    case "commandExecution": return <Command item={item} turnStatus={turnStatus} />;
    case "fileChange": return <FileChange item={item} />;
    case "notice": return <p class="notice"><Icon name="warn" /><span><Text text={text(raw["text"])} /></span></p>;
    default: return <Generic item={item} />;
  }
}

function UserMessage({ content }: { content: PromptInput[] }) {
  const images = content.filter((part) => part.type === "image").map((part) => part["url"]).filter(isImageData);
  const words = inputText(content.filter((part) => !(part.type === "image" && isImageData(part["url"]))));
  return (
    <div class="said">
      <span class="sr">You: </span><Text text={words} />
      {images.length > 0 ? <div class="said-images">{images.map((url, at) => <img key={at} src={url} alt={`Image ${at + 1}`} />)}</div> : null}
    </div>
  );
}

/** Who answered, where Codex had asked about this item. */
function Decided({ item }: { item: Item }) {
  const decided = decisions.value?.[item.key];
  if (!decided) return null;
  return <p class={`decided decided-${decided.decision}`} data-testid="decided"><Icon name="shield" /><Text text={decidedWords(decided)} /></p>;
}

function Reasoning({ item }: { item: Item }): JSX.Element {
  const summary = list(item.item["summary"]).map(text).filter(Boolean);
  const parts = summary.length > 0 ? summary : list(item.item["content"]).map(text).filter(Boolean);
  if (parts.length === 0) return <p class="thinking"><Icon name="thought" />Thinking…</p>;
  const title = /^\*\*(.+?)\*\*/.exec(parts.at(-1) ?? "")?.[1];
  return (
    <Fold id={item.key} icon="thought" title={item.state === "open" ? "Thinking" : "Thought"} more={title} open={false}>
      <div class="prose quiet-prose"><Markdown source={parts.join("\n\n")} open={item.state === "open"} /></div>
    </Fold>
  );
}

function Fold({ id, icon, title, more, open: begins, children }: { id: string; icon: IconName; title: string; more?: string | undefined; open: boolean; children: JSX.Element }) {
  const [open, setOpen] = useKept(`fold ${id}`, begins);
  return (
    <details class="fold" open={open} onToggle={(event) => { if (event.currentTarget.open !== open) setOpen(event.currentTarget.open); }}>
      <summary><Icon name="chevron" class="fold-mark" /><Icon name={icon} />{title}{more ? <span class="fold-more"><Text text={more} /></span> : null}</summary>
      {children}
    </details>
  );
}

const NAMES: Record<string, [IconName, string]> = {
  mcpToolCall: ["tool", "Tool"], dynamicToolCall: ["tool", "Tool"], webSearch: ["globe", "Web search"], imageView: ["file", "Looked at an image"],
  imageGeneration: ["file", "Made an image"], collabAgentToolCall: ["tool", "Another agent"], subAgentActivity: ["tool", "Another agent"],
  contextCompaction: ["thought", "The conversation was summed up to make room"], enteredReviewMode: ["search", "Review started"],
  exitedReviewMode: ["search", "Review ended"], hookPrompt: ["tool", "Hook"], sleep: ["stalled", "Waiting"], functionCallOutput: ["tool", "Tool answer"],
};

function Generic({ item }: { item: Item }) {
  const raw = item.item;
  const [icon, name] = NAMES[raw.type] ?? (["more", raw.type] as const);
  const label = [text(raw["server"]), text(raw["tool"]), text(raw["query"]), text(raw["path"]), text(raw["review"]), text(raw["name"])].filter(Boolean).join(" · ");
  const failure = text(record(raw["error"])["message"]);
  const [open, setOpen] = useKept(`fold ${item.key}`, false);
  return (
    <details class="fold generic" open={open} onToggle={(event) => { if (event.currentTarget.open !== open) setOpen(event.currentTarget.open); }}>
      <summary>
        <Icon name="chevron" class="fold-mark" /><Icon name={icon} />{name}
        {label ? <span class="fold-more mono"><Text text={label} /></span> : null}
        {text(raw["status"]) && raw["status"] !== "completed" ? <span class={`tag tag-${text(raw["status"])}`}>{text(raw["status"]) === "inProgress" ? "running" : text(raw["status"])}</span> : null}
      </summary>
      {failure ? <p class="failure"><Text text={failure} /></p> : null}
      {text(raw["progress"]) ? <p class="quiet"><Text text={text(raw["progress"])} /></p> : null}
      {open ? <pre class="json" tabIndex={0}><Text text={JSON.stringify(raw, null, 2)} /></pre> : null}
    </details>
  );
}
