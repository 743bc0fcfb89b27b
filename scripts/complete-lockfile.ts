/** Adds what {@link completed} says to package-lock.json: `npm run lockfile`, after every `npm install` that changes it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { completed } from "./lockfile.ts";

const file = join(import.meta.dirname, "..", "package-lock.json");
writeFileSync(file, `${JSON.stringify(completed(JSON.parse(readFileSync(file, "utf8"))), null, 2)}\n`);
