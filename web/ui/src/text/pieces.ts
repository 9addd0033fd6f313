// Cuts text into plain runs, redaction markers and characters that would lie or hide if they were drawn as they are
// (bidi controls, C0 controls). Not the drawing: text/draw.ts and views/Text.tsx do that.

export type Piece =
  | { kind: "plain"; text: string }
  | { kind: "marker"; text: string; rule: string; print: string }
  | { kind: "control"; text: string; label: string };

const SPECIAL =
  /\[REDACTED:([\w.-]{1,64})#([0-9a-f]{4,16})\]|([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff])/g;

const BIDI: Record<number, string> = {
  0x061c: "ALM", 0x200b: "ZWSP", 0x200e: "LRM", 0x200f: "RLM", 0x2028: "LSEP", 0x2029: "PSEP", 0x202a: "LRE", 0x202b: "RLE",
  0x202c: "PDF", 0x202d: "LRO", 0x202e: "RLO", 0x2060: "WJ", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI", 0x2069: "PDI", 0xfeff: "BOM",
};

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(SPECIAL)) {
    if (match.index > from) found.push({ kind: "plain", text: text.slice(from, match.index) });
    const [whole, rule, print, control] = match;
    if (control !== undefined) found.push({ kind: "control", text: control, label: labelOf(control) });
    else found.push({ kind: "marker", text: whole, rule: rule ?? "", print: print ?? "" });
    from = match.index + whole.length;
  }
  if (from < text.length) found.push({ kind: "plain", text: text.slice(from) });
  return found;
}

export function isSpecial(text: string): boolean {
  SPECIAL.lastIndex = 0;
  return SPECIAL.test(text);
}

/** The text for places that take no elements, with what would lie or hide written out. */
export function shownText(text: string): string {
  return pieces(text).map((piece) => (piece.kind === "control" ? piece.label : piece.text)).join("");
}

function labelOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) return `^${String.fromCharCode(code + 64)}`;
  if (code === 0x7f) return "^?";
  return BIDI[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
