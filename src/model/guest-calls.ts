/** The TDCALLs on SEPT entries that a scenario's guest makes. */
import type { Leaf } from "../catalog/index.ts";
import { type BoolExpr, eq, type IntLike, type IntRef } from "../language/index.ts";
import {
  acceptBody,
  attributesBody,
  type GuestBody,
  lateAcceptBody,
  Sept,
  type SeptView,
  type SizedBody,
  sized,
} from "./sept.ts";

/** A TDCALL of the guest. */
export interface GuestCall {
  /** Labels start with it. */
  readonly prefix: string;
  readonly leaf: Leaf;
  readonly body: SizedBody;
  /** It is only told apart where its walk, before it locks the entry, found that free. */
  readonly late?: true;
  /** When its walk goes on below a page's entry, to one of a small page, which nobody else takes here. */
  readonly below?: (page: IntLike) => BoolExpr;
}

/** Which of them it makes. */
interface Makes {
  readonly accepts: boolean;
  /** Do accepts walk to the entry in a step of its own? */
  readonly walksFirst: boolean;
  readonly readsAttributes: boolean;
  readonly writesAttributes: boolean;
}

/** What they work on. */
interface On {
  readonly view: SeptView;
  readonly page: IntRef;
  /** May the page be one of 2 MB that was split? */
  readonly resized: boolean;
  /** Does TDG.MEM.PAGE.ATTR.WR write the entry, in a way that others can see? */
  readonly rewrites: boolean;
}

/** The calls in a stated order. */
export function guestCallsOf(
  { accepts, walksFirst, readsAttributes, writesAttributes }: Makes,
  leaves: Readonly<Record<"accept" | "readAttributes" | "writeAttributes", Leaf>>,
  { view, page, resized, rewrites }: On,
): GuestCall[] {
  const { accept, readAttributes, writeAttributes } = leaves;
  const whole = (body: GuestBody): SizedBody => (resized ? sized(body, view.state(page)) : body);
  const attributes = (leaf: Leaf, note: string, writes: boolean): GuestBody =>
    attributesBody(view, leaf, page, note, writes);
  const calls: GuestCall[] = [];
  if (accepts) calls.push({ prefix: "accept", leaf: accept, body: whole(acceptBody(view, accept, page)) });
  if (accepts && walksFirst)
    calls.push({ prefix: "late accept", leaf: accept, body: lateAcceptBody(view, page), late: true });
  if (readsAttributes)
    calls.push({
      prefix: "read attributes",
      leaf: readAttributes,
      body: attributes(readAttributes, "the page's attributes are read", false),
      // It takes what a walk to the smallest entry ends at (vm_exits/tdg_mem_page_attr_rd.c:55 and 75 to 79).
      ...(resized && { below: (at: IntLike) => eq(view.state(at), Sept.NL_MAPPED) }),
    });
  if (writesAttributes)
    calls.push({
      prefix: "write attributes",
      leaf: writeAttributes,
      body: whole(attributes(writeAttributes, "the page's attributes are written", rewrites)),
    });
  return calls;
}
