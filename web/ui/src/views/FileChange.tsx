// Files that Codex changed, as diffs to read. Not the approval of them, which shows the same diffs: Approvals.tsx.

import { memo } from "preact/compat";
import type { Item } from "../store/state";
import { counts, DIFF_MAX, diffLines } from "../text/diff";
import { list, record, text } from "../wire/types";
import { Icon } from "./Icon";
import { useKept } from "./kept";
import { Text } from "./Text";

/** A longer diff starts folded. */
const SHORT_LINES = 40;

const VERBS: Record<string, string> = { add: "added", delete: "deleted", update: "changed" };

export function FileChange({ item }: { item: Item }) {
  const status = text(item.item["status"]);
  return (
    <div class="files">
      {status === "declined" || status === "failed" ? <p class={`tag tag-${status}`}>{status === "declined" ? "declined: nothing was written" : "failed"}</p> : null}
      <Changes id={item.key} changes={list(item.item["changes"])} />
    </div>
  );
}

export function Changes({ id, changes, open }: { id: string; changes: unknown[]; open?: boolean }) {
  return <>{changes.map(record).map((change) => <FileDiff key={text(change["path"])} id={`diff ${id} ${text(change["path"])}`} change={change} startOpen={open} />)}</>;
}

const FileDiff = memo(function FileDiff({ id, change, startOpen }: { id: string; change: Record<string, unknown>; startOpen?: boolean | undefined }) {
  const kind = text(record(change["kind"])["type"]) || "update";
  const moved = text(record(change["kind"])["move_path"]);
  const lines = diffLines(text(change["diff"]), kind === "add" || kind === "delete" ? kind : "update");
  const { added, removed } = counts(lines);
  const [open, setOpen] = useKept(id, startOpen ?? lines.length <= SHORT_LINES);
  const path = text(change["path"]);
  return (
    <details class="file" open={open} onToggle={(event) => { if (event.currentTarget.open !== open) setOpen(event.currentTarget.open); }}>
      <summary>
        <Icon name="chevron" class="fold-mark" />
        <Icon name="file" />
        <span class="file-path mono" title={path}><bdi><Text text={path} /></bdi>{moved ? <> → <bdi><Text text={moved} /></bdi></> : null}</span>
        <span class="sr">{VERBS[kind] ?? kind}</span>
        <span class="file-counts">{added > 0 ? <span class="added">+{added}</span> : null}{removed > 0 ? <span class="removed">−{removed}</span> : null}</span>
      </summary>
      {open ? (
        <div class="diff" tabIndex={0} role="group" aria-label={`Changes in ${path}`}>
          <div class="diff-body">
            {lines.map((line, at) => (
              <div key={at} class={`line line-${line.kind}`}>
                <span class="line-number" aria-hidden="true">{line.kind === "del" ? line.old : line.new}</span>
                <span class="line-sign">{line.kind === "add" ? "+" : line.kind === "del" ? "−" : " "}</span>
                <span class="line-text"><Text text={line.text} /></span>
              </div>
            ))}
          </div>
          {lines.length >= DIFF_MAX ? <p class="quiet pad-small">Only the first {DIFF_MAX} lines are shown.</p> : null}
        </div>
      ) : null}
    </details>
  );
});
