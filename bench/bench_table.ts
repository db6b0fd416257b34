/**
 * Benchmark rows as a Markdown table.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";

const HEAD = ["what", "ours", "peer", "ratio", "target", "met", "note"];

/** A cell may not end the row it is in. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s+/g, " ").trim();
}

function cells(row: BenchRow): string[] {
  const { name, ours, peer, ratio, target, met, note } = row;
  const missing = target !== undefined && met === undefined;
  return [
    name,
    ours,
    peer ?? (missing ? "not measured" : ""),
    // Of two times that are too short there is none.
    Number.isFinite(ratio) ? ratio!.toFixed(2) : "",
    target ?? "",
    met === undefined ? (missing ? "not measured" : "") : met ? "yes" : "NO",
    note ?? "",
  ].map(cell);
}

/**
 * Formats rows as an aligned Markdown table.
 *
 * @param rows The rows.
 * @returns The table, ending with a newline.
 */
export function formatBenchTable(rows: readonly BenchRow[]): string {
  const table = [HEAD, ...rows.map(cells)];
  // A column that is empty throughout, such as the notes, is left out.
  const used = HEAD.map((_, i) => table.slice(1).some((row) => row[i] !== ""));
  const kept = table.map((row) => row.filter((_, i) => used[i]));
  const widths = (kept[0] ?? []).map((_, i) =>
    Math.max(3, ...kept.map((row) => [...row[i]!].length))
  );
  const line = (row: readonly string[], fill = " ") =>
    `| ${
      row.map((text, i) => text + fill.repeat(widths[i]! - [...text].length))
        .join(" | ")
    } |`;
  const [head, ...body] = kept;
  return [
    line(head!),
    line(head!.map(() => ""), "-"),
    ...body.map((row) => line(row)),
    "",
  ].join("\n");
}
