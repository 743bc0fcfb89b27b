import { chromium } from "playwright-core";
import { explorerData } from "./src/cli/explorer-data.ts";
import { serve } from "./src/explorer/index.ts";
const data = await explorerData(); const ex = await serve(data, { port: 0 });
const b = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const shots: [string, string, any, string?][] = JSON.parse(process.argv[2] ?? "[]");
for (const [name, hash, opts, after] of shots) {
  const c = await b.newContext({ viewport: { width: 1366, height: 768 }, ...opts });
  const p = await c.newPage(); p.on("pageerror", e => console.log(name, "ERR", e.message)); p.on("console", m => { if (m.type()==="error") console.log(name, "CONSOLE", m.text()); });
  await p.goto(ex.url + hash); await p.waitForSelector("main[aria-busy='false']", { timeout: 60000 });
  if (after) { try { await eval(`(async (p) => { ${after} })`)(p); } catch (e) { console.log(name, "AFTER", String(e).slice(0,300)); } }
  await p.waitForTimeout(300);
  if (opts.media) await p.emulateMedia(opts.media);
  await p.screenshot({ path: `/tmp/explorer-${name}.png`, fullPage: opts.full === true });
  if (opts.text) console.log(name, (await p.locator("main").innerText()).slice(0, opts.text));
  await c.close();
}
await b.close(); await ex.close();
