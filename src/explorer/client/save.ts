/** Saving what is seen. */

/** Hands a text to the browser as a file to save. */
export function saveText(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name.replaceAll(/[^\w.-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What a saved drawing looks like where the page's style is not. */
const SVG_STYLE = `
svg { background: #fff; font: 12px system-ui, sans-serif; }
text { fill: #1a1c20; font-size: 12px; } .tick { fill: #555b66; font-size: 11px; }
.exclusive { fill: #2f5fb3; stroke: #1d3f7a; } .shared { fill: url(#hatch); stroke: #1d3f7a; } .no_lock { fill: none; stroke: #555b66; stroke-dasharray: 4 3; }
.hatch-ground { fill: #dfe8f7; } .hatch-line { fill: #2f5fb3; opacity: .55; } .grid { stroke: #d5d8de; } .guest-time { fill: #f1e9d2; }
.call { fill: #e7eaf0; stroke: #b3b9c4; } .step { fill: #fff; stroke: #555b66; } .step.busy { fill: #b3261e; stroke: #7d1a15; } .step.busy + text { fill: #fff; }
.arrow { stroke: #b3261e; stroke-width: 2; fill: none; } .arrow-head { fill: #b3261e; } .flag { fill: #8a5a00; } .cursor { fill: #f5d35f; opacity: .35; } .holder { font-size: 11px; } .in-exclusive { fill: #fff; } .in-shared { paint-order: stroke; stroke: #fff; stroke-width: 3px; } .flag-line { stroke: #8a5a00; stroke-width: 2; stroke-dasharray: 2 3; }
.lane-actor { font-weight: 700; } .lane-ground { fill: #fff; }
`;

/** Saves the drawing of the figure that a button stands in, with its style inside. */
export function saveSvg(button: Element, name: string): void {
  const svg = button.closest("figure")?.querySelector("svg");
  if (!svg) return;
  const copy = svg.cloneNode(true) as SVGSVGElement;
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = SVG_STYLE;
  copy.prepend(style);
  saveText(name, "image/svg+xml", new XMLSerializer().serializeToString(copy));
}
