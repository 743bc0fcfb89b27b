import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/build-once.ts"],
    testTimeout: 30_000,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      // The process itself (signals, exit status) is tested on the built program, where coverage cannot look.
      exclude: ["src/cli/main.ts", "src/cli/process.ts"],
      reporter: ["text-summary", "json-summary"],
      thresholds: { lines: 80, functions: 80, branches: 70, statements: 80 },
    },
  },
});
