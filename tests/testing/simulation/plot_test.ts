import { assert, assertEquals } from "@std/assert";
import { plotSvg } from "../../../testing/simulation/plot.ts";

Deno.test({
  name: "lines are drawn to scale, texts are escaped",
  permissions: "none",
  fn() {
    const svg = plotSvg({
      title: "a < b & c",
      x: "x",
      y: "y",
      series: [
        { name: "one", points: [[0, 0], [50, 5], [100, 10]] },
        { name: "none", points: [] },
      ],
    });
    assert(svg.includes(">a &lt; b &amp; c</text>"));
    // From the lower left corner to the upper right one.
    assert(svg.includes('d="M64.0 352.0L384.0 196.0L704.0 40.0"'), svg);
    assert(svg.includes(">100</text>") && svg.includes(">10</text>"));
    // The line of what has no points is left out, its name is not.
    assertEquals(svg.match(/fill="none"/g)!.length, 1);
    assert(svg.includes(">none</text>"));
    assert(svg.startsWith("<svg ") && svg.endsWith("</svg>\n"));
  },
});

Deno.test({
  name: "a chart of nothing is empty, not broken",
  permissions: "none",
  fn() {
    const svg = plotSvg({ title: "t", x: "x", y: "y", series: [] });
    assert(!svg.includes("NaN") && !svg.includes("Infinity"), svg);
  },
});
