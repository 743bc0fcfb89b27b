/** The parts of a conclusion, in their order. */
export const SECTIONS = ["runtime", "build", "teardown", "late", "exceptional"] as const;
