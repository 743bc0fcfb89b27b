/** The page with facts of its own: a few calls, so that axe can look at every cell; and facts that mean harm. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import AXE from "axe-core";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Catalog } from "../../src/catalog/index.ts";
import { type Explorer, type ExplorerData, oneFile, serve } from "../../src/explorer/index.ts";
import type { HostProfile } from "../../src/host/index.ts";
import { smallCatalog } from "../catalog/fixture.ts";
import { seamlock, temporaryFolder } from "../cli/run.ts";
import { hasBrowser, settled, shown, startBrowser, told, until, type Visitor, visitor } from "./browser.ts";

vi.setConfig({ testTimeout: 120_000 });

const ROOT = join(import.meta.dirname, "../..");
const CALLS = new Set(
  "tdh_vp_enter tdh_mem_track tdh_mem_range_block tdh_mem_page_remove tdh_mem_page_demote tdh_mem_page_aug tdh_mng_create \
tdh_mng_key_freeid tdh_phymem_page_reclaim tdh_phymem_page_wbinvd tdg_mem_page_accept tdg_mem_page_attr_rd tdg_mem_page_attr_wr".split(
    " ",
  ),
);

/** A version with a few of its calls: what a view shows of each is what it shows of all. */
function fewCalls(version: string): { name: string; catalog: Catalog } {
  const catalog = JSON.parse(readFileSync(join(ROOT, `data/modules/${version}.json`), "utf8")) as Catalog;
  return { name: version, catalog: { ...catalog, leaves: catalog.leaves.filter(({ name }) => CALLS.has(name)) } };
}

/** A kernel as the build compiled it, with the paths that make one of these calls. */
function kernel(name: string): { name: string; profile: HostProfile } {
  const profile = JSON.parse(readFileSync(join(ROOT, `dist/hosts/${name}.json`), "utf8")) as HostProfile;
  const paths = profile.paths.filter(({ steps }) => steps.some(({ call }) => CALLS.has(call)));
  return { name, profile: { ...profile, paths: paths.slice(0, 8) } };
}

function smallFacts(): ExplorerData {
  return {
    schema: "seamlock/explorer@1",
    modules: [fewCalls("1.5.16"), fewCalls("1.5.20")],
    hosts: [kernel("linux-6.16"), kernel("linux-6.19")],
    scenarios: [{ name: "page-removal", text: readFileSync(join(ROOT, "data/scenarios/page-removal.yaml"), "utf8") }],
    initial: { module: "1.5.20", host: "linux-6.19" },
    before: {
      modules: { "1.5.16": null, "1.5.20": "1.5.16" },
      hosts: { "linux-6.16": null, "linux-6.19": "linux-6.16" },
    },
  };
}

let browser: Browser;
let data: ExplorerData;
let small: Explorer;

beforeAll(async () => {
  if (!hasBrowser) return;
  data = smallFacts();
  small = await serve(data, { port: 0 });
  browser = await startBrowser();
}, 60_000);
afterAll(async () => {
  await browser?.close();
  await small?.close();
});

/** A page of its own; it fails the test when it complains. */
async function alone(base: string, hash = "", options: BrowserContextOptions = {}): Promise<Page> {
  const own = await visitor(browser, base, options);
  onTestFinished(async () => {
    await own.close();
    expect(own.complaints()).toEqual([]);
  });
  await own.visit(hash);
  return own.page;
}

