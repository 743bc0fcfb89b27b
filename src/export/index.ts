/** A Model or a Trace in other tools' languages. */
export { toPromela } from "./promela.ts";
export { type TlaExport, toTla } from "./tla.ts";
export { toMermaid, toPerfetto } from "./trace.ts";
