/** Brings the report excerpt of README.md up to date: `npm run readme`. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { withReport } from "./readme.ts";

const file = join(import.meta.dirname, "..", "README.md");
writeFileSync(file, await withReport(readFileSync(file, "utf8")));
