#!/usr/bin/env node
import { version } from "../../package.json";

/**
 * The program `seamlock`. Everything but `--version` is loaded on demand: a shell script that asks for the version, or a completion
 * that asks for help, should not wait for code that it does not use.
 */
const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(`${version}\n`);
} else {
  const { runProcess } = await import("./process.ts");
  await runProcess(argv);
}
