/** Eight real tasks, each with at most so many clicks, each ending on text that is the answer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Explorer } from "../../src/explorer/index.ts";
import { temporaryFolder } from "../cli/run.ts";
import { hasBrowser, shown, startBrowser, startExplorer, told as toldBy, type Visitor, visitor } from "./browser.ts";

vi.setConfig({ testTimeout: 120_000 });

let browser: Browser;
let explorer: Explorer;
let own: Visitor;
let page: Page;
let clicks: number;

/** A click, a choice in a list, or the Enter key. Typing and pasting are free. */
const click = async (place: Locator | string): Promise<void> => {
  clicks += 1;
  await (typeof place === "string" ? page.locator(place) : place).click();
};
const enter = async (): Promise<void> => {
  clicks += 1;
  await page.keyboard.press("Enter");
};
/** Into the search box, and to the first finding. */
const searchFor = async (text: string): Promise<void> => {
  await click("#omnibox");
  await page.keyboard.insertText(text);
  await enter();
};
/** What is seen of the first such place, once it is there and holds this. */
const told = (place: string, words: RegExp): Promise<string> => toldBy(page.locator(place).first(), words);

beforeAll(async () => {
  if (!hasBrowser) return;
  [explorer, browser] = await Promise.all([startExplorer(), startBrowser()]);
  own = await visitor(browser, explorer.url, { permissions: ["clipboard-read", "clipboard-write"] });
  page = own.page;
  await own.visit("");
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await explorer?.close();
});
// Every task begins on the first view, of a page that may have seen others.
beforeEach(async () => {
  if (!hasBrowser) return;
  await own.visit("#/home");
  clicks = 0;
}, 60_000);
afterEach(() => {
  expect(own?.complaints() ?? []).toEqual([]);
});

