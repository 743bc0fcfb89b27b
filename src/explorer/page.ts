/** The HTML around the client. Nothing of the data is in it but what `text` escapes. */

/** Text as HTML shows it. */
export function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

interface Page {
  readonly title: string;
  /** The address at which the client begins where the browser names none: `#/hosts`. */
  readonly at?: string;
  /** Elements for the head, after the title. */
  readonly head: string;
  /** Elements after the place where the client draws. */
  readonly tail: string;
}

/** A whole document; the client draws into `#app`. */
export function page({ title, at = "", head, tail }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${text(title)}</title>
<link rel="icon" href="data:,">
${head}
</head>
<body>
<div id="app" data-at="${text(at)}"><p class="loading">seamlock is reading the facts …</p></div>
<noscript><p>The explorer needs JavaScript; \`seamlock report\` prints the same as text.</p></noscript>
${tail}
</body>
</html>
`;
}
