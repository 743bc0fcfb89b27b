/**
 * The Catalog: what one version of the TDX module does with its locks, as facts.
 *
 * Everything downstream (tables, contention, models) is derived from a Catalog and nothing else about the module. The JSON form
 * (`seamlock/catalog@1`) has exactly these fields; what each means stands in schema.ts, which the types are inferred from.
 */
import type { z } from "zod";
import type * as schemas from "./schema.ts";

/** The same, read-only all the way down. */
export type Frozen<T> = T extends readonly (infer Item)[]
  ? readonly Frozen<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Frozen<T[Key]> }
    : T;
type Of<Name extends keyof typeof schemas> = Frozen<z.infer<(typeof schemas)[Name]>>;

export type LockKind = Of<"lockKindSchema">;
export type LockMode = Of<"lockModeSchema">;
export type Side = Of<"sideSchema">;
export type Site = Of<"siteSchema">;
export type Operand = Of<"operandSchema">;
export type TdOf = Of<"tdSchema">;
export type PageSize = Of<"pageSizeSchema">;
export type Release = Of<"releaseSchema">;
/** The place of a {@link Release} alone. */
export type ReleasePlace = PlaceOf<Release>;
type PlaceOf<R> = R extends { readonly function: string }
  ? Pick<R, "kind" & keyof R> & Pick<R, "function">
  : Pick<R, "kind" & keyof R>;
export type ReleaseOrder = Of<"releaseOrderSchema">;
export type Acquisition = Of<"acquisitionSchema">;
export type OtherBusy = Of<"otherBusySchema">;
export type StatusDetail = Of<"statusDetailSchema">;
export type StatusPart = Of<"statusPartSchema">;
export type StatusSource = Of<"statusSourceSchema">;
export type Leaf = Of<"leafSchema">;
export type BitField = Of<"bitFieldSchema">;
export type LockPrimitive = Of<"primitiveSchema">;
export type LockDefinition = Of<"lockDefinitionSchema">;
export type Severity = Of<"severitySchema">;
export type Diagnostic = Of<"diagnosticSchema">;
export type ModuleInfo = Of<"moduleInfoSchema">;
export type Coverage = Of<"coverageSchema">;
export type Catalog = Of<"catalogSchema">;

/** A place for people: `FILE:LINE`, or the file alone where the line is not known. */
export const placeText = ({ file, line }: Pick<Site, "file" | "line">): string => (line > 0 ? `${file}:${line}` : file);

/** The fixed resource names, in the order in which reports list them. */
export const RESOURCES = [
  "TDR",
  "KOT",
  "TDCS",
  "TDVPR",
  "TDCS_EPOCH",
  "SEPT_TREE",
  "SEPT_ENTRY",
  "PAGE",
  "PAMT_2M",
  "PAMT_1G",
  "WBT",
  "GLOBAL",
  "TDMR",
  "MIG",
  "MIGSC",
  "RTMR",
  "SERVTD_BINDINGS",
  "IOMMU_CONFIG",
  "TDINV",
  "DEVIFMT_ENTRY",
  "MMIOMT_ENTRY",
  "DMAR_ENTRY",
  "SPDMDIR_ENTRY",
  "SPDM_INFO_TX",
  "SPDM_INFO_RX",
  "MEM_SCAN",
  "MEM_SCAN_CONTEXT",
] as const;
