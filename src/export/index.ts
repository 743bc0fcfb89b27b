/** A Model or a Trace in other tools' languages. */
export { type ExportedCheck, type PromelaExport, toPromela } from "./promela.ts";
export { type TlaExport, toTla } from "./tla.ts";
export { toMermaid, toPerfetto } from "./trace.ts";
