// Small signs that many views share: a session's state, ages and countdowns that tick. Not whole rows.

import type { JSX } from "preact";
import { now } from "../app/model";
import { age, secondsUntil } from "../text/ages";
import { STATE_WORDS } from "../store/summaries";
import type { SessionState } from "../wire/types";
import { Icon } from "./Icon";

/** State by icon, colour and word at once; `retryAtMs` turns "restarting" into a countdown. */
export function StateMark({ state, retryAtMs, short = false }: { state: SessionState; retryAtMs?: number | undefined; short?: boolean }): JSX.Element {
  return (
    <span class={`state state-${state}`} data-state={state}>
      <Icon name={state} />
      <span class={short ? "sr" : ""}>{STATE_WORDS[state]}{state === "backoff" && retryAtMs ? <Countdown atMs={retryAtMs} /> : null}</span>
    </span>
  );
}

export function Age({ atMs, suffix = "" }: { atMs: number; suffix?: string }): JSX.Element {
  const words = age(atMs, now.value);
  return <time class="age" dateTime={new Date(atMs).toISOString()} title={new Date(atMs).toLocaleString()}>{words}{words === "now" ? "" : suffix}</time>;
}

export function Countdown({ atMs }: { atMs: number }): JSX.Element {
  const left = secondsUntil(atMs, now.value);
  return <span class="age">{left > 0 ? ` in ${left} s` : " now"}</span>;
}
