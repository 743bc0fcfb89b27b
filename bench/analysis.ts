/**
 * How long it takes to analyse every bundled host on every bundled module; exits 1 above two seconds.
 *
 *   npx tsx bench/analysis.ts
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hostContention } from "../src/analysis/index.ts";
import { parseCatalog } from "../src/catalog/index.ts";
import { parseHost } from "../src/host/index.ts";

const LIMIT_MS = 2000;
const data = join(import.meta.dirname, "../data");

function texts(folder: string): readonly (readonly [string, string])[] {
  return readdirSync(join(data, folder))
    .sort()
    .map((file) => [file, readFileSync(join(data, folder, file), "utf8")] as const);
}

const modules = texts("modules").map(([file, text]) => parseCatalog(text, file));
const hosts = texts("hosts").map(([file, text]) => parseHost(text, file).profile);
const started = performance.now();
const cpu = process.cpuUsage();
for (const catalog of modules) {
  const before = performance.now();
  const possible = hosts.map((host) => hostContention(catalog, host).pairs.filter((pair) => pair.possible).length);
  const ms = performance.now() - before;
  console.log(
    `${catalog.module.version.padEnd(16)} ${ms.toFixed(0).padStart(5)} ms  possible pairs: ${possible.join(", ")}`,
  );
}
const total = performance.now() - started;
const { user, system } = process.cpuUsage(cpu);
const busy = (user + system) / 1000;
console.log(
  `${hosts.length} hosts x ${modules.length} modules: ${total.toFixed(0)} ms, ${busy.toFixed(0)} ms of CPU (limit ${LIMIT_MS})`,
);
// On a machine that others use too, the time on the clock says little about the program.
process.exitCode = Math.min(total, busy) > LIMIT_MS ? 1 : 0;
