import { assertEquals } from "@std/assert";
import {
  figureFamilies,
  formatMetrics,
  Histogram,
} from "../../_shared/metrics.ts";

const permissions: Deno.PermissionOptions = "none";

Deno.test({
  name: "families are written with help, type and escaped labels",
  permissions,
  fn() {
    assertEquals(
      formatMetrics([
        {
          name: "a_total",
          help: "Counts\\a\nline.",
          type: "counter",
          samples: [
            { value: 3 },
            { labels: { name: 'x"y\\z\n', kind: "k" }, value: 0.5 },
          ],
        },
        { name: "none", help: "No samples.", type: "gauge", samples: [] },
        {
          name: "b",
          help: "B.",
          type: "gauge",
          samples: [{ value: Infinity }, { value: -Infinity }, { value: NaN }],
        },
      ]),
      [
        "# HELP a_total Counts\\\\a\\nline.",
        "# TYPE a_total counter",
        "a_total 3",
        'a_total{name="x\\"y\\\\z\\n",kind="k"} 0.5',
        "# HELP b B.",
        "# TYPE b gauge",
        "b +Inf",
        "b -Inf",
        "b NaN",
        "",
      ].join("\n"),
    );
  },
});

Deno.test({
  name: "a histogram counts by bucket, and writes them summed up",
  permissions,
  fn() {
    const histogram = new Histogram([0.1, 1]);
    for (const value of [0.05, 0.1, 0.5, 1.5, 2]) histogram.observe(value);
    assertEquals(histogram.counts, [2, 1, 2]);
    assertEquals(
      formatMetrics([{
        name: "wait_seconds",
        help: "Waits.",
        type: "histogram",
        samples: [{ labels: { disk: "a" }, value: histogram }],
      }]),
      [
        "# HELP wait_seconds Waits.",
        "# TYPE wait_seconds histogram",
        'wait_seconds_bucket{disk="a",le="0.1"} 2',
        'wait_seconds_bucket{disk="a",le="1"} 3',
        'wait_seconds_bucket{disk="a",le="+Inf"} 5',
        'wait_seconds_sum{disk="a"} 4.15',
        'wait_seconds_count{disk="a"} 5',
        "",
      ].join("\n"),
    );
  },
});

Deno.test({
  name: "a figure takes its text from the table, or its name from its path",
  permissions,
  fn() {
    assertEquals(
      figureFamilies(
        { up: 1, udp: { badIds: 2, none: undefined }, constructor: 5 },
        { up: ["up_seconds", "gauge", "Up."] },
        "x",
      ).map(({ name, type, help }) => [name, type, help]),
      [
        ["x_up_seconds", "gauge", "Up."],
        ["x_udp_bad_ids_total", "counter", "Counts udp.badIds."],
        ["x_constructor_total", "counter", "Counts constructor."],
      ],
    );
  },
});
