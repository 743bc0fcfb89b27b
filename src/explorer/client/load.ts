/** Where the facts and the worker come from: this server, or the file that the page is. */
/** The document that the page shows, packed. */
export async function loadFacts(): Promise<string> {
  const inside = packed("data");
  if (inside !== null) return inflate(inside);
  const response = await fetch("/data.json");
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  return response.text();
}

/** A fresh worker. */
export async function startWorker(): Promise<Worker> {
  const inside = packed("worker");
  if (inside === null) return new Worker("/worker.js");
  const url = URL.createObjectURL(new Blob([await inflate(inside)], { type: "text/javascript" }));
  return new Worker(url);
}

function packed(id: string): string | null {
  return document.getElementById(id)?.textContent ?? null;
}

/** Base64 of deflated text, as the one-file report carries it. */
function inflate(base64: string): Promise<string> {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}
