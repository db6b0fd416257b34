/** What `/metrics` answers, read by promtool of Prometheus. */
import { assert } from "@std/assert";
import { startBip } from "../support/bip.ts";
import { interopTest } from "./programs.ts";
import { checkMetrics } from "./promtool.ts";

async function metricsOf(args: string[]): Promise<string> {
  await using bip = startBip([...args, "--stats-port", "0", "--json"]);
  const { statsPort } = await bip.line("listening");
  return await (await fetch(`http://127.0.0.1:${statsPort}/metrics`)).text();
}

interopTest(
  "promtool takes the figures of a tracker",
  ["promtool"],
  async () => {
    const text = await metricsOf([
      "tracker",
      "--listen",
      "127.0.0.1",
      "--port",
      "0",
    ]);
    assert(text.includes("\nbip_tracker_udp_announces_total 0\n"), text);
    // Every figure has a text.
    assert(!text.includes(" Counts "), text);
    await checkMetrics(text);
  },
);

interopTest(
  "promtool takes the figures of a DHT node",
  ["promtool"],
  async () => {
    const text = await metricsOf([
      "dht",
      "node",
      "--listen",
      "127.0.0.1",
      "--bootstrap",
      "127.0.0.1:1",
    ]);
    assert(text.includes("\nbip_dht_good_nodes 0\n"), text);
    await checkMetrics(text);
  },
);
