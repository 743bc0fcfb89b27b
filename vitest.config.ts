import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests that run what the build makes; the build takes a few seconds, so the other tests do not wait for it. */
const BUILT = ["test/cli/**/*.test.ts", "test/package/**/*.test.ts", "test/explorer/**/*.test.ts"];

export default defineConfig({
  test: {
    // A test waits for processes and browsers that share the machine with it, so the bound is far from what one takes.
    testTimeout: 60_000,
    // By default vitest leaves one core to itself, which on two cores means one test file at a time.
    maxWorkers: availableParallelism(),
    setupFiles: ["test/random-seed.ts"],
    projects: [
      { extends: true, test: { name: "source", include: ["test/**/*.test.ts"], exclude: BUILT } },
      { extends: true, test: { name: "built", include: BUILT, globalSetup: ["test/build-once.ts"] } },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // The process itself (signals, exit status) and the page are tested as built, where coverage cannot look.
      exclude: ["src/cli/main.ts", "src/cli/process.ts", "src/explorer/client/**"],
      reporter: ["text-summary", "json-summary"],
      thresholds: { lines: 80, functions: 80, branches: 70, statements: 80 },
    },
  },
});
