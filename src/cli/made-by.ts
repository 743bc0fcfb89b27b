/** The build of seamlock that made a document which is kept and taken up again. */
import { version } from "../../package.json";
import { ownEngine } from "./engine.ts";

export interface MadeBy {
  readonly version: string;
  /** A digest of the code that decides what a check finds (engine.ts). */
  readonly engine: string;
}

let own: MadeBy | null = null;

export function thisBuild(): MadeBy {
  own ??= { version, engine: ownEngine() };
  return own;
}

export const sameBuild = (a: MadeBy, b: MadeBy): boolean => a.version === b.version && a.engine === b.engine;

/** So many hexadecimal digits tell builds apart when a person reads them. */
const SHOWN = 12;

export const buildWords = ({ version: release, engine }: MadeBy): string =>
  `seamlock ${release}, engine ${engine.replace("sha256:", "").slice(0, SHOWN)}`;
