// Terminal output as the page reads it: colours stay, everything else that escapes is dropped. Not the drawing.

import { expect, test } from "vitest";
import { Ansi, PLAIN, type Style } from "./ansi";

function read(...chunks: string[]): string[] {
  const lines = [""];
  const put = (text: string) => { lines[lines.length - 1] += text; };
  const parser = new Ansi({
    text: (text, style) => put(marks(style) ? `<${marks(style)}>${text}</>` : text),
    newline: () => lines.push(""),
    restartLine: () => { lines[lines.length - 1] = ""; },
  });
  for (const chunk of chunks) parser.feed(chunk);
  parser.end();
  return lines;
}

function marks(style: Style): string {
  return Object.entries(style).filter(([name, value]) => value !== PLAIN[name as keyof Style]).map(([name, value]) => (value === true ? name : `${name}=${value}`)).join(" ");
}

test.each<[string, string[], string[]]>([
  ["plain lines", ["a\nb\r\nc"], ["a", "b", "c"]],
  ["a named colour", ["\u001b[31mred\u001b[0m no"], ["<fg=1>red</> no"]],
  ["bold and bright background", ["\u001b[1;103mx\u001b[22my\u001b[49mz"], ["<bg=11 bold>x</><bg=11>y</>z"]],
  ["palette and true colour", ["\u001b[38;5;208ma\u001b[48;2;1;2;255mb"], ["<fg=208>a</><fg=208 bg=#0102ff>b</>"]],
  ["an escape cut by a delta", ["a\u001b", "[3", "2mb"], ["a<fg=2>b</>"]],
  ["a clipboard write (OSC 52)", ["a\u001b]52;c;ZXZpbA==\u0007b"], ["ab"]],
  ["a link (OSC 8) ended by ST, cut in two", ["\u001b]8;;https://evil.example\u001b", "\\text\u001b]8;;\u001b\\!"], ["text!"]],
  ["a title, DCS, APC, C1", ["\u001b]0;title\u0007\u001bPq#0\u001b\\\u001b_x\u001b\\\u009b31mc\u009d2;t\u0007d"], ["<fg=1>c</><fg=1>d</>"]],
  ["cursor moves and erasing", ["\u001b[2J\u001b[Hx\u001b[1Ay\u001b[?25lz"], ["xyz"]],
  ["a progress line", ["10%\r20%\r30%\ndone"], ["30%", "done"]],
  ["a marker cut by a delta", ["key=[REDAC", "TED:aws#a1b2", "c3] ok"], ["key=[REDACTED:aws#a1b2c3] ok"]],
  ["an open bracket at the end", ["list ["], ["list ["]],
  ["a string that never ends is not held for ever", [`\u001b]0;${"x".repeat(5000)}`], [`]0;${"x".repeat(5000)}`]],
])("%s", (_name, chunks, lines) => {
  expect(read(...chunks).join("\n")).toBe(lines.join("\n"));
});
