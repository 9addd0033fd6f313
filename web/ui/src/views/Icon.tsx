// The page's own few icons, drawn as lines so that they take the colour of their words. Not decoration: each is always
// beside a word or a label.

import type { JSX } from "preact";

const PATHS = {
  back: "M15 5l-7 7 7 7",
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM20 20l-4-4",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  chevron: "M9 6l6 6-6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  folder: "M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  terminal: "M5 7l5 5-5 5M12 18h7",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  thought: "M9 18h6M10 21h4M12 3a6 6 0 0 0-3.5 10.9c.6.5 1 1.2 1 2.1h5c0-.9.4-1.6 1-2.100A6 6 0 0 0 12 3z",
  plan: "M9 6h11M9 12h11M9 18h11M4 6l1 1 1.5-2M4 12l1 1 1.5-2M4 18l1 1 1.5-2",
  tool: "M14.5 6.500a4 4 0 0 0-5.3 4.900L4 16.6 7.4 20l5.2-5.200a4 4 0 0 0 4.9-5.300L15 12l-3-3z",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  warn: "M12 4l9 16H3zM12 10v4M12 17v.01",
  more: "M6 12h.01M12 12h.01M18 12h.01",
  server: "M4 5h16v6H4zM4 13h16v6H4zM8 8v.01M8 16v.01",
  out: "M10 5H5v14h5M14 8l4 4-4 4M18 12H9",
  edit: "M5 19h3L19 8l-3-3L5 16z",
  close: "M6 6l12 12M18 6L6 18",
  fork: "M7 4v5a4 4 0 0 0 4 4h2a4 4 0 0 1 4 4v3M7 9v11M4 17l3 3 3-3M14 17l3 3 3-3",
  archive: "M4 5h16v4H4zM6 9v10h12V9M10 13h4",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9v.01",
  sliders: "M4 7h9M17 7h3M15 5v4M4 17h3M11 17h9M9 15v4",
  model: "M12 3l2.200 6.800L21 12l-6.800 2.200L12 21l-2.200-6.800L3 12l6.800-2.200z",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.500 2h-15zM10 20a2 2 0 0 0 4 0",
  bellOff: "M6 16V11a6 6 0 0 1 9-5.200M18 11v5l1.500 2h-15M10 20a2 2 0 0 0 4 0M4 4l16 16",
  install: "M12 4v10M8 10l4 4 4-4M5 19h14",
  keys: "M3 7h18v10H3zM7 11v.01M11 11v.01M15 11v.01M8 14h8",
  shield: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6z",
  restart: "M5 12a7 7 0 1 0 2.5-5.400M5 4v4h4",
  // What a session is doing.
  working: "M12 4a8 8 0 1 1-8 8",
  needsYou: "M5 5h14v10h-7l-4 4v-4H5zM12 8v2.500M12 12.500v.01",
  stalled: "M7 4h10M7 20h10M8 4c0 5 8 5 8 8s-8 3-8 8M16 4c0 5-8 5-8 8s8 3 8 8",
  queued: "M5 7h14M5 12h14M5 17h8",
  idle: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14z",
  parked: "M19 14.500A7.5 7.5 0 0 1 9.5 5 7.5 7.5 0 1 0 19 14.500z",
  starting: "M12 4v7M7.5 7a7 7 0 1 0 9 0",
  backoff: "M5 12a7 7 0 1 0 2.5-5.400M5 4v4h4M12 9v3l2 2",
  failed: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM9 9l6 6M15 9l-6 6",
  quarantined: "M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12h6",
  done: "M5 12.500l4.5 4.500L19 7.5",
  cut: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM6.5 6.5l11 11",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: extra = "" }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg class={`icon ${extra}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
