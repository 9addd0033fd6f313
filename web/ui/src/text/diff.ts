// Reads unified diffs (and the bare text that Codex sends for added and deleted files) into lines. Not the drawing.

export interface DiffLine {
  kind: "add" | "del" | "same" | "hunk" | "meta";
  old: number | null;
  new: number | null;
  text: string;
}

/** A diff with more lines is cut; the file itself is the place to read it. */
export const DIFF_MAX = 4000;

export function diffLines(diff: string, change: "add" | "delete" | "update"): DiffLine[] {
  const raw = diff.endsWith("\n") ? diff.slice(0, -1).split("\n") : diff.split("\n");
  if (change !== "update" && !/^(@@ |--- |diff --git )/m.test(diff.slice(0, 2000))) {
    return raw.slice(0, DIFF_MAX).map((text, at) =>
      change === "add" ? { kind: "add", old: null, new: at + 1, text } : { kind: "del", old: at + 1, new: null, text });
  }
  const lines: DiffLine[] = [];
  let oldAt = 1;
  let newAt = 1;
  for (const line of raw.slice(0, DIFF_MAX)) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)$/.exec(line);
    if (hunk) {
      oldAt = Number(hunk[1]);
      newAt = Number(hunk[2]);
      lines.push({ kind: "hunk", old: null, new: null, text: (hunk[3] ?? "").trim() || `line ${newAt}` });
    } else if (/^(diff --git |index |new file |deleted file |similarity |rename |--- |\+\+\+ |\\ )/.test(line) && lines.every((one) => one.kind === "meta" || line.startsWith("\\"))) {
      lines.push({ kind: "meta", old: null, new: null, text: line });
    } else if (line.startsWith("+")) lines.push({ kind: "add", old: null, new: newAt++, text: line.slice(1) });
    else if (line.startsWith("-")) lines.push({ kind: "del", old: oldAt++, new: null, text: line.slice(1) });
    else lines.push({ kind: "same", old: oldAt++, new: newAt++, text: line.startsWith(" ") ? line.slice(1) : line });
  }
  return lines;
}

export function counts(lines: readonly DiffLine[]): { added: number; removed: number } {
  return {
    added: lines.filter((line) => line.kind === "add").length,
    removed: lines.filter((line) => line.kind === "del").length,
  };
}
