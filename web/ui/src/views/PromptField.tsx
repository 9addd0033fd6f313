// The field for writing a prompt: it grows with its words, keeps them as a draft, and knows when Enter sends. Not the
// buttons around it.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const DRAFT = "holdfast.draft.";
const TALLEST_PX = 240;

/** On a touch keyboard Enter makes a line; there is a button for sending. */
export const touch = matchMedia("(pointer: coarse)");

/** What was written and not sent, kept in localStorage under the session's id. */
export function useDraft(name: string): [string, (words: string) => void] {
  const [words, setWords] = useState(() => localStorage.getItem(DRAFT + name) ?? "");
  const write = (next: string) => {
    setWords(next);
    try {
      if (next === "") localStorage.removeItem(DRAFT + name);
      else localStorage.setItem(DRAFT + name, next);
    } catch {
      // Without a store the draft lives as long as the page.
    }
  };
  return [words, write];
}

interface Props {
  words: string;
  write: (words: string) => void;
  submit: (form: HTMLFormElement) => void;
  placeholder: string;
  label: string;
  rows?: number;
  focus?: boolean;
}

export function PromptField({ words, write, submit, placeholder, label, rows = 1, focus = false }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);

  useEffect(() => { if (focus && !touch.matches) field.current?.focus(); }, []);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, TALLEST_PX)}px`;
  }, [words]);

  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || touch.matches) return;
    event.preventDefault();
    const form = field.current?.form;
    if (form) submit(form);
  }

  return (
    <textarea
      ref={field} rows={rows} value={words} data-testid="composer" aria-label={label} enterkeyhint={touch.matches ? "enter" : "send"} placeholder={placeholder}
      onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown}
    />
  );
}
