/** Which profiles are bundled ones: those of that name that were read from the same source. */
import { expect, test } from "vitest";
import { type HostProfile, isBundledHost } from "../../src/host/index.ts";
import { HOSTS, host } from "./profile.ts";

const read = host("linux-7.3").extracted;
const elsewhere: HostProfile["extracted"] = read && { ...read, digest: `sha256:${"0".repeat(64)}` };

test.each(HOSTS)("%s is a bundled one, and not what has its name and another source, or another name", (name) => {
  const profile = host(name);
  expect(isBundledHost(profile)).toBe(true);
  expect(isBundledHost({ ...profile, extracted: elsewhere })).toBe(false);
  for (const other of ["mine", "constructor", "__proto__"])
    expect(isBundledHost({ ...profile, name: other })).toBe(false);
});
