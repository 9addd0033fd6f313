// What a person has chosen for a session's next prompts: model, effort, rights. Kept in localStorage until it is what the
// session has anyway. Not what the session has: that comes with its summary.

import { signal } from "@preact/signals";
import { socket } from "./connection";
import { linkUp, terms } from "./model";
import { list, record, text, type Overrides, type Summary } from "../wire/types";

export interface Choice { model?: string; effort?: string; approvalPolicy?: string; sandbox?: string }

export interface Model { id: string; name: string; efforts: string[]; usual: string; images: boolean }

const KEY = "holdfast.choices";
/** Sessions whose choices are remembered; the oldest go first. */
const CHOICES_MAX = 100;

/** From the narrowest to the widest. */
export const SANDBOXES = [["read-only", "reads only"], ["workspace-write", "writes here"], ["danger-full-access", "no sandbox"]] as const;
export const APPROVALS = [["untrusted", "asks always"], ["on-request", "asks if needed"], ["never", "never asks"]] as const;
const POLICIES: Record<string, string> = { "read-only": "readOnly", "workspace-write": "workspaceWrite", "danger-full-access": "dangerFullAccess" };

export const choices = signal<Readonly<Record<string, Choice>>>(read());
export const models = signal<readonly Model[]>([]);

function read(): Record<string, Choice> {
  try {
    return record(JSON.parse(localStorage.getItem(KEY) ?? "{}")) as Record<string, Choice>;
  } catch {
    return {};
  }
}

export function chooseFor(threadId: string, change: Choice): void {
  const { [threadId]: old, ...others } = choices.value;
  choices.value = Object.fromEntries([...Object.entries(others).slice(1 - CHOICES_MAX), [threadId, { ...old, ...change }]]);
  try {
    localStorage.setItem(KEY, JSON.stringify(choices.value));
  } catch {
    // Without a store the choice lives as long as the page.
  }
}

/** Up to what the host allows; everything where it does not say. */
export function allowed<T extends readonly (readonly [string, string])[]>(all: T, highest: string | undefined): T[number][] {
  const at = all.findIndex(([word]) => word === highest);
  return at < 0 ? [...all] : all.slice(0, at + 1);
}

/** What must be said to Codex with the next prompt so that the choice holds. */
export function overridesOf(choice: Choice | undefined, summary: Summary | undefined): Overrides | undefined {
  if (!choice) return undefined;
  const overrides: Overrides = {
    ...(choice.model && choice.model !== summary?.model ? { model: choice.model } : {}),
    ...(choice.effort ? { effort: choice.effort } : {}),
    ...(choice.approvalPolicy && choice.approvalPolicy !== summary?.approvalPolicy ? { approvalPolicy: choice.approvalPolicy } : {}),
    ...(choice.sandbox && choice.sandbox !== summary?.sandbox ? { sandboxPolicy: { type: POLICIES[choice.sandbox] ?? "readOnly" } } : {}),
  };
  return Object.keys(overrides).length > 0 ? overrides : undefined;
}

let asked = false;

/** Asks Codex once which models there are; without an answer the model stays as it is. */
export function wantModels(): void {
  if (asked || !linkUp.value) return;
  asked = true;
  socket.request<{ data?: unknown[] }>("model/list", {}).then(
    (result) => {
      models.value = list(result.data).map(record).filter((one) => one["hidden"] !== true).map((one) => ({
        id: text(one["model"]) || text(one["id"]), name: text(one["displayName"]) || text(one["id"]),
        efforts: list(one["supportedReasoningEfforts"]).map((effort) => text(record(effort)["reasoningEffort"])).filter(Boolean),
        usual: text(one["defaultReasoningEffort"]),
        images: !Array.isArray(one["inputModalities"]) || one["inputModalities"].includes("image"),
      }));
    },
    () => { asked = false; },
  );
}

export function ceilings(): { sandboxes: (readonly [string, string])[]; approvals: (readonly [string, string])[] } {
  return { sandboxes: allowed(SANDBOXES, terms.value.highestSandbox), approvals: allowed(APPROVALS, terms.value.highestApprovalPolicy) };
}
