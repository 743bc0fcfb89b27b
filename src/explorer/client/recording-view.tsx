/** A recording of a host: who was BUSY, who held the lock and how sure that is, what took long, and what the profile rules out. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { outcomesText } from "../../report/index.ts";
import { thousands } from "../../text.ts";
import type { TraceDocument } from "../../trace/index.ts";
import { bothNames } from "../logic/lock-names.ts";
import { busyPicture, durationText, episodePicture, type RecordedPicture } from "../logic/recording-lanes.ts";
import { type Column, LeafLink, Picture, Table } from "./parts.tsx";
import type { OpenedRecording } from "./run-engine.ts";

type Document = TraceDocument;
type Pair = Document["busy"]["pairs"][number];
type Surprise = Document["surprises"][number];
type Busy = Document["busy"]["shown"][number];
type Episode = Document["episodes"]["worst"][number];

/** The view of what was opened. */
export function RecordingView({ opened }: { readonly opened: OpenedRecording }): VNode {
  if (opened.kind === "reading") {
    return (
      <p class="progress" role="status">
        <progress value={opened.share} max={1} aria-label="How far the file is read" /> reading {opened.name}
      </p>
    );
  }
  const { document, name, notes } = opened;
  const { recording, busy, episodes, surprises } = document;
  return (
    <>
      <h2>
        The recording {name}, module {document.module.version}
        {document.host === null ? "" : `, ${document.host}`}
      </h2>
      {notes.map((note) => (
        <p key={note} class="notice">
          {note}
        </p>
      ))}
      <p class="quoted">
        {thousands(busy.count)} of {thousands(recording.calls)} calls returned BUSY: who held the lock is certain of{" "}
        {thousands(busy.byCertainty.certain)}, likely of {thousands(busy.byCertainty.likely)}, possible of{" "}
        {thousands(busy.byCertainty.possible)} and unknown of {thousands(busy.byCertainty.none)}.{" "}
        {thousands(episodes.count)} {episodes.count === 1 ? "time" : "times"} a call was refused and had to get through
        {episodes.count === 0
          ? "."
          : `, which took ${durationText(episodes.lost)} in all: ${outcomesText(episodes.outcomes)}.`}{" "}
        {surprises.length === 0
          ? document.host === null
            ? ""
            : "Nothing was seen that the host profile rules out."
          : `${thousands(surprises.length)} things were seen that the host profile rules out.`}
      </p>
      {surprises.length === 0 ? null : (
        <Table caption="Ruled out, and seen" columns={SURPRISES} rows={surprises} file="surprises" empty="" />
      )}
      <Table
        caption="Who was BUSY against whom"
        columns={PAIRS}
        rows={busy.pairs}
        file="recorded-busy"
        empty="No call was BUSY."
      />
      <Closer document={document} />
      {document.diagnostics.length === 0 ? null : (
        <details>
          <summary>{document.diagnostics.length} remarks on the recording itself</summary>
          <ul class="tight">
            {document.diagnostics.map(({ code, severity, message, line }) => (
              <li key={`${code} ${line} ${message}`}>
                {severity} {code}
                {line === null ? "" : `, line ${line}`}: {message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

const PAIRS: readonly Column<Pair>[] = [
  { head: "Call", text: (p) => p.leaf, show: (p) => <LeafLink name={p.leaf} /> },
  { head: "On", text: (p) => bothNames(p.resource) },
  { head: "Held by", text: (p) => p.by },
  { head: "How sure", text: (p) => p.certainty },
  { head: "Times", numeric: true, text: (p) => thousands(p.count) },
];

const SURPRISES: readonly Column<Surprise>[] = [
  { head: "What", text: (s) => s.what },
  { head: "Ruled out by", text: (s) => s.excludedBy.join("; ") || "–" },
  { head: "Times", numeric: true, text: (s) => thousands(s.count) },
];

/** One BUSY, or one try that took long, on the lanes of its CPUs. */
function Closer({ document }: { readonly document: Document }): VNode | null {
  const { shown } = document.busy;
  const { worst } = document.episodes;
  const [chosen, choose] = useState("busy 0");
  const [kind = "", at = "0"] = chosen.split(" ");
  const busy = kind === "busy" ? shown[Number(at)] : undefined;
  const episode = kind === "episode" ? worst[Number(at)] : undefined;
  if (shown.length + worst.length === 0) return null;
  return (
    <section aria-labelledby="closer">
      <h3 id="closer">Looked at closely</h3>
      <label class="field no-copy">
        <span>Which</span>
        <select value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
          {shown.map((one, i) => (
            <option key={`busy ${i}`} value={`busy ${i}`}>
              BUSY {i + 1}: {busyWords(one)}
            </option>
          ))}
          {worst.map((one, i) => (
            <option key={`episode ${i}`} value={`episode ${i}`}>
              long {i + 1}: {episodeWords(one)}
            </option>
          ))}
        </select>
      </label>
      {busy === undefined ? null : (
        <>
          <Lanes picture={busyPicture(busy)} title={busyWords(busy)} />
          <p>
            How sure: <b>{busy.certainty}</b>
            {busy.doubts.length === 0 ? "" : `; in doubt: ${busy.doubts.join(", ")}`}
            {busy.chain.length === 0 ? "" : `. Called by ${busy.chain.join(" ← ")}`}
          </p>
        </>
      )}
      {episode === undefined ? null : <Lanes picture={episodePicture(episode)} title={episodeWords(episode)} />}
    </section>
  );
}

function busyWords({ call, resources, culprits }: Busy): string {
  const by = [...new Set(culprits.map(({ leaf, kind }) => leaf ?? kind))];
  return `${call.leaf} on ${resources.join(" or ")}, held by ${by.join(" or ") || "nobody seen"}`;
}

function episodeWords({ leaf, lost, tries, outcome }: Episode): string {
  return `${leaf}, ${durationText(lost)}, ${tries} tries, ${outcome}`;
}

const LEFT = 170;
const LANE = 30;
const WIDTH = 900;
const CLASSES = { busy: "step busy", culprit: "exclusive", other: "call" } as const;

function Lanes({ picture, title }: { readonly picture: RecordedPicture; readonly title: string }): VNode {
  const { lanes, from, to } = picture;
  if (lanes.length === 0) return <p class="dim">The recording does not show what ran meanwhile.</p>;
  const x = (time: number): number => LEFT + ((time - from) / (to - from)) * (WIDTH - 10);
  const height = 24 + lanes.length * LANE;
  return (
    <Picture title={title} file="recorded" width={LEFT + WIDTH} height={height}>
      <text class="tick" x={LEFT} y={14}>
        0
      </text>
      <text class="tick" x={LEFT + WIDTH - 12} y={14} text-anchor="end">
        {durationText(to - from)}
      </text>
      {lanes.map(({ name, spans }, i) => (
        <g key={name}>
          <text x={LEFT - 8} y={24 + i * LANE + 18} text-anchor="end" class="lane-actor">
            {name}
          </text>
          {spans.map((span) => {
            const width = Math.max(4, x(span.to) - x(span.from));
            return (
              <g key={`${span.label} ${span.from}`}>
                <title>{span.title}</title>
                <rect
                  class={CLASSES[span.kind]}
                  x={x(span.from)}
                  y={26 + i * LANE}
                  width={width}
                  height={LANE - 6}
                  rx={3}
                />
                <text
                  class={span.kind === "other" ? "" : "holder in-exclusive"}
                  x={x(span.from) + 5}
                  y={24 + i * LANE + 18}
                >
                  {span.label.length * 7 + 8 > width ? "" : span.label}
                </text>
              </g>
            );
          })}
        </g>
      ))}
    </Picture>
  );
}
