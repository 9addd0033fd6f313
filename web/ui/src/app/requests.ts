// Which of Codex's questions the page can put to a person, and the answers it may give. Not their looks.

export const COMMAND = "item/commandExecution/requestApproval";
export const FILES = "item/fileChange/requestApproval";
export const PERMISSIONS = "item/permissions/requestApproval";
export const QUESTIONS = "item/tool/requestUserInput";
export const ELICITATION = "mcpServer/elicitation/request";

const KNOWN: readonly string[] = [COMMAND, FILES, PERMISSIONS, QUESTIONS, ELICITATION];

/** What is not here gets an error at once, so that the host can fall back and no turn hangs. */
export function canAnswer(method: string): boolean {
  return KNOWN.includes(method);
}
