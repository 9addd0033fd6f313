// What the composer offers while a person writes: commands after "/" at the start, files after "@". Not the list's looks.

import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { searchFiles } from "../app/actions";
import { COMMANDS } from "../app/commands";

export interface Offer { text: string; more: string; insert: string }

export interface Offers { from: number; to: number; offers: Offer[]; kind: "command" | "file" }

/** Files asked for only after the hand rests. */
const PAUSE_MS = 120;
const FILES_MAX = 8;

export function useOffers(words: string, field: RefObject<HTMLTextAreaElement | null>, cwd: string | undefined): [Offers | null, () => void] {
  const [offers, setOffers] = useState<Offers | null>(null);
  useEffect(() => {
    const caret = field.current?.selectionStart ?? words.length;
    const before = words.slice(0, caret);
    const command = /^\/([a-z]*)$/.exec(before);
    if (command) {
      const found = COMMANDS.filter((one) => one.name.startsWith(command[1]!));
      setOffers(found.length > 0 ? {
        kind: "command", from: 0, to: caret,
        offers: found.map((one) => ({ text: `/${one.name}`, more: one.about, insert: `/${one.name}${one.takes ? " " : ""}` })),
      } : null);
      return;
    }
    const file = /(?:^|\s)@([^\s@]*)$/.exec(before);
    if (!file || !cwd) { setOffers(null); return; }
    const query = file[1]!;
    let gone = false;
    const timer = setTimeout(() => {
      searchFiles(cwd, query).then((paths) => {
        if (gone) return;
        const found = paths.slice(0, FILES_MAX).map((path) => {
          const cut = path.lastIndexOf("/") + 1;
          return { text: path.slice(cut), more: path.slice(0, cut), insert: `${/\s/.test(path) ? `"${path}"` : path} ` };
        });
        setOffers(found.length > 0 ? { kind: "file", from: caret - query.length - 1, to: caret, offers: found } : null);
      }, () => { if (!gone) setOffers(null); });
    }, PAUSE_MS);
    return () => { gone = true; clearTimeout(timer); };
  }, [words, cwd]);
  return [offers, () => setOffers(null)];
}
