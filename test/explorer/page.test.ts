/** The page in Chromium: every view, its addresses, its keys. One page is led through all of them, as a person would lead it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { contention, diffCatalogs } from "../../src/analysis/index.ts";
import type { Explorer, ExplorerData } from "../../src/explorer/index.ts";
import { seamlock, temporaryFolder } from "../cli/run.ts";
import {
  factsOf,
  hasBrowser,
  settled,
  shown,
  startBrowser,
  startExplorer,
  told,
  until,
  type Visitor,
  visitor,
} from "./browser.ts";

// A browser on a busy machine of two cores takes its time.
vi.setConfig({ testTimeout: 120_000 });

let browser: Browser;
let explorer: Explorer;
let data: ExplorerData;
/** The page that is led from test to test; its state is what the test before left, but for the address. */
let shared: Visitor;
let page: Page;

beforeAll(async () => {
  if (!hasBrowser) return;
  [explorer, browser] = await Promise.all([startExplorer(), startBrowser()]);
  data = await factsOf(explorer);
  shared = await visitor(browser, explorer.url);
  page = shared.page;
  await shared.visit("");
}, 90_000);
afterAll(async () => {
  await browser?.close();
  await explorer?.close();
});
afterEach(() => {
  expect(shared?.complaints() ?? []).toEqual([]);
});

const visit = (hash: string): Promise<void> => shared.visit(hash);

/** A page of its own, for what no address can take back. */
async function alone(
  hash: string,
  options: BrowserContextOptions = {},
  base = explorer.url,
  prepare?: (context: BrowserContext) => Promise<void>,
): Promise<Page> {
  const own = await visitor(browser, base, options, prepare);
  onTestFinished(async () => {
    await own.close();
    expect(own.complaints()).toEqual([]);
  });
  await own.visit(hash);
  return own.page;
}

const PAIR = "#/matrix?a=tdh_mem_track&b=tdh_vp_enter";
const RUN = "#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1";
const LINE = "SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9";

const VIEWS: Readonly<Record<string, string>> = {
  home: "#/home?host=linux-6.19&resource=TDCS_EPOCH",
  matrix: PAIR,
  calls: "#/calls?leaf=tdh_vp_enter",
  resources: "#/resources?resource=TDCS_EPOCH",
  versions: "#/versions?module=1.5.20&compare=1.5.16&host=none",
  hosts: "#/hosts?host=linux-6.16&with=linux-6.19",
  runs: RUN,
  explain: `#/explain?line=${encodeURIComponent(LINE)}`,
};

