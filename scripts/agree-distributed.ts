/**
 * TLC on several machines, tried on one: `npm run agree:distributed -- [--workers N] [-- SCENARIO [ITS OPTIONS]]`.
 *
 * A server and N workers (2) each get a network namespace of their own with an address of its own, joined by a bridge in the server's, so
 * that they reach each other by the network only, as machines do. The model is the one of docs/agreement.md unless another is named.
 * Compared are the distinct states of the checker, of TLC in one process, and of TLC on all of these; each worker must have made some.
 * Ends with 1 on a difference.
 *
 * It needs root and `ip` (Debian: iproute2) for the namespaces, and SEAMLOCK_TLC, TLC's class path, as `npm run agree` does.
 * docs/agreement.md says which releases of TLC can do it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { runTlc, statesOf, tlcClassPath } from "./peers.ts";

const MODEL = ["page-removal", "--module", "1.5.25", "--policy", "kick-first", "--vcpus", "1", "--pages", "1"];

/** The third part of the addresses is unlikely to be used by a network that this machine is in; nothing leaves the namespaces anyway. */
const address = (machine: number): string => `10.113.57.${machine + 1}`;
/** The server is machine 0. */
const namespace = (machine: number): string => `seamlock-tlc-${process.pid}-${machine}`;
const ip = (...args: readonly string[]): string => execFileSync("ip", args, { encoding: "utf8" });

/** As many namespaces as machines, on one bridge. */
function connect(machines: number): void {
  for (let n = 0; n < machines; n++) {
    ip("netns", "add", namespace(n));
    ip("-n", namespace(n), "link", "set", "lo", "up");
  }
  const server = namespace(0);
  ip("-n", server, "link", "add", "hub", "type", "bridge");
  ip("-n", server, "address", "add", `${address(0)}/24`, "dev", "hub");
  ip("-n", server, "link", "set", "hub", "up");
  for (let n = 1; n < machines; n++) {
    ip("-n", server, "link", "add", `port${n}`, "type", "veth", "peer", "name", "net", "netns", namespace(n));
    ip("-n", server, "link", "set", `port${n}`, "master", "hub");
    ip("-n", server, "link", "set", `port${n}`, "up");
    ip("-n", namespace(n), "address", "add", `${address(n)}/24`, "dev", "net");
    ip("-n", namespace(n), "link", "set", "net", "up");
  }
}

/** With a namespace goes what is in it. */
function disconnect(machines: number): void {
  for (let n = 0; n < machines; n++) {
    try {
      ip("netns", "delete", namespace(n));
    } catch {
      // It was not made.
    }
  }
}

/** A Java program on a machine; what it prints is kept, line by line. */
class Machine {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor(machine: number, folder: string, classPath: string, program: readonly string[]) {
    const here = [`-Djava.rmi.server.hostname=${address(machine)}`, `-Djava.io.tmpdir=${folder}`];
    const java = ["java", "-XX:+UseParallelGC", "-Xss16m", ...here, "-cp", classPath, ...program];
    this.#child = spawn("ip", ["netns", "exec", namespace(machine), ...java], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on("line", (line) => this.lines.push(line));
    }
  }

  get output(): string {
    return this.lines.join("\n");
  }

  async ended(): Promise<void> {
    if (this.#child.exitCode === null) await once(this.#child, "close");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

const SERVER = "tlc2.tool.distributed.TLCServer";
const WORKER = "tlc2.tool.distributed.TLCWorker";

/** What the server and each worker print. */
async function distributed(folder: string, classPath: string, workers: number) {
  const machines = workers + 1;
  const started: Machine[] = [];
  // Whatever ends this process: namespaces outlive those who made them.
  process.once("exit", () => disconnect(machines));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  try {
    connect(machines);
    const server = new Machine(0, folder, classPath, [
      `-D${SERVER}.expectedWorkerCount=${workers}`,
      SERVER,
      "Model.tla",
    ]);
    started.push(server);
    for (let n = 1; n < machines; n++) {
      // A worker gets the module from the server: its own folder is empty.
      const empty = mkdtempSync(join(folder, "worker-"));
      started.push(new Machine(n, empty, classPath, [`-D${WORKER}.threadCount=1`, WORKER, address(0)]));
    }
    await server.ended();
    await Promise.all(started.slice(1).map((worker) => worker.ended()));
    return { server: server.output, each: started.slice(1).map(({ output }) => output) };
  } finally {
    for (const machine of started) machine.kill();
  }
}

/** What a worker says of itself when it ends: the states that it computed. */
function computedBy(output: string): number {
  const computed = /Computed: (\d+)/.exec(output)?.[1];
  if (computed === undefined) throw new Error(`a worker did not finish:\n${output.slice(-3000)}`);
  return Number(computed);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { workers: { type: "string", default: "2" } },
});
const workers = Number(values.workers);
if (!Number.isInteger(workers) || workers < 1 || workers > 200)
  throw new Error("--workers takes a number from 1 to 200");
const classPath = tlcClassPath();
if (classPath === null) throw new Error("SEAMLOCK_TLC is not set, or there is no Java");
const wanted = positionals.length > 0 ? positionals : MODEL;
const cli = resolve(import.meta.dirname, "..", "dist", "cli.js");
const seamlock = (...args: readonly string[]): string =>
  execFileSync(process.execPath, [cli, ...args], { encoding: "utf8", maxBuffer: 1 << 28 });

const folder = mkdtempSync(join(tmpdir(), "seamlock-distributed-"));
try {
  seamlock("export", ...wanted, "--to", "tla", "-o", join(folder, "Model.tla"));
  const own = (JSON.parse(seamlock("check", ...wanted, "--no-reduction", "--json")) as { states: number }).states;
  const alone = statesOf(await runTlc(folder, "Model", classPath, 1));
  const { server, each } = await distributed(folder, classPath, workers);
  const together = statesOf(server);
  const computed = each.map(computedBy);
  console.log(`seamlock check ${wanted.join(" ")} --no-reduction: ${own} states`);
  console.log(`TLC in one process: ${alone} distinct states`);
  console.log(
    `TLC on ${workers + 1} machines: ${together} distinct states; its workers computed ${computed.join(" and ")}`,
  );
  const agree = own === alone && own === together && computed.every((states) => states > 0);
  console.log(agree ? "the same" : "DIFFERENT, or a worker had nothing to do");
  process.exitCode = agree ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
