/** The explorer as one file, made in Node. */
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { type ExplorerData, pack } from "../data.ts";
import { firstAnswers } from "../logic/questions.ts";
import { oneFilePage, STARTER, styleInside } from "../one-file-page.ts";
import { loadAssets } from "./assets.ts";

/**
 * The page with program, style and facts inside.
 *
 * @throws SeamlockError SL6003 when the client was not built
 */
export function oneFile(data: ExplorerData): string {
  const { program, style } = loadAssets();
  const parts = {
    title: `seamlock: TDX module ${data.initial.module}`,
    program: packed(program),
    data: packed(pack(data, firstAnswers(data))),
    style,
    at: "",
  };
  return oneFilePage(parts, { starter: hash(STARTER), style: hash(styleInside(style)) });
}

function hash(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}

function packed(content: string): string {
  return deflateRawSync(content, { level: 9 }).toString("base64");
}
