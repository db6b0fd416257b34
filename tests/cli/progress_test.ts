import { assert, assertEquals, assertMatch } from "@std/assert";
import { unicodeWidth } from "@std/cli/unicode-width";
import {
  fitColumns,
  formatProgress,
  PLAIN_LINE_MS,
  Progress,
} from "../../cli/progress.ts";
import { recorder } from "../support/output.ts";

Deno.test({
  name: "formatProgress - share, sizes, rate and ETA in one line",
  permissions: "none",
  fn() {
    const state = {
      label: "Hashing",
      done: 12 * 1024 ** 2,
      total: 40 * 1024 ** 2,
      rate: 1024 ** 2,
      details: ["3 peers"],
    };
    assertEquals(
      formatProgress(state, 200),
      "Hashing  30.0%  12.0 MiB / 40.0 MiB  1.00 MiB/s  ETA 28s  3 peers",
    );
    assertEquals(
      formatProgress({ ...state, done: state.total, details: [] }, 70, true),
      "Hashing  [##################]  100.0%  40.0 MiB / 40.0 MiB  1.00 MiB/s",
    );
    assert(formatProgress({ ...state, rate: 0 }, 200).includes("ETA –"));
    // One byte short is never shown as all.
    assert(
      formatProgress({ ...state, done: state.total - 1 }, 200).includes(
        "99.9%",
      ),
    );
    assertEquals(
      formatProgress({ ...state, total: 0 }, 200),
      "Hashing  12.0 MiB  1.00 MiB/s  3 peers",
    );
    assert(unicodeWidth(formatProgress(state, 30)) <= 30);
  },
});

Deno.test({
  name: "formatProgress - the label is cut first, then figures of less weight",
  permissions: "none",
  fn() {
    const state = {
      label: `天地${"x".repeat(300)}`,
      done: 12 * 1024 ** 2,
      total: 40 * 1024 ** 2,
      rate: 1024 ** 2,
      elapsedMs: 61_000,
      details: ["3 peers", "12/40 pieces"],
    };
    for (let columns = 1; columns < 200; columns++) {
      for (const withBar of [false, true]) {
        const line = formatProgress(state, columns, withBar);
        assert(unicodeWidth(line) <= columns, line);
        assertEquals(line.includes("30.0%"), columns >= 5, line);
        if (columns >= 24) assert(line.includes("1.00 MiB/s"), line);
        if (columns >= 36) assert(line.includes("ETA 28s"), line);
        if (columns >= 70) assert(line.includes("3 peers"), line);
        if (columns >= 100) assert(line.includes("1m 01s elapsed"), line);
        // A bar takes all that is left.
        if (withBar && columns >= 130) {
          assert(/\[#+-+\]/.test(line), line);
          assertEquals(unicodeWidth(line), columns, line);
        }
      }
    }
    const short = formatProgress({ ...state, label: "a" }, 160, true);
    assertEquals(unicodeWidth(short), 160);
    // To the column.
    const lines: [number, string][] = [
      [40, "天地xxxxxxx…  30.0%  1.00 MiB/s  ETA 28s"],
      [58, `天地${"x".repeat(25)}…  30.0%  1.00 MiB/s  ETA 28s`],
      [59, "天地xxxxx…  30.0%  12.0 MiB / 40.0 MiB  1.00 MiB/s  ETA 28s"],
      [
        68,
        "天地xxxxx…  30.0%  12.0 MiB / 40.0 MiB  1.00 MiB/s  ETA 28s  3 peers",
      ],
    ];
    for (const [columns, line] of lines) {
      assertEquals(formatProgress(state, columns), line);
    }
    // Nothing is counted: no figures of nothing.
    assertEquals(
      formatProgress({ ...state, label: "Waiting", total: -1 }, 80),
      "Waiting  3 peers  12/40 pieces  1m 01s elapsed",
    );
  },
});

Deno.test({
  name: "fitColumns - cuts by columns, not by characters",
  permissions: "none",
  fn() {
    assertEquals(fitColumns("abcdef", 6), "abcdef");
    assertEquals(fitColumns("abcdef", 5), "abcd…");
    assertEquals(fitColumns("天地玄黃", 5), "天地…");
    assertEquals(fitColumns("天地玄黃", 4), "天…");
    assertEquals(fitColumns("e\u0301e\u0301e\u0301", 2), "e\u0301…");
    assertEquals(fitColumns("🇩🇪🇫🇷", 3), "🇩🇪…");
    assertEquals(fitColumns("abc", 0), "");
    assertEquals(fitColumns("abc", 1), "…");
  },
});

Deno.test({
  name: "Progress - plain lines now and then when stderr is no terminal",
  permissions: "none",
  async fn() {
    const output = recorder();
    let now = 0;
    const progress = new Progress(output, {
      label: "Hashing",
      total: 1000,
      now: () => now,
    });
    for (; now < PLAIN_LINE_MS * 2.5; now += 100) progress.update(now / 100);
    await progress.stop();
    await progress.stop();
    assertEquals(output.err.length, 2);
    assert(output.err.every((line) => !line.includes("\x1b")));
    assert(output.err[0]!.startsWith("Hashing  10.0%"), output.err[0]);
    // Ten a second, measured over the last five.
    assert(/ (9|10|11) B\/s /.test(output.err[1]!), output.err[1]);

    const quiet = recorder();
    now = 0;
    const silent = new Progress(quiet, {
      label: "x",
      quiet: true,
      now: () => now,
    });
    for (; now < PLAIN_LINE_MS * 3; now += 1000) silent.update(now);
    silent.note("x");
    await silent.stop();
    assertEquals(quiet.err, []);
  },
});

Deno.test({
  name: "Progress - measures the rate wherever none is given",
  permissions: "none",
  async fn() {
    const output = recorder();
    let now = 0;
    const progress = new Progress(output, { label: "a", now: () => now });
    progress.update(0, { total: 100 << 20, rate: 7 });
    // What is checked now is not what was fetched before.
    for (now = 1000; now <= 10_000; now += 1000) {
      progress.update(now / 1000 << 20);
    }
    await progress.stop();
    assertEquals(output.err.length, 1);
    assertMatch(output.err[0]!, /1\.\d+ MiB\/s|10\d\d KiB\/s/);
  },
});
