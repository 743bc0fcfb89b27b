/** Variants of leaves by their version: their names, `version=0` and `version>=1`, are made and read here and nowhere else. */

/** Versions of a leaf, from the first to the last; without a last one all later ones too. */
export interface Versions {
  readonly from: number;
  readonly to: number | null;
}

/** The name of the variant for some versions. */
export const versionVariant = ({ from, to }: Versions): string =>
  to === from ? `version=${from}` : `version>=${from}`;

/** The versions that a variant is for; null for one that is told apart by something else. */
export function versionsOf(variant: string | null): Versions | null {
  const [, relation, digits] = /^version(=|>=)(\d+)$/.exec(variant ?? "") ?? [];
  if (relation === undefined) return null;
  const from = Number(digits);
  return { from, to: relation === "=" ? from : null };
}