describe.skipIf(!hasBrowser)("axe finds no rule violated, light or dark, in", () => {
  let looked: Visitor;
  let page: Page;

  beforeAll(async () => {
    looked = await visitor(browser, small.url, { bypassCSP: true });
    page = looked.page;
    await looked.visit("");
    await page.evaluate(AXE.source);
  }, 60_000);
  afterAll(async () => {
    await looked.close();
    expect(looked.complaints()).toEqual([]);
  });

  const LINE = encodeURIComponent("SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9");
  const REMOVE = encodeURIComponent("SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x8000020000000092");
  const RUN = "#/runs?scenario=page-removal&policy=fail-fast&vcpus=1&pages=1&run=1";

  it.each([
    ["home", "#/home"],
    ["matrix", "#/matrix"],
    ["a pair", "#/matrix?a=tdh_mem_track&b=tdh_vp_enter"],
    ["calls", "#/calls"],
    ["a call", "#/calls?leaf=tdh_vp_enter"],
    ["locks", "#/resources"],
    ["a lock", "#/resources?resource=TDCS_EPOCH"],
    ["versions", "#/versions"],
    ["two versions", "#/versions?module=1.5.20&compare=1.5.16&host=none&all=1"],
    ["hosts", "#/hosts"],
    ["two hosts", "#/hosts?host=linux-6.16&with=linux-6.19"],
    ["runs", "#/runs"],
    ["explain", "#/explain"],
    ["an explained line", `#/explain?line=${LINE}`],
    ["two explained lines", `#/explain?line=${LINE}%0A${REMOVE}`],
    ["an address with faults", "#/matrix?module=1.5.99&a=tdh_mem_track"],
  ])("%s", async (_name, hash) => {
    await looked.visit(hash);
    await expectClean();
  });

  it("a run, another next step, and a verdict that the form is not about", async () => {
    await looked.visit(RUN);
    await page.waitForSelector(".player");
    await page.keyboard.press("]");
    await page.waitForSelector(".behind");
    await page.getByText("What else could happen here?").click();
    await page.waitForSelector(".other-steps li button");
    await expectClean();
    await page.locator("select[name=policy]").selectOption("retry-n");
    await page.waitForSelector(".stale-note");
    await expectClean();
  });

  it("a proof, a simulation, and a recording", async () => {
    await looked.visit(RUN.replace("fail-fast", "kick-first"));
    await page.waitForSelector(".outcome.holds");
    await expectClean();
    await looked.visit(`${RUN}&runs=5`.replace("run=1", "run=simulate"));
    await told(page.locator(".outcome"), /5 runs/);
    await expectClean();
    const recording = join(temporaryFolder(), "recording.txt");
    const words = ["--policy", "retry-n", "--runs", "1", "--seed", "3", "--record", "bpftrace", "-o", recording];
    seamlock(["simulate", "page-removal", ...words]);
    await page.locator("input[type=file]").setInputFiles(recording);
    await page.waitForSelector("#closer");
    await expectClean();
  });

  it("source of trees that are at hand, which a saved page does not carry", async () => {
    const catalog = data.modules[1]?.catalog;
    const site = catalog?.leaves.find(({ name }) => name === "tdh_mem_track")?.acquisitions[0]?.evidence[0];
    const use = data.hosts[1]?.profile.paths[0]?.steps[0]?.evidence?.[0];
    if (site === undefined || use === undefined) throw new Error("no place");
    const around = ({ file, line }: { file: string; line: number }, word: string) => ({
      [`${file}:${line}`]: { first: line - 1, lines: ["before", `<b>${word}</b>`, "after"] },
    });
    const excerpts = {
      modules: { "1.5.20": around(site, "module line") },
      hosts: { "linux-6.19": around(use, "kernel line") },
    };
    const server = await serve(data, { port: 0, excerpts: () => excerpts });
    onTestFinished(() => server.close());
    const own = await visitor(browser, server.url);
    onTestFinished(own.close);
    await own.visit("#/calls?leaf=tdh_mem_track");
    await own.page.locator(".evidence summary").first().click();
    const named = own.page.locator(".excerpt .named").first();
    expect(await shown(named)).toMatch(new RegExp(`^${site.line} <b>module line</b>\\s*$`));
    await own.visit("#/hosts?host=linux-6.19");
    await own.page.locator("main td .evidence summary").first().click();
    expect(await shown(own.page.locator(".excerpt").first())).toContain("kernel line");
    const [download] = await Promise.all([
      own.page.waitForEvent("download"),
      own.page.getByText("Save as one file").click(),
    ]);
    const file = join(temporaryFolder(), "saved.html");
    await download.saveAs(file);
    await own.page.goto(`${pathToFileURL(file).href}#/calls?leaf=tdh_mem_track`);
    await settled(own.page);
    await own.page.locator(".evidence summary").first().click();
    await own.page.waitForSelector(".evidence li");
    expect(await own.page.locator(".excerpt").count()).toBe(0);
    expect(own.complaints()).toEqual([]);
  });

  it("the list of keys, and what the search box finds", async () => {
    await looked.visit("#/explain");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog[open]");
    await expectClean();
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("track");
    await page.waitForSelector("[role=option]");
    await expectClean();
    await page.keyboard.press("Escape");
  });

  async function expectClean(): Promise<void> {
    await page.emulateMedia({ colorScheme: "light" });
    expect(await violated("")).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await violated(", runOnly: ['color-contrast']")).toEqual([]);
  }

  /** The rules that axe finds violated, with the first places. */
  async function violated(options: string): Promise<unknown[]> {
    const { violations } = (await page.evaluate(`axe.run(document, { resultTypes: ["violations"]${options} })`)) as {
      violations: { id: string; nodes: { html: string }[] }[];
    };
    return violations.map(({ id, nodes }) => [id, nodes.slice(0, 3).map(({ html }) => html.slice(0, 200))]);
  }
});

