/** Sending what is seen: a link, Markdown, a mail, or the page as one file that opens here. */
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { type Form, type Question, renderableOf } from "../logic/questions.ts";
import { titleOf } from "../logic/title.ts";
import { oneFilePage, STARTER, styleInside } from "../one-file-page.ts";
import { ask, known } from "./analyst.ts";
import { packedParts } from "./load.ts";
import { saveText } from "./save.ts";
import { seenAsMarkdown, seenAsText } from "./seen.ts";
import { currentHost, currentModule, data, faults, route } from "./store.ts";

const said = signal("");
let forget: ReturnType<typeof setTimeout> | undefined;

/** The buttons, with what the last one did. */
export function Share(): VNode | null {
  if (faults.value.length > 0) return null;
  return (
    <span class="share no-copy" role="toolbar" aria-label="Send this view">
      <span role="status" class="said">
        {said.value}
      </span>
      <button type="button" class="small" onClick={() => void copyLink()}>
        Copy link
      </button>
      <button type="button" class="small" onClick={() => void copyMarkdown()} aria-label="Copy as Markdown">
        Markdown
      </button>
      <button type="button" class="small" onClick={() => void copyMail()} aria-label="Copy as mail">
        Mail
      </button>
      <button type="button" class="small" onClick={() => void saveFile()}>
        Save as one file
      </button>
    </span>
  );
}

function say(text: string): void {
  said.value = text;
  clearTimeout(forget);
  forget = setTimeout(() => {
    said.value = "";
  }, 6000);
}

async function copied(what: string, text: () => Promise<string>): Promise<void> {
  try {
    await copyText(await text());
    say(`copied: ${what}`);
  } catch (error) {
    say(`not copied: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Puts a text on the clipboard; where the browser does not give it to a page, by way of a selection. */
async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("the browser does not let a page copy");
  }
}

function heading(): string {
  return `seamlock: ${titleOf(route.value, data.value)}`;
}

/** What the answers are about, and where they can be seen. */
function about(): string {
  const host = currentHost.value;
  return `TDX module ${currentModule.value.name}${host === null ? "" : `, host ${host.name}`}; ${location.href}`;
}

async function asMarkdown(): Promise<string> {
  return `${(await rendered("markdown")) ?? `# ${heading()}\n\n${seenAsMarkdown(mainElement())}`}\n${about()}\n`;
}

async function asMail(): Promise<string> {
  const body = (await rendered("text")) ?? seenAsText(mainElement());
  return `Subject: ${heading()}\n\n${body}\n${about()}\n`;
}

function mainElement(): Element {
  const found = document.getElementById("main");
  if (found === null) throw new Error("nothing is shown");
  return found;
}

/** What the command line prints of the same, where it has it. */
async function rendered(form: Form): Promise<string | null> {
  const of = renderableOf(route.value, data.value);
  if (of === null) return null;
  const question: Extract<Question, { kind: "render" }> = { kind: "render", form, of };
  await ask([question]);
  return known(question);
}

/** The address. */
export const copyLink = (): Promise<void> => copied("the link", async () => location.href);
/** What is seen, for an issue or a commit message. */
export const copyMarkdown = (): Promise<void> => copied("Markdown", asMarkdown);
/** What is seen, as plain text with a subject. */
export const copyMail = (): Promise<void> => copied("a mail", asMail);

/** The whole page as a file that opens at this view. */
export async function saveFile(): Promise<void> {
  try {
    const parts = await packedParts();
    const hashes = { starter: await hash(STARTER), style: await hash(styleInside(parts.style)) };
    const at = location.hash;
    saveText("seamlock.html", "text/html", oneFilePage({ ...parts, title: heading(), at }, hashes));
    say("saved: it opens at this view");
  } catch (error) {
    say(`not saved: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function hash(content: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
