// Colours for code in the languages that people ask Codex about. Loaded with the first block that has one of them. It gives
// nodes, never HTML.

import type { Element, Root, RootContent } from "hast";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import ruby from "highlight.js/lib/languages/ruby";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

const lowlight = createLowlight({ bash, c, cpp, css, diff, go, ini, java, javascript, json, python, ruby, rust, sql, typescript, xml, yaml });

/** `null` for a language that is not here. */
export function highlight(code: string, language: string): Node[] | null {
  if (!lowlight.registered(language)) return null;
  return nodes(lowlight.highlight(language, code));
}

function nodes(parent: Root | Element): Node[] {
  return (parent.children as RootContent[]).map((child) => {
    if (child.type !== "element") return document.createTextNode(child.type === "text" ? child.value : "");
    const span = document.createElement("span");
    const classes = child.properties["className"];
    if (Array.isArray(classes)) span.className = classes.join(" ");
    span.append(...nodes(child));
    return span;
  });
}
