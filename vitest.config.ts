import { defineConfig } from "vitest/config";

/** Tests that run what the build makes; the build takes a few seconds, so the other tests do not wait for it. */
const BUILT = ["test/cli/**/*.test.ts", "test/package/**/*.test.ts", "test/explorer/**/*.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 30_000,
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