describe.skipIf(!hasBrowser)("the page", () => {
  it("opens with the answers for the newest version and the newest kernel, the matrix below", async () => {
    expect(await page.locator("nav [aria-current=page]").textContent()).toBe("Home");
    const answers = await shown(page.locator(".answers"));
    expect(answers).toContain("What can end a VM");
    expect(answers).toMatch(/From .* to .*:/);
    expect(await page.locator(".facts-bar select[name=host]").inputValue()).toBe(data.initial.host);
    expect(await page.locator("select[name=module]").first().inputValue()).toBe(data.initial.module);
    expect(await page.locator(".matrix tbody tr").count()).toBeGreaterThan(10);
  });

  it("shows a pair by its address: modes, statuses, lines with links, and the interleaving", async () => {
    await visit(PAIR);
    const detail = page.locator("aside");
    const text = await shown(detail);
    for (const words of [
      "TDCS_EPOCH",
      "possible",
      "EXCLUSIVE",
      "SHARED",
      "TDX_OPERAND_BUSY | TD_EPOCH",
      "until the call ends",
    ]) {
      expect(text).toContain(words);
    }
    const href = await detail.locator(".evidence a").first().getAttribute("href");
    expect(href).toMatch(/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/blob\/[0-9a-f]{40}\/src\/[\w/.]+\.c#L\d+$/);
    await detail.getByText("Show an interleaving").click();
    await page.waitForSelector(".player");
    expect(page.url()).toContain("#/runs?meet=tdh_mem_track+tdh_vp_enter");
    await page.keyboard.press("]");
    await until(page, "document.querySelector('.now').textContent.includes('BUSY')");
    expect(await shown(page.locator(".now"))).toMatch(/^CPU 0 in tdh_mem_track: .*BUSY .*held by CPU 1/);
  });

  it("fits the width of a phone in every view, so that nothing of it lies beside the screen", async () => {
    const views = { ...VIEWS, "versions with long names": "#/versions?module=1.5.25&compare=1.5.20" };
    const own = await alone("", { viewport: { width: 360, height: 740 } });
    for (const [name, hash] of Object.entries(views)) {
      await own.goto(explorer.url + hash);
      await settled(own);
      expect([name, await own.evaluate("document.documentElement.scrollWidth - innerWidth")]).toEqual([name, 0]);
    }
  }, 60_000);

  it("filters the matrix, and says so in the address", async () => {
    await visit("#/home");
    const all = await page.locator(".matrix tbody tr").count();
    await page.locator("form[aria-label='Filters of the matrix'] select[name=resource]").selectOption("TDCS_EPOCH");
    expect(page.url()).toContain("resource=TDCS_EPOCH");
    expect(await page.locator(".matrix tbody tr").count()).toBe(2);
    await page.locator("select[name=scope]").selectOption("all");
    await page.locator("form[aria-label='Filters of the matrix'] select[name=resource]").selectOption("");
    expect(await page.locator(".matrix tbody tr").count()).toBeGreaterThan(all);
    for (let step = 0; step < 3; step++) await page.goBack();
    await until(page, `document.querySelectorAll(".matrix tbody tr").length === ${all}`);
  });

  it("goes through the matrix with the arrow keys and opens a pair with Enter", async () => {
    await visit("#/matrix?resource=TDCS_EPOCH");
    await page.locator(".matrix td[tabindex='0']").focus();
    for (const key of ["ArrowDown", "ArrowUp", "End"]) await page.keyboard.press(key);
    expect(await shown(page.locator("#matrix-status"))).toBe(
      "tdh_vp_enter and tdh_mem_track: tried again, on TDCS_EPOCH (epoch_lock)",
    );
    expect(await page.locator(".matrix td[tabindex='0']").count()).toBe(1);
    await page.keyboard.press("Enter");
    await page.waitForSelector("aside .pair");
    expect(page.url()).toContain("a=tdh_vp_enter&b=tdh_mem_track");
    expect(await page.locator(".matrix td[aria-selected='true']").count()).toBe(2);
  });

  it("draws the matrix of another module cell by cell, with the chosen pair framed", async () => {
    await visit("#/matrix?scope=all&module=1.5.25&a=tdh_mem_track&b=tdh_vp_enter");
    const marks = "[...document.querySelectorAll('.matrix tbody tr')].map((row) => row.innerText).join('\\n')";
    for (const version of ["1.0.03", "1.5.25"]) {
      await page.locator(".facts-bar select[name=module]").selectOption(version);
      await settled(page);
      const cells =
        "document.querySelectorAll('.matrix tbody td').length === document.querySelectorAll('.matrix tbody tr').length ** 2";
      await until(page, cells);
      const changed = await page.evaluate(marks);
      // Drawn from nothing: the view was left meanwhile.
      await visit("#/explain");
      await visit(`#/matrix?scope=all&module=${version}&a=tdh_mem_track&b=tdh_vp_enter`);
      await until(page, cells);
      expect(await page.evaluate(marks)).toBe(changed);
      expect(await page.locator(".matrix td[aria-selected='true']").count()).toBe(2);
    }
  });

  it("works it out itself where no worker can run", async () => {
    const own = await visitor(browser, explorer.url, {}, (context) =>
      context.route("**/worker.js", (route) => route.abort()),
    );
    onTestFinished(own.close);
    await own.visit("#/matrix?resource=TDCS_EPOCH");
    expect(await own.page.locator(".matrix tbody tr").count()).toBe(2);
  });

  it("says what excludes a pair under a host, and which paths make both calls", async () => {
    await visit("#/matrix?host=linux-6.16&a=tdh_mng_create&b=tdh_mng_key_freeid");
    expect(await shown(page.locator("aside"))).toMatch(/excluded[\s\S]*tdx_lock/);
    await page.locator(".facts-bar select[name=host]").selectOption("none");
    await until(page, "document.querySelector('aside').innerText.includes('possible')");
  });

  it("shows one call: spans, rows, and whom it meets", async () => {
    await visit(VIEWS["calls"] ?? "");
    expect(await page.locator("figure svg rect.shared").count()).toBe(7);
    expect(await page.locator("figure svg .guest-time").count()).toBe(1);
    const tables = await page.locator("main table").allInnerTexts();
    // Who makes it fail comes first, with the paths and the line.
    expect(tables[0]).toMatch(/tdh_mem_track\tTDCS_EPOCH \(epoch_lock\)[\s\S]*tdh_mem_track\.c:\d+/);
    expect(tables.join()).toContain("held only while the TD epoch is read and the vCPU is counted in it");
    await page.locator("select[name=leaf]").selectOption("tdh_mem_track");
    expect(await shown(page.locator("main h2"))).toContain("tdh_mem_track SEAMCALL 38");
  });

  it("shows the users of a lock, and the pairs that meet on it", async () => {
    await visit(VIEWS["resources"] ?? "");
    const [pairs, users] = await page.locator("main table").allInnerTexts();
    expect(pairs).toContain("tdh_mem_track");
    expect(users).toContain("SEPT_TREE");
    await page.locator("main th a", { hasText: /^KOT$/ }).click();
    await until(page, "document.querySelector('main').innerText.includes('Pairs that meet on KOT')");
  });

  it("draws a table of hundreds of rows in few parts, the first of them short, and all of it in the end", async () => {
    const { catalog } = data.modules.find(({ name }) => name === data.initial.module) ?? { catalog: null };
    if (catalog === null) throw new Error("the module is missing");
    const pairs = contention(catalog).pairs.filter(({ resource }) => resource === "TDR");
    expect(pairs.length).toBeGreaterThan(700);
    await visit("#/explain");
    const rows = "document.querySelectorAll('main table')[0]?.querySelectorAll('tbody tr').length ?? 0";
    await page.evaluate(`{
      window.counts = [];
      new MutationObserver(() => {
        const count = ${rows};
        if (count > 0 && count !== counts.at(-1)) counts.push(count);
      }).observe(document.querySelector("main"), { subtree: true, childList: true });
    }`);
    await visit("#/resources?resource=TDR&host=none");
    await until(page, `(${rows}) === ${pairs.length}`);
    const counts = await page.evaluate<number[]>("counts");
    expect(counts[0]).toBe(60);
    // Each part lays the whole table out anew.
    expect(counts.length).toBeLessThanOrEqual(2 + pairs.length / 300);
    const calls = (place: string): Promise<string[]> =>
      page.locator(`main table >> nth=0 >> tbody tr > ${place} a`).evaluateAll((all) => all.map((a) => a.textContent));
    const named = (name: string, variant: string | null): string => (variant === null ? name : `${name} [${variant}]`);
    const found = (await calls("th")).map((call, i) => [call, i] as const);
    const others = await calls("td:nth-child(3)");
    expect(found.map(([call, i]) => `${call} ${others[i]}`).sort()).toEqual(
      pairs.map((p) => `${named(p.a, p.variantA)} ${named(p.b, p.variantB)}`).sort(),
    );
  });

  it("marks the row that an address names, in whichever part of the table it is", async () => {
    const host = data.hosts.find(({ name }) => name === data.initial.host);
    const paths = host?.profile.paths ?? [];
    for (const path of [paths[0], paths.at(-1)]) {
      await visit(`#/hosts?host=${host?.name}&path=${encodeURIComponent(path?.name ?? "")}`);
      await until(page, "document.querySelectorAll('tr[aria-current=true]').length === 1");
      const row = page.locator("tr[aria-current=true] th");
      expect((await shown(row)).split("\n")[0]).toBe(path?.name);
      // Scrolled to, within its table.
      const bottom = (place: string): string => `document.querySelector("${place}").getBoundingClientRect().bottom`;
      await until(page, `${bottom("tr[aria-current=true]")} <= ${bottom(".scroll:has(tr[aria-current=true])")}`);
    }
    const steps = paths.flatMap(({ steps }) => (steps.length === 0 ? [null] : steps));
    // Else there is one part alone.
    expect(steps.length).toBeGreaterThan(60);
  });

  it("shows what changed between two versions, and each call through all of them", async () => {
    await visit(VIEWS["versions"] ?? "");
    expect(await shown(page.locator("main h2"))).toBe("1.5.16 → 1.5.20");
    expect(await shown(page.locator(".quoted"))).toMatch(
      /^From 1\.5\.16 to 1\.5\.20: secure_ept_lock becomes .*150 contentions appear/,
    );
    const fact = page.locator(".causes > li", { hasText: "secure_ept_lock: EXCLUSIVE → SHARED" });
    expect(await shown(fact)).toContain("vp_enter x 14 calls on the SEPT tree lock");
    expect(await shown(page.locator("main"))).toContain("tdh_phymem_pamt_add");
    expect(await shown(page.locator("section[aria-labelledby=behaviour]"))).toContain("\ngoes otherwise for it: ");
    const contentions = page.locator(".timeline .contentions td");
    await until(page, "!document.querySelector('.contentions').textContent.includes('…')");
    const [before, after] = ["1.5.16", "1.5.20"].map((name) => data.modules.find((m) => m.name === name)?.catalog);
    if (before === undefined || after === undefined) throw new Error("a version is missing");
    const { appeared, disappeared } = diffCatalogs(before, after).contention;
    expect(await contentions.filter({ hasText: `+${appeared.length} −${disappeared.length}` }).count()).toBe(1);
    await page.locator(".timeline td.changed a").first().click();
    await until(page, "location.hash.includes('leaf=')");
    const leaf = new URLSearchParams(new URL(page.url()).hash.split("?")[1]).get("leaf");
    await until(page, "document.querySelector('main .filters').innerText.includes('✕ only')");
    expect(await shown(page.locator("main .filters"))).toContain(`✕ only ${leaf}`);
    await page.getByText("⇄ Swap").click();
    await until(page, "document.querySelector('main h2') !== null");
  });

  it("draws what came and went from version to version once all of it is counted, also when the view was left meanwhile", async () => {
    await visit("#/explain");
    await page.evaluate(`{
      window.texts = new Set();
      new MutationObserver(() => {
        const row = document.querySelector(".contentions");
        if (row !== null) texts.add(row.innerText);
      }).observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
    }`);
    // Of this host nobody has asked yet.
    const address = "#/versions?host=linux-7.0";
    expect(data.hosts.map(({ name }) => name)).toContain("linux-7.0");
    await visit(address);
    await visit("#/explain");
    await visit(address);
    await until(page, "!document.querySelector('.contentions').textContent.includes('…')");
    const [first = "", last = "", ...others] = await page.evaluate<string[]>("[...texts]");
    expect(others).toEqual([]);
    expect(first).toMatch(/gone[\t…]+$/);
    expect(last).toMatch(/\+\d+ −\d+/);
    await visit("#/explain");
    // Now nothing is waited for.
    await visit(address);
    expect(await shown(page.locator(".contentions"))).toBe(last);
  });

  it("tells apart two calls of one path by where they are made", async () => {
    await visit("#/hosts?host=linux-7.3&with=none");
    const text = await shown(page.locator("main"));
    expect(text).toContain("IPI on one CPU of each package");
    expect(text).toContain("IPI on each CPU");
  });

  it("shows a host's paths and conclusion, and two hosts side by side", async () => {
    await visit("#/hosts?host=linux-6.16");
    const text = await shown(page.locator("main"));
    expect(text).toContain("Linux 6.16 avoids contention on");
    expect(text).toContain("kvm->mmu_lock ■");
    expect(text).toContain("zap leaf: memslot delete");
    await page.locator("main .evidence summary").first().click();
    const href = await page.locator("main .evidence a").first().getAttribute("href");
    expect(href).toMatch(/^https:\/\/github\.com\/[\w.-]+\/[\w.-]+\/blob\/[0-9a-f]{40}\/[\w/.]+\.[ch]#L\d+$/);
    await page.locator("select[name=with]").selectOption("proposal-report-2024-09");
    await until(page, "document.querySelector('main h2').innerText.startsWith('proposal-report-2024-09 →')");
    expect(await shown(page.locator(".quoted"))).toMatch(
      /^From proposal-report-2024-09 to Linux 6\.16: \d+ pairs? of calls/,
    );
    expect(await shown(page.locator("main"))).toContain("Paths of linux-6.16, with the locks they hold");
  });

  it("checks a scenario and steps through the counterexample with the keys", async () => {
    await visit("#/runs?scenario=page-removal&policy=fail-fast");
    const tops = await page
      .locator(".run-forms .field span")
      .evaluateAll((labels) => [...new Set(labels.map((label) => Math.round(label.getBoundingClientRect().top)))]);
    // Labels of one line stand on one line, over fields and choices alike.
    expect(tops.sort((x, y) => x - y).filter((top, i) => i > 0 && top - (tops[i - 1] ?? 0) < 10)).toEqual([]);
    await page.locator("input[name=vcpus]").fill("1");
    await page.locator("input[name=pages]").fill("1");
    await page.getByText("Check", { exact: true }).click();
    await page.waitForSelector(".outcome.violated");
    await page.locator("body").click({ position: { x: 5, y: 700 } });
    const position = () => shown(page.locator(".position"));
    const last = Number((await position()).split(" ").at(-1));
    expect(await position()).toBe(`step 1 of ${last}`);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowLeft");
    await until(page, "document.querySelector('.position').innerText.startsWith('step 2 ')");
    await page.keyboard.press("]");
    await until(page, "document.querySelector('.now').innerText.includes('BUSY')");
    expect(page.url()).toMatch(/step=\d+/);
    expect(await page.locator("svg line.arrow").count()).toBeGreaterThan(0);
    await page.keyboard.press("End");
    await until(page, `document.querySelector('.position').innerText.startsWith('step ${last} ')`);
    await page.keyboard.press("Home");
    await until(page, "document.querySelector('.position').innerText.startsWith('step 1 ')");
    // The address alone brings the same run and step back.
    await page.goto(`${page.url().replace(/&step=\d+/, "")}&step=3`);
    await page.reload();
    await page.waitForSelector(".player");
    expect(await position()).toBe(`step 3 of ${last}`);
  });

  it("shows progress and cancels a check, and says what was covered", async () => {
    await visit("#/runs?scenario=page-removal&policy=kick-on-busy&vcpus=4&pages=4&run=1");
    await until(page, "/[1-9][\\d,]* states, /.test(document.querySelector('.progress')?.innerText ?? '')");
    await page.getByText("Cancel", { exact: true }).click();
    await page.waitForSelector(".outcome.inconclusive");
    expect(await shown(page.locator(".outcome"))).toMatch(/inconclusive \(interrupted\).*states not explored/);
  });

  it("simulates: who was BUSY how often, a run to play, and the same runs from the same address", async () => {
    await visit("#/runs?scenario=page-removal&policy=retry-n");
    await page.locator("input[name=seed]").fill("5");
    await page.locator("input[name=runs]").fill("30");
    await page.locator("select[name=schedule]").selectOption("priority");
    await page.getByText("Simulate", { exact: true }).click();
    const outcome = await told(page.locator(".outcome"), /30 runs, [\d,]+ steps, .*seed 5, priority schedule$/);
    expect(page.url()).toMatch(/run=simulate.*runs=30.*schedule=priority.*seed=5/);
    const [steps] = await page.locator(".player + .two table, .two table").allInnerTexts();
    expect(steps).toContain("remover");
    expect(await shown(page.locator(".repeat code"))).toBe(
      `seamlock simulate page-removal --module ${data.initial.module} --policy retry-n --seed 5 --runs 30 --steps 1000 --schedule priority`,
    );
    await page.locator("select[name=play]").selectOption("run 0");
    await until(page, "document.querySelector('.picture figcaption').innerText.startsWith('run 0: the first')");
    await page.evaluate("document.activeElement?.blur()");
    await page.keyboard.press("End");
    await until(page, "/^step (\\d+) of \\1$/.test(document.querySelector('.position').innerText)");
    expect(await page.locator("svg .mark").count()).toBeLessThanOrEqual(240);
    await until(
      page,
      "document.querySelector('tr[aria-current=true] th')?.innerText === document.querySelector('.position b').innerText",
    );
    await page.reload();
    await page.waitForSelector(".player");
    const counts = (text: string) => text.replace(/[\d.]+ s,/, "");
    expect(counts(await shown(page.locator(".outcome")))).toBe(counts(outcome));
  });

  it("shows how far a simulation is, and keeps what was counted when it is cancelled", async () => {
    await visit("#/runs?scenario=page-removal&policy=retry-forever&runs=1000000&run=simulate");
    await until(page, "/[1-9][\\d,]* of 1,000,000 runs/.test(document.querySelector('.progress')?.innerText ?? '')");
    await page.getByText("Cancel", { exact: true }).click();
    await told(page.locator(".outcome"), /[1-9][\d,]* of 1,000,000 runs, .*; cancelled$/);
  });

  it("opens a run from a file, and says when there is none in it", async () => {
    const words = ["--policy", "fail-fast", "--vcpus", "1", "--pages", "1", "--json"];
    const { out } = seamlock(["check", "page-removal", ...words]);
    await visit("#/runs");
    const input = page.locator("input[type=file]");
    await input.setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(out) });
    await told(page.locator(".position"), new RegExp(`^step 1 of ${JSON.parse(out).trace.length}$`));
    await input.setInputFiles({ name: "bad.json", mimeType: "application/json", buffer: Buffer.from('{"a": 1}') });
    await page.waitForSelector("[role=alert]");
    expect(await shown(page.locator("[role=alert]"))).toContain("bad.json has no run in it");
    // What was said of one file is not of the next.
    await input.setInputFiles({ name: "run.json", mimeType: "application/json", buffer: Buffer.from(out) });
    await told(page.locator(".position"), /^step 1 of/);
    expect(await page.locator("[role=alert]").count()).toBe(0);
  });

  it("opens a recording of a host, from a file and dropped: who was BUSY against whom, how sure that is, and lanes", async () => {
    const recording = join(temporaryFolder(), "recording.txt");
    const words = ["simulate", "page-removal", "--policy", "retry-n", "--runs", "2", "--seed", "3"];
    seamlock([...words, "--record", "bpftrace", "-o", recording]);
    await visit("#/runs");
    await page.locator("input[type=file]").setInputFiles(recording);
    await page.waitForSelector("#closer");
    const text = await shown(page.locator("main"));
    expect(text).toMatch(/The recording recording\.txt[\s\S]*\b[1-9]\d* of [\d,]+ calls returned BUSY/);
    expect(text).toContain("The recording states no module: it is read with 1.5.25, which is chosen above.");
    expect(text).toMatch(/\d+ times? a call was refused and had to get through, which took .* in all: \d+ got through/);
    expect(text).toMatch(/tdh_vp_enter\tTDCS_EPOCH \(epoch_lock\)\ttdh_mem_track\t(certain|likely|possible)/);
    expect(await page.locator("svg .busy").count()).toBeGreaterThan(0);
    expect(await page.locator(".facts-bar select[name=host]").count()).toBe(1);
    // Dropped on another view, it opens in Runs.
    await visit("#/explain");
    await page.evaluate(`{
      const files = new DataTransfer();
      files.items.add(new File([${JSON.stringify(readFileSync(recording, "utf8"))}], "dropped.txt"));
      const drop = { dataTransfer: files, bubbles: true, cancelable: true };
      document.querySelector("main").dispatchEvent(new DragEvent("drop", drop));
    }`);
    const dropped = await told(page.locator("main"), /The recording dropped\.txt[\s\S]*calls returned BUSY/);
    expect(dropped.replace("dropped.txt", "recording.txt")).toBe(text);
  });

  it("finds with /, explains a pasted log line, and changes views with numbers", async () => {
    await visit("#/home");
    await page.keyboard.press("/");
    await page.keyboard.type("memtrk");
    await page.keyboard.press("Enter");
    await until(page, "location.hash.startsWith('#/calls?leaf=tdh_mem_track')");
    await page.keyboard.press("/");
    await page.keyboard.insertText(LINE);
    await page.keyboard.press("Enter");
    await page.waitForSelector(".explained");
    expect(await shown(page.locator(".explained"))).toMatch(/TDX_OPERAND_BUSY[\s\S]*Returned by tdh_mem_track/);
    await page.keyboard.press("4");
    await until(page, "location.hash.startsWith('#/resources')");
  });

  it("explains a status with all that is known of it: its low half, its outputs, who can hold the lock first", async () => {
    const line = "SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000001, entry 0x8000000012345007, level_state 0x300";
    await visit(`#/explain?line=${encodeURIComponent(line)}`);
    const text = await shown(page.locator(".explained"));
    expect(text).toContain("Its outputs: entry 0x8000000012345007 and level_state 0x300.");
    expect(text).toContain("Changed all the same: the host-priority bit of the lock is set");
    const verdicts = await page.locator(".explained td:nth-child(6)").allInnerTexts();
    expect(verdicts[0]).toContain("possible");
    expect([...verdicts].sort((x, y) => Number(x.includes("excluded")) - Number(y.includes("excluded")))).toEqual(
      verdicts,
    );
    await visit(`#/explain?line=${encodeURIComponent("SEAMCALL TDH_MR_FINALIZE failed: 0xc000060800000002")}`);
    expect(await shown(page.locator(".explained"))).toContain("OP_STATE RUNNABLE (2)");
  });

  it("says of a module that was read in part that what it does not tell is not known", async () => {
    await visit("#/home?module=2.0.18-read");
    expect(await shown(page.locator("main"))).toContain(
      "nothing among the calls that were read, in ordinary operation",
    );
    const holes = page.locator(".facts-bar .diagnostics");
    expect(await shown(holes)).toBe("⚠ 1 error: the facts of 2.0.18-read have holes");
    await holes.locator("summary").click();
    expect(await shown(holes)).toMatch(/\nerror SL\d{4}: /);
  });

  it("lists its keys with ?, and closes the list with Escape", async () => {
    await visit("#/home");
    await page.keyboard.press("?");
    expect(await shown(page.locator("dialog[open]"))).toContain("the contention before, the next contention");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog:not([open])", { state: "attached" });
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await page.keyboard.press("Escape");
  });

  it("takes the key that follows at once when the list of keys was closed", async () => {
    await visit("#/home");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    // In one go, since the button in the closed dialog has the focus only until the page is drawn again.
    const focused = await page.evaluate(`(() => {
      document.getElementById("help").close();
      const button = document.querySelector("#help button");
      button.dispatchEvent(new KeyboardEvent("keydown", { key: "/", bubbles: true, cancelable: true }));
      return document.activeElement.id;
    })()`);
    expect(focused).toBe("omnibox");
  });

  it("changes between light and dark, and starts with what the system asks for", async () => {
    const page = await alone("", { colorScheme: "dark" });
    const ground = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    const dark = await ground();
    await page.keyboard.press("t");
    const light = await ground();
    expect(light).not.toBe(dark);
    await visit("#/home");
    const system = () => shared.page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
    await shared.page.emulateMedia({ colorScheme: "light" });
    expect(await system()).toBe(light);
    await shared.page.emulateMedia({ colorScheme: "dark" });
    expect(await system()).toBe(dark);
    await shared.page.emulateMedia({ colorScheme: null });
  });

  it("writes what stands in an empty field in the colour of its lesser texts, which can be read on light and on dark", async () => {
    await visit("#/home");
    const colours = await page.evaluate(`(() => {
      const field = document.querySelector("#omnibox");
      return [getComputedStyle(field, "::placeholder").color, getComputedStyle(document.querySelector(".dim")).color];
    })()`);
    expect(new Set(colours as string[]).size).toBe(1);
  });

  it("saves tables as CSV and pictures as SVG", async () => {
    await visit(VIEWS["calls"] ?? "");
    const saved = async (button: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByLabel(button).click()]);
      return readFileSync(await download.path(), "utf8");
    };
    const csv = await saved("Locks in source order: save as CSV");
    expect(csv.split("\r\n")).toHaveLength(10);
    expect(csv).toMatch(/^Resource,Mode,Lock,/);
    const svg = await saved("When each lock is held: save as SVG");
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg).toContain("<style>");
    await page.goto(`${explorer.url}#/matrix?resource=TDCS_EPOCH`);
    await settled(page);
    expect(await saved("Matrix: save as CSV")).toContain("tdh_mem_track,retry: TDCS_EPOCH,");
    expect(await saved("Matrix: save as SVG")).toMatch(/^<svg [\s\S]*tdh_mem_track/);
    await page.goto(`${explorer.url}${PAIR}`);
    expect(await saved("The pair: save as CSV")).toMatch(/^On,Verdict,[\s\S]*TDCS_EPOCH,possible/);
    await page.goto(`${explorer.url}#/versions`);
    expect(await saved("Every call through all versions: save as CSV")).toMatch(/^Call,1\.0\.00,/);
    expect(await saved("Every call through all versions: save as SVG")).toMatch(/^<svg [\s\S]*Δ/);
  });

  it("lets every table of every view be saved, and every picture", async () => {
    await visit("#/home");
    for (const [name, hash] of Object.entries(VIEWS)) {
      await page.goto(explorer.url + hash);
      await settled(page);
      if (name === "runs") await page.waitForSelector(".player");
      const tables = page.locator("main table");
      const csv = page.locator("main button[aria-label$='save as CSV']");
      // The pair's own table is a part for each lock; all of them are saved as one.
      const inPair = await page.locator("aside table").count();
      expect([name, await csv.count()]).toEqual([name, (await tables.count()) - inPair + Math.min(1, inPair)]);
      const pictures = (await page.locator("main svg").count()) + (/home|matrix|versions/.test(name) ? 1 : 0);
      expect([name, await page.locator("main button[aria-label$='save as SVG']").count()]).toEqual([name, pictures]);
    }
  });

  it("has no lasting animation for those who want none", async () => {
    const duration = () => page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration");
    await page.emulateMedia({ reducedMotion: "reduce" });
    expect(await duration()).toBe("0s");
    await page.emulateMedia({ reducedMotion: null });
  });
});

