/** What `/metrics` answers, read by promtool of Prometheus. */
import { assert } from "@std/assert";
import { startBip } from "../support/bip.ts";
import { Daemon, DaemonServer } from "../../daemon/mod.ts";
import { TempDir } from "../support/paths.ts";
import { interopTest } from "./programs.ts";
import { checkMetrics, checkRules } from "./promtool.ts";

async function metricsOf(args: string[]): Promise<string> {
  await using bip = startBip([...args, "--stats-port", "0", "--json"]);
  const { statsPort } = await bip.line("listening");
  return await (await fetch(`http://127.0.0.1:${statsPort}/metrics`)).text();
}

const trackerFigures = () =>
  metricsOf(["tracker", "--listen", "127.0.0.1", "--port", "0"]);

const dhtFigures = () =>
  metricsOf([
    "dht",
    "node",
    "--listen",
    "127.0.0.1",
    "--bootstrap",
    "127.0.0.1:1",
  ]);

/**
 * Those of a daemon with a tracker, a peer, and one that cannot be reached, so
 * that none is left out.
 */
async function daemonFigures(): Promise<string> {
  await using dir = new TempDir();
  const listen = { hostname: "127.0.0.1", port: 0 };
  const open = (name: string) =>
    Daemon.open({
      state: dir.join(name),
      dir: dir.path,
      session: { dht: false, lpd: false, portMap: false, listen },
    });
  await using daemon = await open("a.db");
  await using other = await open("b.db");
  await using server = DaemonServer.open(daemon, { listen });
  const magnet = `magnet:?xt=urn:btih:${"ab".repeat(20)}`;
  await daemon.add(
    `${magnet}&tr=${
      encodeURIComponent("http://127.0.0.1:1/")
    }&x.pe=127.0.0.1:65534`,
    {
      labels: ['a "label"\n'],
    },
  );
  await other.add(`${magnet}&x.pe=127.0.0.1:${daemon.session.local!.port}`);
  for (let n = 0; n < 100; n++) {
    const text = await (await fetch(`${server.url}metrics`)).text();
    const has = (name: string) => text.includes(`\n${name}{`);
    if (has("bip_client_peers") && has("bip_handshakes_failed_total")) {
      return text;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("The peer does not come");
}

interopTest(
  "promtool takes the figures of a tracker",
  ["promtool"],
  async () => {
    const text = await trackerFigures();
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
    const text = await dhtFigures();
    assert(text.includes("\nbip_dht_good_nodes 0\n"), text);
    await checkMetrics(text);
  },
);

interopTest(
  "promtool takes the figures of a daemon",
  ["promtool"],
  async () => {
    const text = await daemonFigures();
    assert(text.includes("bip_event_loop_lag_seconds_bucket"), text);
    assert(text.includes("bip_label_torrents{label="), text);
    await checkMetrics(text);
  },
);

const docs = (name: string) =>
  Deno.readTextFile(new URL(`../../docs/${name}`, import.meta.url));

interface Panel {
  readonly title: string;
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

const panels = async (): Promise<readonly Panel[]> =>
  JSON.parse(await docs("grafana.json")).panels;

interopTest(
  "the dashboard and the guide ask for figures that there are",
  [],
  async () => {
    const texts = [trackerFigures(), dhtFigures(), daemonFigures()];
    const printed = (await Promise.all(texts)).join("");
    const names = new Set(
      [...printed.matchAll(/^(bip_\w+)/gm)].map(([, name]) => name!),
    );
    for (const file of ["grafana.json", "metrics.md"]) {
      // `bip_` alone stands for all that begin so, `bip_dht_` as well.
      const asked = (await docs(file)).match(/\bbip_\w*[a-z]\b/g)!;
      assert(asked.length > 3, file);
      const histogram = (name: string) =>
        file === "metrics.md" && names.has(`${name}_bucket`);
      for (const name of asked) {
        assert(names.has(name) || histogram(name), `${file}: ${name}`);
      }
    }
  },
);

interopTest(
  "the dashboard groups and names by labels that there are",
  [],
  async () => {
    const texts = [trackerFigures(), dhtFigures(), daemonFigures()];
    const printed = (await Promise.all(texts)).join("");
    // Prometheus adds where it is from.
    const labelsOf = (name: string) =>
      new Set([
        "instance",
        ...[...printed.matchAll(new RegExp(`^${name}{(.*)} `, "gm"))]
          .flatMap(([, labels]) => labels!.match(/\w+(?==")/g) ?? []),
      ]);
    let count = 0;
    for (const { title, targets = [] } of await panels()) {
      for (const { expr, legendFormat } of targets) {
        const groups = [...expr.matchAll(/\bby \(([^)]*)\)/g)]
          .flatMap(([, list]) => list!.split(", "));
        const selected = expr.match(/\w+(?=[=!]~?")/g) ?? [];
        const there = labelsOf(/bip_\w+/.exec(expr)![0]);
        for (const label of [...groups, ...selected]) {
          assert(there.has(label), `${title}: ${label}`);
        }
        // What is summed up has no other labels left.
        const isSum = /\b(sum|max)\b/.test(expr);
        for (const [, label] of legendFormat.matchAll(/{{(\w+)}}/g)) {
          const left = isSum ? new Set(groups) : there;
          assert(left.has(label!), `${title}: {{${label}}}`);
          count++;
        }
      }
    }
    assert(count > 10);
  },
);

interopTest(
  "promtool understands each query of the dashboard, and the guide's rules",
  ["promtool"],
  async () => {
    const queries = (await panels())
      .flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    assert(queries.length > 20);
    const rules = queries.map((expr, n) => ({
      record: `query:${n}`,
      expr: expr.replaceAll("$__rate_interval", "5m")
        .replaceAll("$instance", ".*"),
    }));
    const alerts = /^# rules\.yml\n(.*?)^```/ms.exec(await docs("metrics.md"));
    await checkRules(JSON.stringify({ groups: [{ name: "x", rules }] }));
    await checkRules(alerts![1]!);
  },
);
