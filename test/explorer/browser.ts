import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const CHROMIUM = "/usr/bin/chromium";

/** Is there a browser to test with? Where there is none, the tests say so and are skipped, but not in CI. */
export const hasBrowser = existsSync(CHROMIUM);

if (!hasBrowser) {
  const how = "sh scripts/install-test-tools.sh installs it";
  if (process.env["CI"]) throw new Error(`${CHROMIUM} is missing, and CI must test the explorer in a browser; ${how}`);
  console.warn(`SKIPPED: the explorer's browser tests need ${CHROMIUM}; ${how}`);
}

/** Starts Chromium without anything that would use the network. */
export function startBrowser(): Promise<Browser> {
  const quiet = ["--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-sync", ...quiet],
  });
}
