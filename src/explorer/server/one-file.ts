/** The explorer as one file that opens from disk and needs nothing else. */
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { type ExplorerData, pack } from "../data.ts";
import { loadAssets } from "./assets.ts";
import { page, text } from "./page.ts";

/**
 * The page with program, style and facts inside. Its own policy forbids it the network, forms and frames, and every script and
 * style but those two, by their hashes. Code made at run time is allowed, for the checker compiles the model that it explores;
 * facts travel compressed and in base64, so that no byte of them is ever HTML.
 */
export function oneFile(data: ExplorerData): string {
  const assets = loadAssets();
  const app = inScript(assets.app);
  const style = assets.style.replaceAll("</style", "<\\/style");
  const policy = [
    "default-src 'none'",
    `script-src ${hash(app)} 'unsafe-eval'`,
    `style-src ${hash(style)}`,
    "worker-src blob:",
    "img-src data: blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return page({
    title: `seamlock: TDX module ${data.initial.module}`,
    head: `<meta http-equiv="Content-Security-Policy" content="${text(policy)}">\n<style>${style}</style>`,
    tail: [
      `<script type="application/octet-stream" id="data">${packed(pack(data))}</script>`,
      `<script type="application/octet-stream" id="worker">${packed(assets.worker)}</script>`,
      `<script>${app}</script>`,
    ].join("\n"),
  });
}

/** No script may hold what ends the element around it; inside a string or a template the escape means the same. */
function inScript(source: string): string {
  return source.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
}

function hash(content: string): string {
  return `'sha256-${createHash("sha256").update(content).digest("base64")}'`;
}

function packed(content: string): string {
  return deflateRawSync(content, { level: 9 }).toString("base64");
}
