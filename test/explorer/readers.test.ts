/** The page for who reads it on a small screen, with the keys alone, by ear, without scripts, or when its server has ended. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Explorer } from "../../src/explorer/index.ts";
import { seamlock, temporaryFolder } from "../cli/run.ts";
import { hasBrowser, settled, shown, startBrowser, startExplorer, told, until, visitor } from "./browser.ts";

vi.setConfig({ testTimeout: 120_000 });

let browser: Browser;
let explorer: Explorer;

beforeAll(async () => {
  if (!hasBrowser) return;
  [explorer, browser] = await Promise.all([startExplorer(), startBrowser()]);
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await explorer?.close();
});

interface Wishes {
  readonly width?: number;
  readonly base?: string;
  readonly prepare?: (context: BrowserContext) => Promise<unknown>;
}

/** A page of its own; it fails the test when it complains. */
async function alone(hash: string, { width = 1366, base = explorer.url, prepare }: Wishes = {}): Promise<Page> {
  const own = await visitor(browser, base, { viewport: { width, height: 768 } }, prepare);
  onTestFinished(async () => {
    await own.close();
    expect(own.complaints()).toEqual([]);
  });
  await own.visit(hash);
  return own.page;
}

const go = async (page: Page, hash: string): Promise<void> => {
  await page.goto(explorer.url + hash);
  await settled(page);
};

const LINE = encodeURIComponent("SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9");
const PAIR = "#/matrix?a=tdh_mem_track&b=tdh_vp_enter";
const RUN = "#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1";

/** Words in tables of which a part stands on one line and a part on the next: a name may be parted after `_`, but not within a word. */
const CUT_WORDS = `[...document.querySelectorAll("main table:not(.matrix)")].flatMap((table) => {
  const cut = [];
  const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const around = texts.currentNode.parentElement;
    if (!around.checkVisibility() || around.closest(".unseen")) continue;
    for (const { 0: word, index } of texts.currentNode.data.matchAll(/[A-Za-z0-9]+/g)) {
      const range = document.createRange();
      range.setStart(texts.currentNode, index);
      range.setEnd(texts.currentNode, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) cut.push(word);
    }
  }
  return cut;
})`;

