/** The parts of a TD's life. */
export const PARTS = ["runtime", "build", "teardown"] as const;
export type Part = (typeof PARTS)[number];

/** The parts of a conclusion, in their order. */
export const SECTIONS = [...PARTS, "late", "exceptional"] as const;
