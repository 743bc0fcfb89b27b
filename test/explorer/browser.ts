import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { expect } from "vitest";
import { unpack } from "../../src/explorer/data.ts";
import type { Explorer, ExplorerData } from "../../src/explorer/index.ts";
import { BIN } from "../cli/run.ts";

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

/** The explorer as users get it, in a process of its own: it is built, so it starts in a fraction of the time that its sources need. */
export async function startExplorer(...args: readonly string[]): Promise<Explorer> {
  const child = spawn(process.execPath, [BIN, "explore", "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim()));
    child.once("exit", (status) => reject(new Error(`the explorer ended with ${status}`)));
  });
  return {
    url,
    close() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** What an explorer shows. */
export async function factsOf({ url }: Explorer): Promise<ExplorerData> {
  return unpack(await (await fetch(`${url}data.json`)).text()).data;
}

/** Pages of one explorer, and what they complained of. */
export interface Visitor {
  readonly page: Page;
  readonly context: BrowserContext;
  /** Goes to an address and waits until it is drawn. An address of the same page does not load it again. */
  visit(hash: string): Promise<void>;
  /** Fails when the page complained since it was asked last. */
  complaints(): readonly string[];
  close(): Promise<void>;
}

/** A page in a context of its own. */
export async function visitor(
  browser: Browser,
  base: string,
  options: BrowserContextOptions = {},
  prepare?: (context: BrowserContext) => Promise<unknown>,
): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1366, height: 768 }, ...options });
  await prepare?.(context);
  const page = await context.newPage();
  let complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return {
    page,
    context,
    async visit(hash) {
      await page.goto(base + hash);
      await settled(page);
      // Keys go to the page, not to what was typed into before.
      await page.evaluate("document.activeElement?.blur()");
    },
    complaints() {
      const all = complaints;
      complaints = [];
      return all;
    },
    close: () => context.close(),
  };
}

/** Waits until the page has drawn what its address asks for. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector("main[aria-busy='false']");
}

/** Waits until an expression holds. Playwright's own waiting evaluates it in the page, which the page's policy forbids. */
export async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(`Boolean(${expression})`), { timeout: 30_000 }).toBe(true);
}

/** What a person sees of a place. */
export function shown(place: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: hidden text does not count
  return place.innerText({ timeout: 60_000 });
}

/** What is seen of a place, once it is there and holds this. */
export async function told(place: Locator, words: RegExp): Promise<string> {
  await expect.poll(() => shown(place), { timeout: 60_000 }).toMatch(words);
  return shown(place);
}
