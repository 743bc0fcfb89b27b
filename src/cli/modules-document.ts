import { z } from "zod";

/** `seamlock/modules@1`: oldest version first, published tables last. */
export const modulesSchema = z.strictObject({
  schema: z.literal("seamlock/modules@1"),
  modules: z.array(
    z.strictObject({
      version: z.string().min(1),
      origin: z.enum(["extracted", "published"]),
      repository: z.string().nullable().describe("owner/name of a public repository"),
      revision: z.string().nullable().describe("commit of that repository"),
      leaves: z.int().min(0).describe("leaves, not counting variants"),
    }),
  ),
});

export type ModulesDocument = z.infer<typeof modulesSchema>;
