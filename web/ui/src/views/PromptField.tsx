// The field for writing a prompt: it grows with its words, keeps them as a draft, offers commands and files, takes images, and
// knows when Enter sends. Not the buttons around it.

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { say } from "../app/model";
import { fitImage, IMAGES_MAX, imagesIn, isImageData } from "../text/images";
import { useOffers, type Offer } from "./completion";
import { Icon } from "./Icon";

const DRAFT = "holdfast.draft.";
const TALLEST_PX = 240;

/** On a touch keyboard Enter makes a line; there is a button for sending. */
export const touch = matchMedia("(pointer: coarse)");

/** What was written and not sent, kept in localStorage under the session's id. */
export function useDraft(name: string): [string, (words: string) => void] {
  const [words, setWords] = useState(() => localStorage.getItem(DRAFT + name) ?? "");
  return [words, (next) => { setWords(next); keep(name, next); }];
}

/** The images of a draft. Where they find no room in the store they live as long as the page. */
export function useDraftImages(name: string): [string[], (change: (images: string[]) => string[]) => void] {
  const [images, setImages] = useState(() => readImages(name));
  const latest = useRef(images);
  return [images, (change) => {
    latest.current = change(latest.current);
    setImages(latest.current);
    keep(`${name}.images`, latest.current.length === 0 ? "" : JSON.stringify(latest.current));
  }];
}

function readImages(name: string): string[] {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(`${DRAFT}${name}.images`) ?? "[]");
    return Array.isArray(value) ? value.filter(isImageData).slice(0, IMAGES_MAX) : [];
  } catch {
    return [];
  }
}

function keep(name: string, value: string): void {
  try {
    if (value === "") localStorage.removeItem(DRAFT + name);
    else localStorage.setItem(DRAFT + name, value);
  } catch {
    // Without a store the draft lives as long as the page.
  }
}

/** Adds images to a draft, each made to fit; what does not fit is said. */
export async function addImages(files: File[], change: (change: (images: string[]) => string[]) => void): Promise<void> {
  for (const file of files) {
    try {
      const url = await fitImage(file);
      change((images) => {
        if (images.length < IMAGES_MAX) return [...images, url];
        say(`A prompt takes ${IMAGES_MAX} images.`, "bad");
        return images;
      });
    } catch (error) {
      say((error as Error).message, "bad");
    }
  }
}

interface Props {
  words: string;
  write: (words: string) => void;
  submit: (form: HTMLFormElement) => void;
  placeholder: string;
  label: string;
  /** Where "@" looks for files. */
  cwd?: string | undefined;
  addImages: (change: (images: string[]) => string[]) => void;
  field?: RefObject<HTMLTextAreaElement | null>;
  rows?: number;
  focus?: boolean;
}

export function PromptField({ words, write, submit, placeholder, label, cwd, addImages: change, field: given, rows = 1, focus = false }: Props) {
  const own = useRef<HTMLTextAreaElement>(null);
  const field = given ?? own;
  const [offers, forget] = useOffers(words, field, cwd);
  const [at, setAt] = useState(0);
  const [over, setOver] = useState(false);
  useEffect(() => setAt(0), [offers]);
  useEffect(() => document.getElementById(`offer-${at}`)?.scrollIntoView({ block: "nearest" }), [at]);

  useEffect(() => { if (focus && !touch.matches) field.current?.focus(); }, []);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area || CSS.supports("field-sizing", "content")) return;
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight, TALLEST_PX)}px`;
  }, [words]);

  function take(offer: Offer): void {
    if (!offers) return;
    const next = words.slice(0, offers.from) + offer.insert + words.slice(offers.to);
    write(next);
    forget();
    const area = field.current;
    if (!area) return;
    // At once, not with the next drawing: who types on must find the caret behind what was inserted.
    area.value = next;
    area.focus();
    const end = offers.from + offer.insert.length;
    area.setSelectionRange(end, end);
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.isComposing) return;
    const chosen = offers?.offers[at];
    if (offers && chosen) {
      const count = offers.offers.length;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); setAt((at + (event.key === "ArrowDown" ? 1 : count - 1)) % count); return; }
      if (event.key === "Escape") { event.preventDefault(); event.stopPropagation(); forget(); return; }
      // A whole command that takes nothing runs with Enter; anything else is completed first.
      if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey && chosen.insert.trim() !== words.trim())) { event.preventDefault(); take(chosen); return; }
    }
    if (event.key !== "Enter" || event.shiftKey || touch.matches) return;
    event.preventDefault();
    const form = field.current?.form;
    if (form) submit(form);
  }

  function onPaste(event: ClipboardEvent) {
    const images = imagesIn(event.clipboardData);
    if (images.length === 0) return;
    event.preventDefault();
    void addImages(images, change);
  }

  return (
    <div class={`field ${over ? "field-over" : ""}`}
      onDragOver={(event) => { if (event.dataTransfer?.types.includes("Files")) { event.preventDefault(); setOver(true); } }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); void addImages(imagesIn(event.dataTransfer), change); }}>
      {offers ? (
        <ul class="offers" role="listbox" id="offers" aria-label={offers.kind === "file" ? "Files" : "Commands"} data-testid="offers">
          {offers.offers.map((offer, index) => (
            <li key={offer.insert} id={`offer-${index}`} role="option" aria-selected={index === at} class={`offer ${index === at ? "on" : ""}`}
              onPointerDown={(event) => { event.preventDefault(); take(offer); }}>
              <Icon name={offers.kind === "file" ? "file" : "chevron"} /><span class={offers.kind === "file" ? "mono" : "offer-name"}>{offer.text}</span><span class="offer-more">{offer.more}</span>
            </li>
          ))}
        </ul>
      ) : null}
      <textarea
        ref={field} rows={rows} value={words} data-testid="composer" aria-label={label} enterkeyhint={touch.matches ? "enter" : "send"} placeholder={placeholder}
        aria-autocomplete="list" aria-controls={offers ? "offers" : undefined} aria-activedescendant={offers ? `offer-${at}` : undefined}
        onInput={(event) => write(event.currentTarget.value)} onKeyDown={onKeyDown} onPaste={onPaste} onBlur={forget}
      />
    </div>
  );
}

/** The images that go with the prompt. */
export function Attached({ images, change }: { images: readonly string[]; change: (change: (images: string[]) => string[]) => void }) {
  if (images.length === 0) return null;
  return (
    <ul class="attached" aria-label="Images">
      {images.map((url, at) => (
        <li key={`${at}${url.length}`} data-testid="attached-image">
          <img src={url} alt={`Image ${at + 1}`} />
          <button type="button" class="attached-drop" aria-label={`Remove image ${at + 1}`} onClick={() => change((all) => all.filter((_, index) => index !== at))}><Icon name="close" /></button>
        </li>
      ))}
    </ul>
  );
}

export function ImageButton({ change }: { change: (change: (images: string[]) => string[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="icon-button small" aria-label="Add an image" title="Add an image (or paste, or drop one)" onClick={() => input.current?.click()}><Icon name="image" /></button>
      <input ref={input} type="file" accept="image/*" multiple hidden data-testid="image-file" onChange={(event) => {
        const files = [...(event.currentTarget.files ?? [])];
        event.currentTarget.value = "";
        void addImages(files, change);
      }} />
    </>
  );
}
