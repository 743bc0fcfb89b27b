/**
 * Makes data/primitives.json, the lock primitives that the bundled modules have, of data/modules/*.json: `npm run primitives`.
 *
 *     npm run primitives               write it
 *     npm run primitives -- --check    only say whether it would change; exit status 1 when it would
 *
 * Run it when a module is bundled whose locks have been checked (`lock/*` of docs/verdicts.md): from then on models and reports take its
 * primitives for known.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseCatalog, primitiveName, primitiveText, serializeJson } from "../src/catalog/index.ts";

const data = (name: string): URL => new URL(`../data/${name}`, import.meta.url);

const found = new Map<string, { name: string; modules: string[] }>();
for (const file of readdirSync(data("modules/")).sort()) {
  const { module, primitives } = parseCatalog(readFileSync(data(`modules/${file}`), "utf8"), file);
  for (const program of primitives) {
    const text = primitiveText(program);
    const one = found.get(text) ?? { name: primitiveName(program), modules: [] };
    if (!one.modules.includes(module.version)) one.modules.push(module.version);
    found.set(text, one);
  }
}
const made = serializeJson({
  $comment:
    "Made by `npm run primitives` from data/modules; do not edit. Each program: kind, operation, mode, side, bits and fields of the word, then each instruction with the conditions and ends that follow it.",
  primitives: [...found].map(([text, { name, modules }]) => ({ name, modules, program: JSON.parse(text) })),
});
const file = data("primitives.json");
const isSame = existsSync(file) && readFileSync(file, "utf8") === made;
console.log(
  `${found.size} primitives, ${isSame ? "unchanged" : process.argv.includes("--check") ? "DIFFERS" : "written"}`,
);
if (!isSame && process.argv.includes("--check")) process.exitCode = 1;
else if (!isSame) writeFileSync(file, made);
