import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explorerData, treeExcerpts } from "../../src/cli/explorer-data.ts";
import { unpack } from "../../src/explorer/data.ts";
import { excerptAt } from "../../src/explorer/excerpts.ts";
import { type Explorer, type ExplorerData, excerptsOf, oneFile, serve } from "../../src/explorer/index.ts";
import { firstAnswers } from "../../src/explorer/logic/questions.ts";
import { BIN, inProcess, temporaryFolder } from "../cli/run.ts";

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

let data: ExplorerData;
let explorer: Explorer;
let port: number;

beforeAll(async () => {
  data = await explorerData("lkml-2024-09-13");
  explorer = await serve(data, { port: 0 });
  port = Number(new URL(explorer.url).port);
}, 60_000);
afterAll(() => explorer.close());

/** Sends the path as it stands; a URL object would tidy it up first. */
function ask(
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({
      // A connection that is kept may be closed by the server while a test before takes its time.
      agent: false,
      host: "127.0.0.1",
      port,
      path,
      method: options.method ?? "GET",
      headers: options.headers ?? {},
    });
    sent.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
      );
    });
    sent.on("error", reject);
    sent.end(options.body);
  });
}

describe("the explorer's server", () => {
  it("serves the page, its two programs, its style and the facts, all from memory", async () => {
    for (const [path, type] of [
      ["/", "text/html"],
      ["/app.js", "text/javascript"],
      ["/worker.js", "text/javascript"],
      ["/style.css", "text/css"],
      ["/data.json", "application/json"],
    ]) {
      const { status, headers, body } = await ask(path as string);
      expect([path, status]).toEqual([path, 200]);
      expect(headers["content-type"]).toContain(type);
      expect(gunzipSync(body).length).toBeGreaterThan(100);
    }
  });

  it("carries the facts unchanged", async () => {
    const { data: received, answers } = unpack(gunzipSync((await ask("/data.json")).body).toString());
    expect(received.modules.map(({ catalog }) => catalog)).toEqual(data.modules.map(({ catalog }) => catalog));
    expect(received.hosts).toEqual(data.hosts);
    expect(received.initial).toEqual(data.initial);
    expect(received.initial.module).toBe("lkml-2024-09-13");
    expect(received.before).toEqual(data.before);
    expect(answers).toEqual(JSON.parse(JSON.stringify(firstAnswers(data))));
    expect(answers).toHaveLength(2);
  });

  it("allows the page nothing but its own files, and only the worker code made at run time", async () => {
    const policyOf = async (path: string) => String((await ask(path)).headers["content-security-policy"]);
    const page = await policyOf("/");
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("script-src 'self'");
    expect(page).toContain("frame-ancestors 'none'");
    expect(page).not.toMatch(/unsafe|\*|https?:/);
    expect(await policyOf("/worker.js")).toBe("default-src 'none'; script-src 'unsafe-eval'");
    expect((await ask("/")).headers).toMatchObject({
      "x-content-type-options": "nosniff",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
    });
  });

  it("answers HEAD without a body", async () => {
    const { status, body } = await ask("/", { method: "HEAD" });
    expect([status, body.length]).toEqual([200, 0]);
  });

  it.each(["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1.evil.example:1", "127.0.0.1:1"])(
    "refuses the Host %j, so that a rebound name reaches nothing",
    async (host) => {
      const { status, body } = await ask("/data.json", { headers: { Host: host } });
      expect([400, 421]).toContain(status);
      expect(body.length).toBeLessThan(100);
    },
  );

  it("answers under the names of the loopback interface", async () => {
    for (const name of ["127.0.0.1", "localhost", "[::1]"]) {
      expect((await ask("/", { headers: { Host: `${name}:${port}` } })).status).toBe(200);
    }
  });

  it("refuses requests that another site makes the browser send", async () => {
    expect((await ask("/data.json", { headers: { "Sec-Fetch-Site": "cross-site" } })).status).toBe(403);
  });

  it.each([
    "/../package.json",
    "/..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/app.js/../../cli.js",
    "//etc/passwd",
    "/..\\..\\package.json",
    "/app.js%00.json",
    "/__proto__",
    "file:///etc/passwd",
  ])("has nothing at %j", async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  it("refuses a body, whatever its size", async () => {
    const body = "x".repeat(1 << 20);
    for (const method of ["POST", "PUT", "GET"]) {
      const answer = await ask("/", { method, body, headers: { "Content-Length": String(body.length) } }).catch(
        () => null,
      );
      // The server hangs up without reading; the sender may meet the closed connection before the answer.
      expect([413, undefined]).toContain(answer?.status);
    }
    expect((await ask("/", { method: "DELETE" })).status).toBe(405);
    expect((await ask(`/?${"x".repeat(5000)}`)).status).toBe(414);
  });

  it("says 413 to an announced body before any of it is sent", async () => {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.write(`POST / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 999999999\r\n\r\n`);
      });
      let text = "";
      socket.on("data", (part) => (text += part));
      socket.on("close", () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("takes a free port when the usual one is taken, and fails when that one was asked for", async () => {
    const [first, second] = [await serve(data), await serve(data)];
    expect(first.url).not.toBe(second.url);
    await expect(serve(data, { port })).rejects.toMatchObject({ code: "SL6001" });
    await Promise.all([first.close(), second.close()]);
  });
});

describe("what is named on the command line", () => {
  it("stands among the bundled ones: a source tree by its path, a bundled one by its own name", async () => {
    const tree = "test/module/fixture";
    const own = await explorerData(tree, "6.19");
    expect(own.initial).toEqual({ module: tree, host: "linux-6.19" });
    expect(own.modules.at(-1)?.name).toBe(tree);
    expect(own.modules.at(-1)?.catalog.leaves.length).toBeGreaterThan(0);
    expect(own.hosts).toHaveLength(data.hosts.length);
    // It is held against the newest bundled one, unless an address says otherwise.
    expect(own.before.modules[tree]).toBe(Object.keys(data.before.modules).at(-1));
    // A tree is at hand, so the lines around every place of it are, too; of what is bundled there are none.
    const excerpts = treeExcerpts(own, tree, "6.19");
    expect(Object.keys(excerpts.modules)).toEqual([tree]);
    expect(excerpts.hosts).toEqual({});
    const place = own.modules.at(-1)?.catalog.leaves.flatMap((leaf) => leaf.acquisitions)[0]?.evidence[0];
    if (place === undefined) throw new Error("no place");
    const source = readFileSync(join(tree, place.file), "utf8").split("\n");
    const three = source.slice(place.line - 2, place.line + 1).map((line) => line.trimEnd());
    expect(excerptAt(excerpts.modules, tree, place)).toEqual({ first: place.line - 1, lines: three });
    expect(excerptAt(excerpts.modules, "1.5.25", place)).toBeNull();
  }, 60_000);

  it.each([
    ["latest", "1.5.25"],
    ["TDX_1.5.05", "1.5.05"],
  ])("%s is the bundled %s, under its own name", async (word, name) => {
    const named = await explorerData(word);
    expect(named.initial.module).toBe(name);
    expect(named.modules).toHaveLength(data.modules.length);
    expect(named.modules.find((one) => one.name === name)?.catalog.module.version).toBe(name);
  });

  it("gives lines of the tree only, and none where there are none", () => {
    const tree = join(temporaryFolder(), "tree");
    mkdirSync(tree);
    writeFileSync(join(tree, "a.c"), "one\r\ntwo\nthree");
    writeFileSync(join(tree, "..", "secret.c"), "secret");
    const places = [
      { file: "a.c", line: 1 },
      { file: "a.c", line: 3 },
      { file: "a.c", line: 4 },
      { file: "a.c", line: 0 },
      { file: "../secret.c", line: 1 },
      { file: "gone.c", line: 1 },
    ];
    expect(excerptsOf(tree, { rows: [places, places[0]] })).toEqual({
      "a.c:1": { first: 1, lines: ["one", "two"] },
      "a.c:3": { first: 2, lines: ["two", "three"] },
    });
  });
});

describe("seamlock explore", () => {
  it("prints its address, serves it, and ends with Ctrl-C", async () => {
    const child = spawn(process.execPath, [BIN, "explore", "--port", "0", "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const out = await new Promise<string>((resolve) => child.stdout.once("data", (part) => resolve(String(part))));
    const { schema, url } = JSON.parse(out);
    expect(schema).toBe("seamlock/explore@1");
    expect((await fetch(url)).status).toBe(200);
    child.kill("SIGINT");
    expect(await new Promise((resolve) => child.on("exit", (status, signal) => resolve(status ?? signal)))).toBe(
      "SIGINT",
    );
  });

  it("says what is wrong with a port, and with what narrows a page", async () => {
    expect((await inProcess(["explore", "--port", "http"])).err).toContain("SL0004");
    expect((await inProcess(["explore", "--port", String(port)])).err).toContain("SL6001");
    expect((await inProcess(["report", "--format", "html", "--leaf", "tdh_mem_track"])).err).toContain("SL0004");
  });
});

describe("the one-file report", () => {
  it("has a policy of hashes, no address to load from, and no fact as HTML", () => {
    const html = oneFile(data);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)?.[1] ?? "";
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[\w+/=]+' 'unsafe-eval'; style-src 'sha256-[\w+/=]+';/,
    );
    expect(policy).not.toContain("unsafe-inline");
    expect(html).not.toMatch(/(src|href)="(?!data:,)/);
    expect(html).not.toContain('tdh_mem_track",');
    expect(html.match(/<\/script>/g)).toHaveLength(3);
    expect(html.length).toBeLessThan(1_000_000);
  });
});
