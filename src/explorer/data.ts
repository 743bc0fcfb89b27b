/** What the explorer shows: one document, which its server and the one-file report both carry. */
import type { Catalog } from "../catalog/index.ts";
import type { HostProfile } from "../host/index.ts";

/** A module under the name by which the command line and URLs know it. */
export interface NamedModule {
  readonly name: string;
  readonly catalog: Catalog;
}

/** A host under the name by which the command line and URLs know it. */
export interface NamedHost {
  readonly name: string;
  readonly profile: HostProfile;
}

/** A scenario file, as its author wrote it. */
export interface ScenarioFile {
  readonly name: string;
  readonly text: string;
}

/** `seamlock/explorer@1`. Modules stand oldest first. */
export interface ExplorerData {
  readonly schema: "seamlock/explorer@1";
  readonly modules: readonly NamedModule[];
  readonly hosts: readonly NamedHost[];
  readonly scenarios: readonly ScenarioFile[];
  /** What a URL that names no module or host means. */
  readonly initial: { readonly module: string; readonly host: string | null };
}
