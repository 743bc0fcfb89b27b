/** Where the facts and the worker come from: this server, or the file that the page is. */
import { type Excerpts, NO_EXCERPTS } from "../excerpts.ts";

/** What the server gave: by now another one may be there, with other facts. */
let served: string | null = null;

/** The document that the page shows, packed. */
export async function loadFacts(): Promise<string> {
  const inside = packed("data");
  if (inside !== null) return inflate(inside);
  const response = await fetch("/data.json");
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  served = await response.text();
  return served;
}

/** Lines of the trees that the facts come from; a page that is a file has none. */
export async function loadExcerpts(): Promise<Excerpts> {
  if (packed("data") !== null) return NO_EXCERPTS;
  const response = await fetch("/excerpts.json");
  return response.ok ? ((await response.json()) as Excerpts) : NO_EXCERPTS;
}

/** A fresh worker. */
export async function startWorker(): Promise<Worker> {
  const inside = packed("program");
  if (inside === null) return new Worker("/worker.js");
  const url = URL.createObjectURL(new Blob([await inflate(inside)], { type: "text/javascript" }));
  return new Worker(url);
}

function packed(id: string): string | null {
  return document.getElementById(id)?.textContent ?? null;
}

/** Takes apart what {@link deflated} made. */
function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

/** What the page is made of, packed: of the file that it is, or of the server. */
export async function packedParts(): Promise<{
  readonly program: string;
  readonly data: string;
  readonly style: string;
}> {
  const inside = {
    program: packed("program"),
    data: packed("data"),
    style: document.querySelector("style")?.textContent,
  };
  if (inside.program !== null && inside.data !== null) {
    return { program: inside.program, data: inside.data, style: inside.style ?? "" };
  }
  const [program = "", style = ""] = await Promise.all(["/app.js", "/style.css"].map(fromServer));
  return { program: await deflated(program), data: await deflated(served ?? (await loadFacts())), style };
}

async function fromServer(path: string): Promise<string> {
  const response = await fetch(path).catch(() => {
    throw new Error("the server does not answer; where `seamlock explore` has ended, start it again");
  });
  return response.text();
}

/** Text deflated and in base64. */
async function deflated(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const PART = 0x8000;
  let letters = "";
  for (let at = 0; at < bytes.length; at += PART) letters += String.fromCharCode(...bytes.subarray(at, at + PART));
  return btoa(letters);
}
