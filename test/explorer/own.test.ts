/** A module and a kernel of one's own: the page says which it speaks of, what of them was not understood, and nothing that was read of a release. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { parseCatalog, serializeCatalog } from "../../src/catalog/index.ts";
import type { Explorer } from "../../src/explorer/index.ts";
import { type HostProfile, parseHost, serializeHost } from "../../src/host/index.ts";
import { temporaryFolder } from "../cli/run.ts";
import { hasBrowser, shown, startBrowser, startExplorer, told, type Visitor, visitor } from "./browser.ts";

vi.setConfig({ testTimeout: 120_000 });

const OTHER = `sha256:${"0".repeat(64)}`;

/** The newest release, changed: another threshold, and a call that was not understood; it states the release's version. */
function ownModule(folder: string): string {
  const file = join(folder, "mine.json");
  const known = parseCatalog(readFileSync("data/modules/1.5.25.json", "utf8"), "1.5.25");
  const diagnostics = [
    { code: "SL1050", severity: "error", message: "the case X was not understood", file: "src/x.c", line: 12 } as const,
    ...known.diagnostics,
  ];
  const module = { ...known.module, sourceDigest: OTHER };
  const constants = { ...known.constants, STEPPING_EPF_THRESHOLD: 10 };
  writeFileSync(file, serializeCatalog({ ...known, module, diagnostics, constants }));
  return file;
}

/** Linux 7.0 as somebody changed it; its make file still says 7.0. */
function ownKernel(folder: string): string {
  const file = join(folder, "mine.yaml");
  const { profile } = parseHost(readFileSync("data/hosts/linux-7.0.yaml", "utf8"), "linux-7.0.yaml");
  if (profile.extracted === undefined) throw new Error("linux-7.0 is not extracted");
  const diagnostics = [
    { code: "SL3420", severity: "warning", message: "the lock y is not there", file: null, line: null } as const,
  ];
  const own: HostProfile = { ...profile, extracted: { ...profile.extracted, digest: OTHER, diagnostics } };
  writeFileSync(file, serializeHost(own));
  return file;
}

describe.skipIf(!hasBrowser)("a module and a kernel of one's own", () => {
  let browser: Browser;
  let explorer: Explorer;
  let own: Visitor;
  let folder = "";
  let module = "";
  let kernel = "";

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "seamlock-test-"));
    [module, kernel] = [ownModule(folder), ownKernel(folder)];
    [explorer, browser] = await Promise.all([startExplorer("--module", module, "--host", kernel), startBrowser()]);
    own = await visitor(browser, explorer.url);
  }, 90_000);
  afterAll(async () => {
    await own?.close();
    await browser?.close();
    await explorer?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are called as their user calls them, not as the release of which they were made", async () => {
    await own.visit("#/home");
    const text = await shown(own.page.locator("main"));
    expect(text).toContain(`${kernel} on module ${module}`);
    expect(text).toContain(`From 1.5.25 to ${module}: no contention appears or disappears.`);
    expect(text).not.toMatch(/to 1\.5\.25:|Linux 7\.0/);
  });

  it("have no verdicts, and no history, of the release and the kernel whose versions they state", async () => {
    await own.visit("#/home");
    expect(await own.page.getByText("Does a way of handling BUSY always get through?").count()).toBe(0);
    await own.visit("#/home?module=1.5.25&host=linux-7.0");
    expect(await own.page.getByText("Does a way of handling BUSY always get through?").count()).toBe(1);
  });

  it("say above every view what of them was not understood", async () => {
    for (const view of ["home", "matrix", "explain"]) {
      await own.visit(`#/${view}`);
      const [ofModule, ofKernel] = await own.page.locator(".diagnostics summary").allInnerTexts();
      expect(ofModule).toBe(`⚠ 1 error: the facts of ${module} have holes`);
      expect(ofKernel).toBe(`⚠ 1 warning: the facts of ${kernel} have holes`);
    }
    await own.page.locator(".diagnostics summary").first().click();
    expect(await shown(own.page.locator(".diagnostics").first())).toContain(
      "error SL1050: the case X was not understood src/x.c:12",
    );
    // Where the host plays no part, nothing is said of it.
    await own.visit("#/home?host=none");
    expect(await own.page.locator(".diagnostics").count()).toBe(1);
  });

  it("show the constant that changed, under the host as without one", async () => {
    for (const host of ["", "&host=none"]) {
      await own.visit(`#/versions?compare=1.5.25${host}`);
      expect(await shown(own.page.locator(".difference"))).toContain("Constants\nSTEPPING_EPF_THRESHOLD: 6 → 10");
    }
  });

  it("are told apart from what was read of statuses in the releases", async () => {
    await own.visit(`#/explain?line=${encodeURIComponent("SEAMCALL TDH_MEM_TRACK failed: 0x80000200000000A9")}`);
    const notes = await told(own.page.locator("main"), /read in the source of the bundled releases, not in this one/);
    expect(notes).toContain("The extraction left 1 error");
    await own.visit(`#/explain?module=1.5.25&line=${encodeURIComponent("0x80000200000000A9")}`);
    expect(await shown(own.page.locator("main"))).not.toContain("bundled releases");
  });

  it("are what is saved, also when another server has come to their address by then", async () => {
    const port = new URL(explorer.url).port;
    await own.visit("#/home");
    await explorer.close();
    explorer = await startExplorer("--port", port);
    const [download] = await Promise.all([
      own.page.waitForEvent("download"),
      own.page.getByText("Save as one file").click(),
    ]);
    const file = join(temporaryFolder(), "saved.html");
    await download.saveAs(file);
    const saved = await visitor(browser, pathToFileURL(file).href);
    onTestFinished(saved.close);
    await saved.visit("");
    expect(await saved.page.locator("select[name=module]").first().inputValue()).toBe(module);
  });
});
