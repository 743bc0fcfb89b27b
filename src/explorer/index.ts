/** The explorer: a page that shows what the library computes, served on the loopback interface or written as one file. */
export { hostsBefore, modulesBefore } from "./before.ts";
export type { ExplorerData, NamedHost, NamedModule } from "./data.ts";
export type { Excerpts } from "./excerpts.ts";
export { excerptsOf } from "./server/excerpts.ts";
export { oneFile } from "./server/one-file.ts";
export { type Explorer, serve } from "./server/server.ts";
