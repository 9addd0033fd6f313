// The commands that begin with "/" in the composer. Not their menu entries, which do the same things.

import type { Summary } from "../wire/types";
import { archive, compact, fork, go, interrupt, rename, restartBridge, review } from "./actions";
import { helping, renaming } from "./model";

export interface Command {
  name: string;
  /** What it does, in a few words. */
  about: string;
  /** What may stand behind it. */
  takes?: string;
  run: (at: Place, words: string) => void;
}

export interface Place { threadId: string; turnId: string | undefined; summary: Summary | undefined }

export const COMMANDS: readonly Command[] = [
  { name: "new", about: "start a session", run: () => go({ at: "new" }) },
  { name: "rename", about: "give this session a name", takes: "name", run: ({ threadId }, words) => { if (words) rename(threadId, words); else renaming.value = threadId; } },
  { name: "fork", about: "go on in a copy of this session", run: ({ threadId }) => void fork(threadId) },
  { name: "archive", about: "put this session away", run: ({ threadId }) => archive(threadId) },
  { name: "review", about: "let Codex review the changes", takes: "instructions", run: ({ threadId }, words) => review(threadId, words) },
  { name: "compact", about: "sum the conversation up to make room", run: ({ threadId }) => compact(threadId) },
  { name: "stop", about: "stop the running turn", run: ({ threadId, turnId }) => { if (turnId) interrupt(threadId, turnId); } },
  { name: "restart", about: "restart Codex for this session", run: ({ threadId }) => restartBridge(threadId) },
  { name: "host", about: "look at the host", run: () => go({ at: "host" }) },
  { name: "keys", about: "show the keyboard shortcuts", run: () => { helping.value = true; } },
];

/** The command that the words are, with what stands behind it; words that only begin with "/" (a path) are none. */
export function commandIn(words: string): { command: Command; rest: string } | null {
  const match = /^\/([a-z]+)(?:\s+([\s\S]*))?$/.exec(words.trim());
  const command = match && COMMANDS.find((one) => one.name === match[1]);
  return command ? { command, rest: (match[2] ?? "").trim() } : null;
}