describe.skipIf(!hasBrowser)("the one-file report", () => {
  it("opens from disk without a network, quickly, and does what the served page does", async () => {
    const file = join(temporaryFolder(), "report.html");
    const words = ["--module", "1.5.05", "--host", "linux-6.16", "--format", "html"];
    const { status } = seamlock(["report", ...words, "-o", file]);
    expect(status).toBe(0);
    const page = await alone("", { offline: true }, pathToFileURL(file).href);
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    expect(await page.locator("select[name=module]").first().inputValue()).toBe("1.5.05");
    expect(await page.locator(".facts-bar select[name=host]").inputValue()).toBe("linux-6.16");
    // Processor time of the page's main thread from its beginning, for whatever else the machine does.
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.reload();
    await page.waitForSelector(".matrix");
    const { metrics } = await session.send("Performance.getMetrics");
    const worked = metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
    expect(worked).toBeGreaterThan(0.01);
    expect(worked).toBeLessThan(1);
    for (const view of ["2", "3", "4", "5"]) {
      await page.keyboard.press(view);
      await page.waitForSelector("main table");
    }
    await page.goto(`${pathToFileURL(file).href}${RUN}`);
    await page.waitForSelector(".outcome.violated");
    expect(asked.filter((url) => !/^(file|blob|data):/.test(url))).toEqual([]);
  });
});
