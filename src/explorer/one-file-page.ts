/** The explorer as one file that opens from disk and needs nothing else: how it is put together, in Node and in a page that saves itself. */
import { page, text } from "./page.ts";

/** What stands in the file. */
export interface OneFileParts {
  readonly title: string;
  /** The page's program and its facts: deflated, in base64, so that no byte of them is ever HTML. */
  readonly program: string;
  readonly data: string;
  readonly style: string;
  /** The address at which it opens; empty for the first view. */
  readonly at: string;
}

/** Takes the program apart and runs it. It is all that a browser runs of the file's own text, so that the rest can be small. */
export const STARTER = `"use strict";(async()=>{const t=document.getElementById("program").textContent;\
const b=Uint8Array.from(atob(t),(c)=>c.charCodeAt(0));\
const s=new Blob([b]).stream().pipeThrough(new DecompressionStream("deflate-raw"));\
new Function(await new Response(s).text())()})().catch((e)=>{\
document.getElementById("app").textContent="seamlock cannot start in this browser: "+e.message})`;

/** A style as it stands in the file: nothing in it may end the element around it. */
export const styleInside = (style: string): string => style.replaceAll("</style", "<\\/style");

/**
 * The file. Its own policy forbids it the network, forms and frames, and every script and style but its own two, by their hashes. Code
 * made at run time is allowed: the program travels packed, and the checker compiles the model that it explores.
 *
 * @param hashes of {@link STARTER} and of the style as {@link styleInside} gives it: `sha256-…`
 */
export function oneFilePage(
  { title, program, data, style, at }: OneFileParts,
  hashes: { readonly starter: string; readonly style: string },
): string {
  const policy = [
    "default-src 'none'",
    `script-src '${hashes.starter}' 'unsafe-eval'`,
    `style-src '${hashes.style}'`,
    "worker-src blob:",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return page({
    title,
    at,
    head: `<meta http-equiv="Content-Security-Policy" content="${text(policy)}">\n<style>${styleInside(style)}</style>`,
    tail: [
      `<script type="application/octet-stream" id="data">${data}</script>`,
      `<script type="application/octet-stream" id="program">${program}</script>`,
      `<script>${STARTER}</script>`,
    ].join("\n"),
  });
}
