import { assert, assertEquals } from "@std/assert";
import { formatMetrics, Histogram } from "../../../_shared/metrics.ts";
import {
  type DaemonFigures,
  daemonMetrics,
} from "../../../daemon/figures/daemon_metrics.ts";

const none = () => new Histogram([1]).snapshot();
const totals = {
  downloadedBytes: 7,
  uploadedBytes: 8,
  torrentsAdded: 1,
  runs: 1,
  activeMs: 1500,
};

function figures(torrents: DaemonFigures["torrents"]): DaemonFigures {
  return {
    daemon: {
      torrents: 2,
      running: 1,
      stopped: 1,
      downloadRate: 3,
      uploadRate: 4,
      peers: 2,
      current: totals,
      total: totals,
    },
    session: {
      torrents: 2,
      peers: 2,
      bufferedBytes: 0,
      handshakes: {
        queued: 5,
        halfOpen: 6,
        pendingInbound: 0,
        established: 0,
        connected: { inbound: 1, outbound: 2 },
        failed: { timeout: 3 },
      } as unknown as DaemonFigures["session"]["handshakes"],
      disk: { read: none(), write: none(), verify: none() },
    },
    dht: { goodNodes: 9 },
    torrents,
    lag: none(),
    memoryBytes: 1000,
    heapBytes: 600,
  };
}

const torrent = (
  label: string,
  client: string,
): DaemonFigures["torrents"] extends Iterable<infer T> ? T : never => ({
  status: "seeding",
  labels: label === "" ? [] : [label],
  downloadedBytes: 10,
  uploadedBytes: 20,
  peers: [{ client, transport: "utp" }],
  trackers: ["working"],
});

Deno.test({
  name: "torrents are summed up by state, label, client and transport",
  permissions: "none",
  fn() {
    const text = formatMetrics(daemonMetrics(figures([
      torrent("tv", "qBittorrent 4.5.2"),
      torrent("tv", "qBittorrent/4.6"),
      torrent("", "µTorrent v3"),
    ])));
    for (
      const line of [
        "bip_uptime_seconds 1.5",
        "bip_downloaded_bytes_total 7",
        'bip_handshakes_total{direction="outbound"} 2',
        'bip_handshakes_failed_total{reason="timeout"} 3',
        'bip_torrents{state="seeding"} 3',
        'bip_label_torrents{label="tv"} 2',
        'bip_label_torrents{label=""} 1',
        'bip_label_uploaded_bytes{label="tv"} 40',
        'bip_client_peers{client="qBittorrent"} 2',
        'bip_client_peers{client="µTorrent"} 1',
        'bip_transport_peers{transport="utp"} 3',
        'bip_trackers{state="working"} 3',
        'bip_disk_seconds_count{work="verify"} 0',
        "bip_event_loop_lag_seconds_count 0",
        "bip_dht_good_nodes 9",
        "bip_memory_bytes 1000",
        "bip_heap_bytes 600",
      ]
    ) assert(text.includes(`\n${line}\n`), `${line}\n${text}`);
  },
});

Deno.test({
  name: "peers cannot make more samples than a few",
  permissions: "none",
  fn() {
    const many = Array.from(
      { length: 500 },
      (_, i) => torrent(`label ${i}`, `Client${i}x`),
    );
    for (const { samples } of daemonMetrics(figures(many))) {
      assert(samples.length <= 51);
    }
    const clients = daemonMetrics(figures(many))
      .find(({ name }) => name === "bip_client_peers")!;
    assertEquals(clients.samples.at(-1), {
      labels: { client: "other" },
      value: 450,
    });
  },
});

Deno.test("a client that calls itself as the rest is called comes once", () => {
  for (const count of [3, 49, 50, 200]) {
    const torrents = Array.from(
      { length: count },
      (_, i) =>
        torrent("", i < 3 ? "other" : `c${String.fromCharCode(300 + i)}`),
    );
    const metric = daemonMetrics(figures(torrents)).find(({ name }) =>
      name.endsWith("client_peers")
    )!;
    const samples = metric.samples as {
      labels: { client: string };
      value: number;
    }[];
    const names = samples.map(({ labels }) => labels.client);
    assertEquals(new Set(names).size, names.length, `${count}`);
    const sum = samples.reduce((sum, { value }) => sum + value, 0);
    assertEquals(sum, count);
  }
});