describe.skipIf(!hasBrowser)("a task", () => {
  it("1: who can make tdh_mem_range_block fail on 1.5.05 under 6.19, and at which line", async () => {
    await searchFor("range_block 1.5.05 6.19");
    await told("main h2", /tdh_mem_range_block/);
    const [row = ""] = (await shown(page.locator("main table").first())).match(/tdh_vp_enter\t.*/) ?? [];
    expect(row).toContain("SEPT_TREE (secure_ept_lock)");
    expect(row).toMatch(/KVM_RUN[\s\S]*\.c:\d+/);
    expect(page.url()).toMatch(/host=linux-6\.19.*module=1\.5\.05/);
    expect(clicks).toBeLessThanOrEqual(4);
  });

  it("2: what Linux 6.19 fixed against 6.16", async () => {
    await searchFor("compare 6.16 6.19");
    await told(
      ".quoted",
      /^From Linux 6\.16 to Linux 6\.19: \d+ pairs of calls can no longer contend, among them \d+ meetings on TDR/,
    );
    expect(await shown(page.locator(".causes").first())).toMatch(/INIT_VCPU[\s\S]*− vcpu->mutex/);
    expect(clicks).toBeLessThanOrEqual(3);
  });

  it("3: what changed from 1.5.16 to 1.5.20, in a sentence", async () => {
    await searchFor("compare 1.5.16 1.5.20");
    await told(
      ".quoted",
      /^From 1\.5\.16 to 1\.5\.20: secure_ept_lock becomes a sharex_hp_lock \(was sharex_lock\); .*\.$/,
    );
    expect(clicks).toBeLessThanOrEqual(3);
  });

  it("4: what a line of dmesg means, and what this kernel does about it", async () => {
    await click(".paste input");
    await page.keyboard.insertText("kvm_intel: SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000a9");
    await click(".paste button");
    const text = await told(".explained", /TDX_OPERAND_BUSY/);
    expect(text).toMatch(/What Linux [\d.]+ does when tdh_mem_track is busy[\s\S]*(kick|tries|tried)/);
    // As `explain` says: the line comes after the kick, so that the vCPU that would hold it was out by then.
    expect(text).toMatch(
      /Nobody can hold it[\s\S]*tdh_vp_enter[\s\S]*kept out of the guest by then[\s\S]*Most likely first: /,
    );
    expect(clicks).toBeLessThanOrEqual(3);
  });

  it("5: the shortest way in which a removal fails", async () => {
    await searchFor("fail-fast");
    const text = await told(".outcome.violated", /in \d+ steps?, and in no fewer/);
    expect(text).toContain("policy fail-fast");
    expect(await shown(page.locator(".picture figcaption"))).toContain("the shortest");
    expect(clicks).toBeLessThanOrEqual(3);
  });

  it("6: a proof that kick-on-busy always gets through, for two vCPUs and two pages; and what it is not about", async () => {
    await searchFor("kick-on-busy");
    const text = await told(".outcome.holds", /with 2 vCPUs and 2 pages, policy kick-on-busy/);
    expect(text).toMatch(/Proved of page-removal[\s\S]*"a removal never fails"[\s\S]*in every reachable state/);
    for (const words of ["Properties", "Bounds", "Reductions", "Assumed", "symmetry (vcpu)"])
      expect(text).toContain(words);
    expect(clicks).toBeLessThanOrEqual(5);
    // It plays nothing: a witness is no part of the proof. Beside another form it is grey, and says of what it is.
    expect(await page.locator(".player").count()).toBe(0);
    await page.locator("select[name=policy]").selectOption("kick-first");
    expect(await shown(page.locator(".stale-note"))).toMatch(
      /^of: page-removal on module \S+ with 2 vCPUs and 2 pages, policy kick-on-busy\..*Check again$/,
    );
    expect(await shown(page.locator(".stale code"))).toContain("--policy kick-on-busy");
    await page.locator("select[name=policy]").selectOption("kick-on-busy");
    expect(await page.locator(".stale").count()).toBe(0);
  });

  it("7: who uses secure_ept_lock", async () => {
    await searchFor("secure_ept_lock");
    await told("main h2", /^SEPT_TREE \(secure_ept_lock\)$/);
    expect(await shown(page.locator("main ul").first())).toMatch(
      /exclusive ■ by \d+: .*tdh_mem_range_block[\s\S]*shared ▨ by \d+/,
    );
    expect(clicks).toBeLessThanOrEqual(3);
  });

  it("8: send this view; and as Markdown, as a mail, and as one file that opens here", async () => {
    const clipboard = (): Promise<string> => page.evaluate("navigator.clipboard.readText()");
    await page.goto(`${explorer.url}#/versions?compare=1.5.16&module=1.5.20`);
    await told(".quoted", /./);
    await click(page.getByText("Copy link"));
    await told(".said", /copied: the link/);
    expect(await clipboard()).toBe(page.url());
    expect(clicks).toBeLessThanOrEqual(1);
    await page.getByLabel("Copy as Markdown").click();
    await told(".said", /Markdown/);
    expect(await clipboard()).toMatch(
      /^# Locks of the TDX module, 1\.5\.16 -> 1\.5\.20[\s\S]*`secure_ept_lock` becomes/,
    );
    await page.getByLabel("Copy as mail").click();
    await told(".said", /mail/);
    const mail = await clipboard();
    expect(mail).toMatch(/^Subject: seamlock: 1\.5\.16 → 1\.5\.20\n/);
    expect(mail).toContain(page.url());
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByText("Save as one file").click()]);
    const file = join(temporaryFolder(), "saved.html");
    await download.saveAs(file);
    expect(readFileSync(file).length).toBeLessThan(1_000_000);
    const saved = await visitor(browser, pathToFileURL(file).href, { offline: true });
    onTestFinished(saved.close);
    await saved.visit("");
    await toldBy(saved.page.locator("main h2").first(), /^1\.5\.16 → 1\.5\.20$/);
    expect(await saved.page.title()).toBe("1.5.16 → 1.5.20 – seamlock");
    expect(saved.complaints()).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)("the first page", () => {
  it("has its first table within half a second of work after its first paint", async () => {
    const session = await own.context.newCDPSession(page);
    // Processor time of the page's main thread, for whatever else the machine does; all of it, before the first paint, too.
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.reload();
    await page.waitForSelector(".matrix tbody td");
    expect(await page.evaluate("performance.getEntriesByName('first-table').length")).toBeGreaterThan(0);
    const { metrics } = await session.send("Performance.getMetrics");
    // It counts from the page's beginning.
    const worked = metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
    expect(worked).toBeGreaterThan(0.01);
    expect(worked).toBeLessThan(0.5);
  });

  it("says what is wrong with an address, and computes nothing until it is mended", async () => {
    await page.goto(`${explorer.url}#/matrix?module=1.5.99&a=tdh_mem_track&b=tdh_vp_enter`);
    expect(await told("[role=alert]", /names the module “1\.5\.99”, which is not here/)).toContain("Nothing is shown");
    expect(await page.locator("main table").count()).toBe(0);
    await page.locator("[role=alert] .button").first().click();
    await page.waitForSelector(".matrix");
    await page.goto(`${explorer.url}#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1&step=9999`);
    expect(await told("main [role=alert]", /address names step 9999/)).toMatch(/The run has \d+ steps/);
    await page.goto(`${explorer.url}#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1&play=nonsense`);
    await told("main [role=alert]", /has no run “nonsense”/);
    expect(await page.locator(".player").count()).toBe(0);
  });

  it("keeps the theme over a reload, and filters and pair over a change of view", async () => {
    await page.keyboard.press("t");
    const theme = () => page.evaluate("document.documentElement.dataset.theme");
    const chosen = await theme();
    await page.reload();
    await page.waitForSelector(".matrix");
    expect(await theme()).toBe(chosen);
    await page.goto(`${explorer.url}#/matrix?resource=TDCS_EPOCH&a=tdh_mem_track&b=tdh_vp_enter`);
    await page.waitForSelector("aside .pair");
    await page.getByRole("link", { name: "Locks" }).click();
    await told("main", /Locks and their users/);
    await page.getByRole("link", { name: "Matrix" }).click();
    await page.waitForSelector("aside .pair");
    expect(page.url()).toMatch(/a=tdh_mem_track&b=tdh_vp_enter&resource=TDCS_EPOCH/);
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("aside .pair").count()).toBe(0);
    await page.keyboard.press("Control+k");
    await page.keyboard.insertText("zzzz no such thing");
    await told(".nothing-found", /Nothing here is called “zzzz no such thing”/);
  });

  it("lets another next step be chosen in a run, and says who is behind a BUSY", async () => {
    await page.goto(`${explorer.url}#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1`);
    await page.waitForSelector(".player");
    await page.keyboard.press("]");
    const behind = await told(".behind", /since step \d+/);
    expect(behind).toMatch(/vcpu.* has it .* → tdh_\w+ → Linux .*\.c:\d+/);
    await page.locator(".behind button").first().click();
    await told(".held", /now held: .* by vcpu/);
    await page.getByText("What else could happen here?").click();
    await page.locator(".other-steps li button").first().click();
    await told(".picture figcaption", /Your own run, from step \d+ on/);
    await page.getByText("What can follow?").waitFor();
    await page.getByText("Back to the run that was found").click();
    await told(".position", /^step 1 of/);
  });
});
