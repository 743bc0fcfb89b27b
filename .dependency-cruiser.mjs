// The import direction of ARCHITECTURE.md, as rules. A folder not in this table may not be imported by, or import, another one.
const MAY_IMPORT = {
  catalog: [],
  language: [],
  c: [],
  module: ["c", "catalog"],
  kernel: ["c", "catalog", "host"],
  host: ["catalog"],
  analysis: ["catalog", "host"],
  locks: ["catalog", "language"],
  model: ["catalog", "host", "locks", "language"],
  check: ["language"],
  simulate: ["language"],
  export: ["language"],
  trace: ["catalog", "host", "analysis", "language"],
  report: ["catalog", "host", "analysis", "language", "check", "simulate", "trace"],
  explorer: [
    "catalog",
    "c",
    "module",
    "kernel",
    "host",
    "analysis",
    "language",
    "locks",
    "model",
    "check",
    "simulate",
    "export",
    "trace",
    "report",
  ],
};

const direction = Object.entries(MAY_IMPORT).map(([folder, allowed]) => ({
  name: `direction-${folder}`,
  severity: "error",
  comment: `src/${folder} may import ${allowed.length === 0 ? "nothing of ours" : allowed.join(", ")} src/errors.ts and src/text.ts`,
  from: { path: `^src/${folder}/` },
  to: {
    path: "^src/",
    pathNot: `^src/((errors|text)\\.ts$|${["module", "kernel"].includes(folder) ? "cache\\.ts$|" : ""}(${[folder, ...allowed].join("|")})/)`,
  },
}));

export default {
  forbidden: [
    ...direction,
    {
      name: "known-folder",
      severity: "error",
      comment: "A new folder gets its row in the table above and in ARCHITECTURE.md first",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: `^src/(cli|${Object.keys(MAY_IMPORT).join("|")})/` },
    },
    {
      name: "through-the-front-door",
      severity: "error",
      comment: "A folder's public face is its index.ts",
      from: { path: "^src/([^/]+)(/|\\.ts$)" },
      to: { path: "^src/[^/]+/", pathNot: "^src/($1/|[^/]+/index\\.ts$)" },
    },
    {
      name: "errors-stand-alone",
      severity: "error",
      comment: "Every folder may import src/errors.ts and src/text.ts, so they import nothing of ours",
      from: { path: "^src/(errors|text)\\.ts$" },
      to: { path: "^src/" },
    },
    {
      name: "runs-in-a-browser",
      severity: "error",
      comment: "Only the walking of source trees, the command line and the explorer's server use Node's own modules",
      from: { path: "^src/", pathNot: "^src/((cache|folders)\\.ts$|(module|kernel|cli|explorer/server)(/|\\.ts$))" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolves", severity: "error", from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types", "default"] },
  },
};
