/**
 * What reading a log costs: 100 MB of a boot's and a day's lines with a status now and then, through the built program.
 *
 *     npm run bench:explain [-- MEGABYTES]
 *
 * Prints processor time, the share that is not the log (one status explained), and memory. The log is made, not bundled.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MB = Number(process.argv[2] ?? 100);
const STATUSES = [
  "kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0x8000020000000092, entry 0x0, level_state 0x0",
  "virt/tdx: SEAMCALL (0x0000000000000026) failed: 0x8000020100000000",
];
const NOISE = [
  "usb 1-2: new high-speed USB device number 7 using xhci_hcd",
  "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable",
  "pci 0000:00:1f.3: BAR 0: assigned [mem 0xfe000000-0xfe0fffff 64bit]",
  "RAX: 0000000000007edc RBX: 0000000000000000 RCX: 0000000000007edb",
  "systemd[1]: Started Session 17 of user root.",
];

const folder = mkdtempSync(join(tmpdir(), "seamlock-bench-"));
try {
  const log = join(folder, "log");
  const out = openSync(log, "w");
  for (let n = 0, i = 0; n < MB << 20; ) {
    const lines = Array.from({ length: 2000 }, () => {
      i++;
      const text = i % 2000 === 0 ? STATUSES[(i / 2000) % 2] : NOISE[i % NOISE.length];
      return `Oct 01 10:11:12 host kernel: [${(i / 1000).toFixed(6)}] ${text}\n`;
    }).join("");
    n += writeSync(out, lines);
  }
  closeSync(out);
  const all = cost(["explain", log]);
  const one = cost(["explain", "0x8000020000000092", "--leaf", "tdh_mem_page_aug"]);
  console.log(`${MB} MB: ${all.seconds.toFixed(2)} s of processor time, ${all.megabytes} MB at most`);
  console.log(
    `one status: ${one.seconds.toFixed(2)} s; the log itself: ${(MB / (all.seconds - one.seconds)) | 0} MB/s`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs the program in a process of its own, which says at its end what it took. */
function cost(args) {
  const script = `process.argv.splice(1, 1, "dist/cli.js"); process.on("exit", () => { const u = process.resourceUsage(); process.stderr.write("\\n" + JSON.stringify([u.userCPUTime + u.systemCPUTime, u.maxRSS])); }); await import(${JSON.stringify(new URL("../dist/cli.js", import.meta.url).href)});`;
  const run = spawnSync(process.execPath, ["--input-type=module", "-e", script, "seamlock", ...args], {
    encoding: "utf8",
  });
  const [micros, kilobytes] = JSON.parse(run.stderr.trim().split("\n").at(-1));
  return { seconds: micros / 1e6, megabytes: Math.round(kilobytes / 1024) };
}
