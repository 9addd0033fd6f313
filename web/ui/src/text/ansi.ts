// Reads terminal output piece by piece: SGR colours and lines stay, every other escape is dropped. Not a terminal: there is
// no cursor besides "back to the start of the line", and nothing here touches the DOM, the clipboard or the title.

export interface Style {
  /** 0..15 are the named colours, 16..255 the palette, "#rrggbb" true colour. */
  fg: number | string | null;
  bg: number | string | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  strike: boolean;
}

export interface Sink {
  text(text: string, style: Style): void;
  newline(): void;
  /** What follows overwrites the line from its start. */
  restartLine(): void;
}

export const PLAIN: Style = { fg: null, bg: null, bold: false, dim: false, italic: false, underline: false, inverse: false, strike: false };

/** A marker or an escape that is cut by a delta's end is held back, but never more than this. */
const HELD_MAX = 4096;

const ESC = "\u001b";
/** CSI, OSC/DCS/SOS/PM/APC strings (ended by BEL or ST), charset choices, and two-character escapes; C1 forms too. */
const ESCAPE =
  /(?:\u001b\[|\u009b)([0-9:;<=>?]*)([ -/]*)([@-~])|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]+[0-~]|\u001b[0-Z\\`-~]/y;
const OPEN_ESCAPE = /^(?:\u001b|(?:\u001b\[|\u009b)[0-9:;<=>?]*[ -/]*|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u009c]*|\u001b[ -/]+)$/;
const OPEN_MARKER = /\[(?:R(?:E(?:D(?:A(?:C(?:T(?:E(?:D(?::[\w.-]{0,64}(?:#[0-9a-f]{0,16})?)?)?)?)?)?)?)?)?)?$/;
const STOP = /[\u001b\u0090\u0098\u009b\u009d-\u009f\r\n]/g;

export class Ansi {
  private style = PLAIN;
  private held = "";
  private returned = false;

  constructor(private readonly sink: Sink) {}

  feed(chunk: string): void {
    const text = this.held + chunk;
    this.held = "";
    let at = 0;
    while (at < text.length) {
      const char = text[at]!;
      if (char === "\n") { this.returned = false; this.sink.newline(); at += 1; }
      else if (char === "\r") { this.returned = true; at += 1; }
      else if (char === ESC || (char >= "\u0090" && char <= "\u009f")) {
        const next = this.escape(text, at);
        if (next < 0) return;
        at = next;
      } else {
        STOP.lastIndex = at;
        const end = STOP.exec(text)?.index ?? text.length;
        let run = text.slice(at, end);
        if (end === text.length) {
          const open = OPEN_MARKER.exec(run);
          if (open) { this.held = run.slice(open.index); run = run.slice(0, open.index); }
        }
        this.write(run);
        at = end;
      }
    }
  }

  /** Nothing more comes: what was held back is shown as it is. */
  end(): void {
    const held = this.held;
    this.held = "";
    if (held !== "" && !held.startsWith(ESC)) this.write(held);
  }

  private write(run: string): void {
    if (run === "") return;
    if (this.returned) this.sink.restartLine();
    this.returned = false;
    this.sink.text(run, this.style);
  }

  /** The index after the escape, or -1 when it is not whole yet and was held back. */
  private escape(text: string, at: number): number {
    ESCAPE.lastIndex = at;
    const match = ESCAPE.exec(text);
    if (match) {
      if (match[3] === "m" && !match[2]) this.style = sgr(this.style, match[1] ?? "");
      return at + match[0].length;
    }
    const rest = text.slice(at, at + HELD_MAX + 1);
    if (at + rest.length === text.length && rest.length <= HELD_MAX && OPEN_ESCAPE.test(rest)) { this.held = rest; return -1; }
    return at + 1;
  }
}

function sgr(style: Style, params: string): Style {
  if (/[<=>?]/.test(params)) return style;
  const codes = params.split(/[;:]/).map((part) => (part === "" ? 0 : Number(part)));
  const next = { ...style };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at]!;
    if (code === 0) Object.assign(next, PLAIN);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.fg = code - 30;
    else if (code === 39) next.fg = null;
    else if (code >= 40 && code <= 47) next.bg = code - 40;
    else if (code === 49) next.bg = null;
    else if (code >= 90 && code <= 97) next.fg = code - 82;
    else if (code >= 100 && code <= 107) next.bg = code - 92;
    else if (code === 38 || code === 48) {
      const field = code === 38 ? "fg" : "bg";
      if (codes[at + 1] === 5) { next[field] = byte(codes[at + 2]); at += 2; }
      else if (codes[at + 1] === 2) {
        next[field] = `#${[codes[at + 2], codes[at + 3], codes[at + 4]].map((part) => byte(part).toString(16).padStart(2, "0")).join("")}`;
        at += 4;
      }
    }
  }
  return next;
}

function byte(value: number | undefined): number {
  return Math.max(0, Math.min(255, Math.trunc(value ?? 0) || 0));
}

/** The colour of palette entry 16..255. */
export function paletteColor(index: number): string {
  if (index >= 232) {
    const grey = (index - 232) * 10 + 8;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const cube = index - 16;
  const level = (value: number) => (value === 0 ? 0 : value * 40 + 55);
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}
