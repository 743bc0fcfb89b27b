/** What an address is about, in few words: tabs and mails go by it. */
import { hostTitle } from "../../report/index.ts";
import type { ExplorerData } from "../data.ts";
import { comparedOf, hostOf, moduleOf, secondHostOf } from "./choice.ts";
import type { Route, View } from "./route.ts";
import { requestOf, requestWords, wantedKind } from "./run-request.ts";

/** The views, as tabs name them. */
export const TITLES: Readonly<Record<View, string>> = {
  home: "Home",
  matrix: "Matrix",
  calls: "Calls",
  resources: "Locks",
  versions: "Versions",
  hosts: "Hosts",
  runs: "Runs",
  explain: "Explain",
};

const LONGEST = 60;

/** `tdh_mem_track × tdh_vp_enter, 1.5.25, Linux 6.19`; the address has no fault. */
export function titleOf(route: Route, data: ExplorerData): string {
  const { view, params } = route;
  const module = moduleOf(data, params).name;
  const host = hostOf(data, params);
  const where = [module, ...(host === null ? [] : [hostTitle(host.name)])].join(", ");
  const own = (name: string): string => params[name] ?? "";
  switch (view) {
    case "home":
    case "matrix":
      return own("a") === "" ? `${TITLES[view]}: ${where}` : `${own("a")} × ${own("b")}: ${where}`;
    case "calls":
      return `${own("leaf") || "Calls"}: ${where}`;
    case "resources":
      return `${own("resource") || "Locks"}: ${where}`;
    case "versions": {
      const about = own("leaf") === "" ? "" : `, ${own("leaf")}`;
      return `${comparedOf(data, params).name} → ${module}${about}`;
    }
    case "hosts": {
      const second = secondHostOf(data, params);
      const name = host === null ? "Hosts" : hostTitle(host.name);
      return `${second === null ? name : `${hostTitle(second.name)} → ${name}`}, ${module}`;
    }
    case "runs":
      return requestWords(requestOf(wantedKind(params) ?? "check", params, data), data);
    case "explain": {
      const line = own("line").trim().split("\n")[0] ?? "";
      return line === "" ? "Explain" : line.length > LONGEST ? `${line.slice(0, LONGEST)} …` : line;
    }
  }
}
