/** What `/metrics` answers, read by promtool of Prometheus. */
import { assert } from "@std/assert";
import { startBip } from "../support/bip.ts";
import { Daemon, DaemonServer } from "../../daemon/mod.ts";
import { TempDir } from "../support/paths.ts";
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

interopTest(
  "promtool takes the figures of a daemon",
  ["promtool"],
  async () => {
    await using dir = new TempDir();
    const listen = { hostname: "127.0.0.1", port: 0 };
    await using daemon = await Daemon.open({
      state: dir.join("state.db"),
      dir: dir.path,
      session: { dht: false, lpd: false, portMap: false, listen },
    });
    await using server = DaemonServer.open(daemon, { listen });
    await daemon.add(`magnet:?xt=urn:btih:${"ab".repeat(20)}`, {
      labels: ['a "label"\n'],
    });
    const text = await (await fetch(`${server.url}metrics`)).text();
    assert(text.includes("bip_event_loop_lag_seconds_bucket"), text);
    assert(text.includes("bip_label_torrents{label="), text);
    await checkMetrics(text);
  },
);
