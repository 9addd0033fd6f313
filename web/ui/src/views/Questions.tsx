// Forms: the questions that Codex or a tool's server puts to a person. Not approvals of commands or changes.

import { useState } from "preact/hooks";
import { list, record, text, type PendingRequest } from "../wire/types";
import { useSeen } from "./Approvals";
import { Text } from "./Text";

const OTHER = "\u0000other";

export function Questions({ request, give, stop }: { request: PendingRequest; give: (result: unknown) => void; stop: () => void }) {
  const [ref, ready] = useSeen();
  const questions = list(request.params["questions"]).map(record);

  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!event.isTrusted || !ready) return;
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const answers: Record<string, { answers: string[] }> = {};
    for (const question of questions) {
      const id = text(question["id"]);
      const chosen = data.getAll(id).map(String);
      const written = String(data.get(`${id}:other`) ?? "").trim();
      answers[id] = { answers: chosen.map((one) => (one === OTHER ? written : one)).concat(chosen.length === 0 && written ? [written] : []).filter(Boolean) };
    }
    give({ answers });
  }

  return (
    <form onSubmit={submit} data-testid="question-form">
      <div class="approval-body" tabIndex={0}>
        {questions.map((question) => <Question key={text(question["id"])} question={question} />)}
      </div>
      <div class="decisions" ref={ref} data-ready={ready}>
        <button type="submit" class="primary" data-testid="question-submit" disabled={!ready}>Answer</button>
        <button type="button" class="button danger" data-testid="question-stop" disabled={!ready} onClick={(event) => event.isTrusted && stop()}>Cancel turn</button>
      </div>
    </form>
  );
}

function Question({ question }: { question: Record<string, unknown> }) {
  const id = text(question["id"]);
  const options = list(question["options"]).map(record);
  const other = question["isOther"] === true || options.length === 0;
  const [chosen, setChosen] = useState(options.length > 0 ? text(options[0]?.["label"]) : OTHER);
  return (
    <fieldset class="question">
      <legend>{text(question["header"]) ? <span class="tag">{text(question["header"])}</span> : null} <Text text={text(question["question"])} /></legend>
      {options.map((option) => {
        const label = text(option["label"]);
        return (
          <label key={label} class="option">
            <input type="radio" name={id} value={label} checked={chosen === label} onChange={() => setChosen(label)} />
            <span><Text text={label} />{text(option["description"]) ? <span class="quiet small block"><Text text={text(option["description"])} /></span> : null}</span>
          </label>
        );
      })}
      {other && options.length > 0 ? (
        <label class="option"><input type="radio" name={id} value={OTHER} checked={chosen === OTHER} onChange={() => setChosen(OTHER)} /><span>Something else</span></label>
      ) : null}
      {other && chosen === OTHER ? (
        <Written name={`${id}:other`} label={text(question["question"])} secret={question["isSecret"] === true} />
      ) : null}
    </fieldset>
  );
}

function Written({ name, label, secret }: { name: string; label: string; secret: boolean }) {
  return secret
    ? <input name={name} type="password" autocomplete="off" aria-label={label} class="option-other" required />
    : <input name={name} autocomplete="off" aria-label={label} class="option-other" required />;
}

/** A form or a link of an MCP server. A form whose fields are not simple can only be declined here. */
export function Elicitation({ request, give }: { request: PendingRequest; give: (result: unknown) => void }) {
  const [ref, ready] = useSeen();
  const { params } = request;
  const mode = text(params["mode"]);
  const fields = Object.entries(record(record(params["requestedSchema"])["properties"])).map(([name, schema]) => ({ name, schema: record(schema) }));
  const simple = mode === "form" && fields.every(({ schema }) => ["string", "number", "integer", "boolean"].includes(text(schema["type"])));
  const url = text(params["url"]);
  const link = mode === "url" && /^https?:\/\//i.test(url);

  function submit(event: SubmitEvent) {
    event.preventDefault();
    if (!event.isTrusted || !ready) return;
    const data = new FormData(event.currentTarget as HTMLFormElement);
    const content = Object.fromEntries(fields.flatMap(({ name, schema }): [string, unknown][] => {
      const value = data.get(name);
      if (schema["type"] === "boolean") return [[name, value !== null]];
      if (value === null || value === "") return [];
      return [[name, schema["type"] === "string" ? String(value) : Number(value)]];
    }));
    give({ action: "accept", content: mode === "form" ? content : null, _meta: null });
  }

  return (
    <form onSubmit={submit} data-testid="elicitation-form">
      <div class="approval-body" tabIndex={0}>
        <p><Text text={text(params["message"]) || text(params["description"])} /></p>
        {link ? <p><a href={url} target="_blank" rel="noopener noreferrer"><Text text={url} /></a></p> : null}
        {simple ? fields.map(({ name, schema }) => <Field key={name} name={name} schema={schema} />) : null}
        {!simple && !link ? <p class="quiet">This page has no form for it. Decline it here, or answer it in the Codex terminal.</p> : null}
      </div>
      <div class="decisions" ref={ref} data-ready={ready}>
        {simple || link ? <button type="submit" class="primary" data-testid="question-submit" disabled={!ready}>{link ? "Done" : "Answer"}</button> : null}
        <button type="button" class="button" disabled={!ready} onClick={(event) => event.isTrusted && give({ action: "decline", content: null, _meta: null })}>Decline</button>
      </div>
    </form>
  );
}

function Field({ name, schema }: { name: string; schema: Record<string, unknown> }) {
  const choices = list(schema["enum"]).map(text).filter(Boolean);
  const label = text(schema["title"]) || name;
  if (schema["type"] === "boolean") return <label class="option"><input type="checkbox" name={name} defaultChecked={schema["default"] === true} /><span><Text text={label} /></span></label>;
  return (
    <label class="stacked"><Text text={label} />
      {choices.length > 0
        ? <select name={name}>{choices.map((choice) => <option key={choice} value={choice}>{choice}</option>)}</select>
        : schema["type"] === "string" ? <input name={name} defaultValue={text(schema["default"])} /> : <input name={name} type="number" step="any" />}
    </label>
  );
}