describe.skipIf(!hasBrowser)("on a small screen", () => {
  it.each([320, 390, 1024])("of %i pixels no view is wider than it", async (width) => {
    const page = await alone("", { width });
    for (const hash of [
      "#/home",
      PAIR,
      "#/calls?leaf=tdh_vp_enter",
      "#/resources?resource=TDR",
      "#/versions?module=1.5.20&compare=1.5.16",
      // Its causes have names of several calls without a space between them.
      "#/versions?all=1&module=1.5.05&compare=1.0.03",
      "#/hosts?host=linux-6.16&with=linux-6.19",
      RUN,
      `#/explain?line=${LINE}`,
    ]) {
      await go(page, hash);
      if (hash === RUN) await page.waitForSelector(".player");
      expect([hash, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([hash, width]);
    }
  });

  it("with letters of twice the size no view is wider than the window", async () => {
    const page = await alone("");
    for (const hash of ["#/home", PAIR, "#/versions?module=1.5.20&compare=1.5.16", RUN]) {
      await go(page, hash);
      if (hash === RUN) await page.waitForSelector(".player");
      await page.evaluate("document.documentElement.style.fontSize = '200%'");
      expect([hash, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([hash, 1366]);
    }
  });

  it("as on a sheet of paper, every view is as wide as it, nothing is cut, and no word is", async () => {
    const page = await alone("", { width: 720 });
    await page.emulateMedia({ media: "print" });
    for (const hash of [
      "#/home",
      PAIR,
      "#/matrix?scope=all&fold=0",
      "#/calls?leaf=tdh_vp_enter",
      "#/resources?resource=TDR",
      "#/versions?module=1.5.25&compare=1.0.03",
      "#/hosts?host=linux-7.3&with=linux-6.16",
      RUN,
      `#/explain?line=${LINE}`,
    ]) {
      await go(page, hash);
      if (hash === RUN) await page.waitForSelector(".player");
      expect([hash, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([hash, 720]);
      expect([hash, await page.evaluate(CUT_WORDS)]).toEqual([hash, []]);
      // What is pressed is not printed, and white letters keep the ground on which they can be read.
      expect([hash, await page.locator("main button:not(.sort, .link):visible").count()]).toEqual([hash, 0]);
    }
    await go(page, PAIR);
    const printed = "getComputedStyle(document.querySelector('.matrix td.lost')).printColorAdjust";
    expect(await page.evaluate(printed)).toBe("exact");
  });

  it("as on a sheet of paper, what is folded is there, but for lines of source; and is folded again afterwards", async () => {
    const page = await alone("#/home", { width: 720 });
    const shown = (): Promise<readonly (readonly [string, boolean])[]> =>
      page.evaluate(`[...document.querySelectorAll("main details:not([open])")].map((folded) => {
        const content = [...folded.children].slice(1);
        const isShown = content.length === 0 ? folded.innerText !== folded.firstChild.innerText : content.some((one) => one.checkVisibility());
        return [folded.className, isShown];
      })`);
    const before = await shown();
    expect(before.length).toBeGreaterThan(2);
    expect(before.filter(([, isShown]) => isShown)).toEqual([]);
    await page.emulateMedia({ media: "print" });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    for (const [kind, isShown] of await shown()) expect([kind, isShown]).toEqual([kind, !/evidence|long/.test(kind)]);
    expect([await page.evaluate("document.documentElement.scrollWidth")]).toEqual([720]);
    await page.evaluate("dispatchEvent(new Event('afterprint'))");
    await page.emulateMedia({ media: "screen" });
    expect(await shown()).toEqual(before);
  });

  it("leaves most of the matrix to its cells, and puts the pair under it whole", async () => {
    const page = await alone(PAIR, { width: 390 });
    const heads = await page.evaluate("document.querySelector('.matrix tbody th').offsetWidth");
    expect(heads).toBeLessThan(390 * 0.65);
    expect(
      await page.evaluate(`(() => {
        const pair = document.querySelector(".detail");
        return pair.scrollHeight - pair.clientHeight;
      })()`),
    ).toBeLessThanOrEqual(1);
  });
});

describe.skipIf(!hasBrowser)("by ear and with the keys", () => {
  const focused = (page: Page) => page.evaluate("document.activeElement.id || document.activeElement.tagName");

  it("the focus is at the content, and its name is told, after a link, a search, and a closed pair", async () => {
    const page = await alone(PAIR);
    await page.locator("aside .leaf").first().focus();
    await page.keyboard.press("Enter");
    await until(page, "document.activeElement.id === 'main'");
    expect(await page.locator("main").getAttribute("aria-label")).toContain("tdh_mem_track");
    await page.keyboard.press("Control+k");
    await page.keyboard.type("TDVPR");
    await page.keyboard.press("Enter");
    await until(page, "document.activeElement.id === 'main'");
    expect(await page.locator("main").getAttribute("aria-label")).toContain("TDVPR");
    for (const close of ["Enter", "Escape"]) {
      await go(page, PAIR);
      await page.getByLabel("Close the pair").focus();
      await page.keyboard.press(close);
      await until(page, "document.activeElement.closest('.matrix td') !== null");
    }
  });

  it("what a link leads to begins at its head, with the focus there; a step back is where it was left", async () => {
    const page = await alone("#/calls?leaf=tdh_mem_track");
    const place = (): Promise<readonly unknown[]> =>
      page.evaluate("[scrollY, document.activeElement.id, document.querySelector('main h2').innerText.split(' ')[0]]");
    const link = page.locator("main th a.leaf", { hasText: "tdh_vp_enter" }).last();
    await link.focus();
    const [left] = await place();
    expect(left).toBeGreaterThan(100);
    await page.keyboard.press("Enter");
    await expect.poll(place).toEqual([0, "main", "tdh_vp_enter"]);
    await page.goBack();
    await expect.poll(place).toEqual([left, "main", "tdh_mem_track"]);
    // A filter leaves the reader where he is, and so does a link that opens a tab of its own.
    await page.evaluate("document.activeElement.blur()");
    const [tab] = await Promise.all([page.context().waitForEvent("page"), link.click({ modifiers: ["Control"] })]);
    await tab.close();
    const [before] = await place();
    await page.evaluate(`{
      const select = document.querySelector(".facts-bar select[name=module]");
      select.value = "1.5.24";
      select.dispatchEvent(new Event("change", { bubbles: true }));
    }`);
    await until(page, "location.hash.includes('1.5.24') && document.querySelector('main').ariaBusy === 'false'");
    expect((await place())[0]).toBe(before);
  });

  it("a run says that it runs, and not each count; its cancelling leaves the focus at the content", async () => {
    const page = await alone("#/runs?scenario=page-removal&policy=kick-on-busy&vcpus=4&pages=4&run=1");
    await told(page.locator(".progress"), /[1-9][\d,]* states/);
    expect(await page.locator(".progress").getAttribute("role")).toBeNull();
    expect(await page.locator(".progress [role=status]").textContent()).toBe("running");
    await page.locator(".progress button").focus();
    await page.keyboard.press("Enter");
    await page.waitForSelector(".outcome.inconclusive");
    expect(await focused(page)).toBe("main");
  });

  it("keys of one character can be turned off, and stay so", async () => {
    const page = await alone("#/home");
    await page.keyboard.press("?");
    await page.locator("dialog[open] input[type=checkbox]").uncheck();
    await page.keyboard.press("Escape");
    const theme = "document.documentElement.dataset.theme ?? ''";
    for (let visit = 0; visit < 2; visit++) {
      for (const key of ["t", "4", "/", "?"]) await page.keyboard.press(key);
      expect([await page.evaluate(theme), page.url().includes("resources"), await focused(page)]).toEqual([
        "",
        false,
        visit === 0 ? expect.anything() : "BODY",
      ]);
      expect(await page.locator("dialog[open]").count()).toBe(0);
      await page.reload();
      await settled(page);
    }
    // Keys with Ctrl are no single characters.
    await page.keyboard.press("Control+k");
    expect(await focused(page)).toBe("omnibox");
  });

  it("what scrolls keeps the keys that scroll it, beside a run", async () => {
    const page = await alone(RUN);
    await page.waitForSelector(".player");
    await page.locator(".player .table-block .scroll").first().focus();
    for (const key of ["ArrowRight", "End"]) await page.keyboard.press(key);
    expect(await shown(page.locator(".position"))).toMatch(/^step 1 of/);
    await page.evaluate("document.activeElement.blur()");
    await page.keyboard.press("ArrowRight");
    await told(page.locator(".position"), /^step 2 of/);
  });

  it("every row of a host's paths names its path, whatever is filtered and sorted", async () => {
    const page = await alone("#/hosts?host=linux-7.1&with=none");
    const filter = page.locator("input[aria-label^='Paths of']");
    await filter.fill("reclaim");
    const block = page.locator(".table-block", { has: filter });
    const names = async (): Promise<string[]> =>
      (await block.locator("tbody th").allInnerTexts()).map((text) => text.trim());
    expect((await names())[0]).toMatch(/^KVM_TDX_INIT_VM ioctl, unwinding\n/);
    await filter.fill("");
    expect((await names()).filter((name) => name === "")).toEqual([]);
    // What is seen: a name again wherever the row above is of another path.
    await block.getByRole("button", { name: "Call" }).click();
    const seen = await block.locator("tbody tr").evaluateAll((rows) =>
      rows.map((row) => {
        const name = row.querySelector("th .unseen");
        return { again: name === null, path: (name ?? row.querySelector("th"))?.textContent ?? "" };
      }),
    );
    expect(seen.length).toBeGreaterThan(20);
    for (const [i, { again, path }] of seen.entries())
      if (!again) expect((seen[i - 1]?.path ?? "").startsWith(path)).toBe(true);
  });

  it("words, not the codes of profiles, say what a host does and how bad that is", async () => {
    const page = await alone("#/hosts?host=linux-7.3&with=none");
    const text = await shown(page.locator("main"));
    expect(text).toContain("marks the VM as bugged, which ends it");
    expect(text).toContain("● possible: the VM is lost");
    expect(text.match(/bug-vm|vm-dead|kick-and-retry|return:-|misread/g)).toBeNull();
  });

  it("says what the other call holds where it refuses, and what it wants where it is refused", async () => {
    const page = await alone("#/calls?leaf=tdh_mem_track");
    const heads = page.locator(".table-block", { has: page.locator("thead") });
    const under = (caption: RegExp) => shown(heads.filter({ hasText: caption }).first().locator("thead"));
    expect(await under(/^Can make it BUSY/)).toContain("It holds");
    expect(await under(/^It can make BUSY/)).toContain("It wants");
  });

  it("whatever is only counted can be opened", async () => {
    const page = await alone("#/calls?leaf=tdh_vp_enter&host=linux-6.16");
    const counted = `[...document.querySelectorAll("main *")].filter((element) =>
      element.children.length === 0 && /\\band \\d+ more\\b/.test(element.textContent) && element.closest("summary") === null).length`;
    expect(await page.locator("summary", { hasText: /^and \d+ more/ }).count()).toBeGreaterThan(0);
    expect(await page.evaluate(counted)).toBe(0);
    await go(page, "#/matrix?scope=all&host=linux-6.16&a=tdh_phymem_cache_wb&b=tdh_phymem_cache_wb");
    const more = page.locator("aside summary", { hasText: /^and \d+ more/ });
    expect(await page.evaluate(counted)).toBe(0);
    const before = await page.locator("aside .paths li").count();
    await more.first().click();
    await expect.poll(() => page.locator("aside .paths li").count()).toBeGreaterThan(before);
    await page.locator("#omnibox").fill("tdh");
    expect(await shown(page.locator("#findings"))).toMatch(/\d+ more; further letters or words tell them apart/);
  });
});

describe.skipIf(!hasBrowser)("where something is missing", () => {
  it("without scripts it says what to do, and not that it is at work", async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(explorer.url);
    const text = await shown(page.locator("body"));
    expect(text).toContain("`seamlock report` prints the same as text");
    expect(text).not.toContain("is reading the facts");
  });

  it("goes on where the browser takes no more addresses", async () => {
    const page = await alone("#/matrix");
    await page.evaluate(`for (const name of ["pushState", "replaceState"])
      history[name] = () => { throw new DOMException("too many", "SecurityError"); };`);
    await page.locator("select[name=resource]").first().selectOption("TDCS_EPOCH");
    await expect.poll(() => page.locator(".matrix tbody tr").count()).toBe(2);
  });

  it("keeps what it shows when its server ends, and says why a run cannot start", async () => {
    const short = await startExplorer();
    const own = await visitor(browser, short.url);
    onTestFinished(own.close);
    await own.visit("#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1");
    await short.close();
    await own.page.getByText("Check", { exact: true }).click();
    const text = await told(own.page.locator("[role=alert]"), /./);
    expect(text).toMatch(/the worker does not start; where `seamlock explore` has ended, start it again/);
    await own.page.keyboard.press("Escape");
    await own.page.locator("nav a", { hasText: "Calls" }).click();
    await told(own.page.locator("main h2"), /tdh_vp_enter/);
  });

  it("shows its facts also where the server ends before the lines of a tree have come", async () => {
    const own = await visitor(browser, explorer.url, {}, (context) =>
      context.route("**/excerpts.json", (route) => route.abort()),
    );
    onTestFinished(own.close);
    await own.visit("#/calls?leaf=tdh_mem_track");
    await own.page.waitForTimeout(500);
    expect(await shown(own.page.locator("main h2"))).toContain("tdh_mem_track");
    expect(own.complaints().filter((text) => !text.includes("Failed to load resource"))).toEqual([]);
  });
});

describe.skipIf(!hasBrowser)("a run", () => {
  /** How many workers are there that nobody ended. */
  const COUNTED = `{
    const Real = window.Worker;
    window.alive = 0;
    window.Worker = class extends Real {
      constructor(...words) { super(...words); window.alive += 1; }
      terminate() { window.alive -= 1; super.terminate(); }
    };
  }`;

  it.each(["lock/sharex-hp", "lock/sept-entry", "dynamic-pamt"])(
    "of %s is shown with the statuses of its BUSY, of the oldest module that has it, too",
    async (scenario) => {
      for (const module of scenario === "dynamic-pamt" ? ["1.5.25"] : ["1.5.01", "1.5.25"]) {
        const page = await alone(`#/runs?module=${module}&scenario=${scenario}&run=1`);
        await page.waitForSelector(".outcome", { timeout: 60_000 });
        const busy = page.locator(".table-block", { hasText: /^BUSY that some run meets/ });
        expect(await shown(busy)).toMatch(scenario === "dynamic-pamt" ? /\| RCX/ : /TDX_OPERAND_BUSY_HOST_PRIORITY/);
      }
    },
  );

  it("that is started twice at once leaves no worker behind", async () => {
    const page = await alone("#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1", {
      prepare: (context) => context.addInitScript(COUNTED),
    });
    const before = await page.evaluate("window.alive");
    await page.evaluate(`{
      const form = document.querySelector("form[aria-label='The scenario']");
      form.requestSubmit();
      form.requestSubmit();
    }`);
    await page.waitForSelector(".outcome.violated");
    expect(await page.evaluate("window.alive")).toBe((before as number) + 1);
  });

  it("that is cancelled before its worker is there does not begin", async () => {
    const file = join(temporaryFolder(), "page.html");
    expect(seamlock(["report", "--format", "html", "-o", file]).status).toBe(0);
    // A file unpacks its program for each worker; here that takes a second.
    const slow = `{
      const text = Response.prototype.text;
      Response.prototype.text = function () {
        return new Promise((done) => setTimeout(done, window.late ?? 0)).then(() => text.call(this));
      };
    }`;
    const page = await alone("#/runs?scenario=page-removal&policy=kick-on-busy&vcpus=3&pages=3", {
      base: pathToFileURL(file).href,
      prepare: async (context) => {
        await context.addInitScript(COUNTED);
        await context.addInitScript(slow);
      },
    });
    const before = await page.evaluate("window.alive");
    await page.evaluate("window.late = 1000");
    await page.getByText("Check", { exact: true }).click();
    await page.getByText("Cancel", { exact: true }).click();
    await told(page.locator("main"), /Choose a scenario/);
    await page.waitForTimeout(1500);
    expect(await page.locator(".progress").count()).toBe(0);
    expect(await page.evaluate("window.alive")).toBe(before);
  });
});