describe.skipIf(!hasBrowser)("facts with a fault", () => {
  it("says so where a view fails, and keeps the rest of the page", async () => {
    const broken: ExplorerData = { ...data, hosts: [{ name: "broken", profile: {} as never }] };
    const server = await serve(broken, { port: 0 });
    onTestFinished(() => server.close());
    const page = await alone(server.url, "#/hosts?host=broken");
    await page.waitForSelector("[role=alert]");
    expect(await shown(page.locator("main"))).toContain("This cannot be shown");
    // Another choice in the same view is shown.
    await page.locator(".facts-bar select[name=host]").selectOption("none");
    await told(page.locator("main"), /No host is chosen/);
    await page.keyboard.press("7");
    await page.waitForSelector("input[name=seed]");
  });
});

const EVIL = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

/** Markup in every string that is no enumerated word. */
function poisoned<T>(value: T): T {
  const words =
    /^(seamlock\/|sha256:|0x|EXCLUSIVE$|SHARED$|NO_LOCK$|host$|guest$|sharex|sept_entry$|mutex$|bit$|extracted$|error$|warning$|note$|leaf-exit$|td-exit$|before-td-entry$|acquire$|release$|busy$|ok$|vm$|vcpu$|machine$)/;
  const walk = (v: unknown): unknown => {
    if (typeof v === "string") return words.test(v) ? v : `${v}${EVIL}`;
    if (Array.isArray(v)) return v.map(walk);
    if (v === null || typeof v !== "object") return v;
    return Object.fromEntries(Object.entries(v).map(([key, inner]) => [key, walk(inner)]));
  };
  return walk(value) as T;
}

describe.skipIf(!hasBrowser)("hostile facts", () => {
  it("render as text in every view", async () => {
    const catalog = poisoned(smallCatalog());
    const host = data.hosts[0];
    if (host === undefined) throw new Error("no host");
    const evil: ExplorerData = {
      ...data,
      modules: [
        { name: `1${EVIL}`, catalog },
        { name: `2${EVIL}`, catalog: poisoned(smallCatalog()) },
      ],
      hosts: [{ name: `h${EVIL}`, profile: poisoned(host.profile) }],
      scenarios: [{ name: `s${EVIL}`, text: `kind: lock\ndescription: ${EVIL}\n` }],
      initial: { module: `1${EVIL}`, host: null },
    };
    const server = await serve(evil, { port: 0 });
    onTestFinished(() => server.close());
    const leaf = catalog.leaves.find(({ name }) => name.startsWith("tdh_vp_enter"))?.name ?? "";
    const track = catalog.leaves.find(({ name }) => name.startsWith("tdh_mem_track"))?.name ?? "";
    const q = (params: Record<string, string>) => new URLSearchParams(params).toString();
    const page = await alone(server.url);
    for (const hash of [
      `#/matrix?${q({ scope: "all", a: track, b: leaf })}`,
      `#/calls?${q({ leaf })}`,
      `#/resources?${q({ resource: `TDR${EVIL}` })}`,
      "#/versions?all=1",
      "#/hosts",
      `#/runs?${q({ run: "1" })}`,
      `#/explain?${q({ line: `${EVIL} 0x80000200000000A9` })}`,
    ]) {
      await page.goto(server.url + hash);
      await settled(page);
      expect([hash, await page.locator("img, #app script").count()]).toEqual([hash, 0]);
      await until(page, "document.querySelector('main').innerText.includes('<img src=x')");
    }
    expect(await page.title()).not.toBe("owned");
  });

  it("render as text when they come in a run", async () => {
    const page = await alone(small.url, "#/runs");
    const step = {
      actor: EVIL,
      leaf: EVIL,
      action: "acquire",
      resource: EVIL,
      mode: EVIL,
      result: "busy",
      status: EVIL,
      note: EVIL,
      state: { [EVIL]: EVIL },
    };
    const document = { scenario: EVIL, initial: { [EVIL]: 1 }, trace: [step, { ...step, result: "ok" }, step] };
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "r.json", mimeType: "application/json", buffer: Buffer.from(JSON.stringify(document)) });
    await page.waitForSelector(".player");
    expect(await page.locator("img, #app script").count()).toBe(0);
    expect(await shown(page.locator("main"))).toContain("<img src=x");
    expect(await page.title()).not.toBe("owned");
  });

  it("do not confuse the one file, even where they end a script", async () => {
    const file = join(temporaryFolder(), "evil.html");
    const catalog = poisoned(smallCatalog());
    const name = `x</script>${EVIL}`;
    const evil = { ...data, modules: [{ name, catalog }], initial: { module: name, host: null } };
    writeFileSync(file, oneFile(evil));
    const page = await alone(pathToFileURL(file).href, "#/matrix?scope=all", { offline: true });
    expect(await page.locator("img").count()).toBe(0);
    expect(await page.locator(".matrix").count()).toBe(1);
    expect(await page.title()).not.toBe("owned");
  });
});
