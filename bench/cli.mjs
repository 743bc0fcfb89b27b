/**
 * How long the program takes to start, as ratios to `node -e 0` on the same machine: `npm run bench:cli`.
 *
 * Every round runs each command once, one after the other, so that a machine that slows down slows all of them. Medians are compared.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";

const ROUNDS = Number(process.argv[2] ?? 21);
const cli = join(import.meta.dirname, "..", "dist", "cli.js");
const commands = [
  { name: "node -e 0", args: ["-e", "0"], limit: null },
  { name: "seamlock --version", args: [cli, "--version"], limit: 1.8 },
  { name: "seamlock report", args: [cli, "report"], limit: 4 },
  { name: "seamlock contend tdh_mem_track --json", args: [cli, "contend", "tdh_mem_track", "--json"], limit: null },
];

function milliseconds(args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  const time = performance.now() - start;
  if (status !== 0) throw new Error(`exit status ${status}: ${stderr}`);
  return time;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

const times = commands.map(() => []);
for (let round = -1; round < ROUNDS; round++) {
  commands.forEach(({ args }, i) => {
    const time = milliseconds(args);
    // The first round fills the file cache.
    if (round >= 0) times[i].push(time);
  });
}

const base = median(times[0]);
console.log(`node ${process.version}, ${cpus().length} x ${cpus()[0]?.model}, ${ROUNDS} alternating rounds, medians`);
commands.forEach(({ name, limit }, i) => {
  const ratio = median(times[i]) / base;
  const verdict = limit === null ? "" : `  limit ${limit}  ${ratio <= limit ? "ok" : "MISSED"}`;
  console.log(`${name.padEnd(40)} ${median(times[i]).toFixed(1).padStart(7)} ms  x${ratio.toFixed(2)}${verdict}`);
});
