/**
 * `bip tracker`: runs a UDP tracker, and an HTTP tracker on the same swarms.
 *
 * @module
 */
import { aborted } from "../../_shared/abort.ts";
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import { systemClock, within } from "../../_shared/clock.ts";
import { systemRandom } from "../../_shared/random.ts";
import type { SwarmLimits, SwarmStore } from "../../tracker/swarm_store.ts";
import { HttpTrackerServer } from "../../htracker/server.ts";
import { SwarmService } from "../../tracker/swarm_service.ts";
import { SwarmTable } from "../../tracker/swarm_table.ts";
import { KvSwarmStore } from "../../tracker/kv_swarm_store.ts";
import { UdpTrackerServer } from "../../utracker/server.ts";
import {
  type TrackerFigures,
  TrackerStatsServer,
} from "../../tracker/stats_server.ts";
import { patiently } from "../../tracker/kv_patience.ts";
import { ipOf } from "../address_options.ts";
import type { Arguments, Verb, VerbContext } from "../command.ts";
import { CommandError, describeError, UsageError } from "../error.ts";
import { EXIT_INTERRUPTED, EXIT_IO, EXIT_USAGE } from "../exit_code.ts";
import { InfoHashFile } from "./info_hash_file.ts";
import { onHangUp } from "../signals.ts";
import { listenError } from "../io_error.ts";
import type { Output } from "../terminal.ts";
import { plural, safeText } from "../text.ts";
import { formatDuration } from "../units.ts";

/** The port most UDP trackers use. */
const DEFAULT_PORT = 6969;
/** How often a port is looked for that is free for both protocols. */
const MAX_ATTEMPTS = 10;
/** How often figures are reported, in milliseconds. */
const REPORT_MS = 60_000;

/** How long reading figures may take, in milliseconds. */
const READ_MS = 3_000;

/** What the command line asks for. */
interface Plan {
  /** Addresses to try, the first that works is used; all were not named. */
  readonly hostnames: readonly string[];
  readonly port: number;
  /** `undefined` for the same as the UDP port, `null` for no HTTP. */
  readonly httpPort: number | null | undefined;
  readonly statsPort: number | undefined;
  readonly intervalMs: number;
  readonly limits: SwarmLimits;
}

function planOf(args: Arguments): Plan {
  args.exclude(["http-port", "no-http"]);
  const portOf = (name: string) => args.integer(name, 0, 65535);
  const capOf = (name: string) => args.integer(name, 1, 0x7fffffff);
  const listen = ipOf(args, "listen");
  const intervalMs = args.duration("interval") ?? 1_800_000;
  if (intervalMs < 1000 || intervalMs > 86_400_000) {
    throw new UsageError("--interval must be from 1 second to 1 day");
  }
  return {
    // The first one takes both families where the system has IPv6.
    hostnames: listen === undefined ? ["::", "0.0.0.0"] : [listen],
    port: portOf("port") ?? DEFAULT_PORT,
    httpPort: args.has("no-http") ? null : portOf("http-port"),
    statsPort: portOf("stats-port"),
    intervalMs,
    limits: {
      // A client that is a little late is still there.
      peerLifeMs: intervalMs * 1.25 + 120_000,
      maxPeers: capOf("max-peers"),
      maxTorrents: capOf("max-torrents"),
    },
  };
}

async function openStore(
  kv: string | undefined,
  limits: SwarmLimits,
): Promise<SwarmStore> {
  if (kv === undefined) {
    return new SwarmTable({ random: systemRandom, ...limits });
  }
  const { openKv } = Deno as { openKv?: typeof Deno.openKv };
  if (openKv === undefined) {
    throw new CommandError(
      EXIT_USAGE,
      "no-kv",
      "Cannot use --kv: this Deno was started without --unstable-kv",
    );
  }
  try {
    return new KvSwarmStore({
      // Another tracker may be about to open the same file.
      kv: await patiently(() => openKv(kv), {
        clock: systemClock,
        random: systemRandom,
      }),
      wallClock: Date.now,
      random: systemRandom,
      ...limits,
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new CommandError(
      EXIT_IO,
      "kv",
      `Cannot open the database ${kv}: ${describeError(error).message}`,
      { cause: error },
    );
  }
}

/** Opens at the first address that works. */
async function firstOf<T>(
  hostnames: readonly string[],
  port: number,
  open: (listen: Endpoint) => T | Promise<T>,
): Promise<T> {
  for (const hostname of hostnames.slice(0, -1)) {
    try {
      return await open({ hostname, port });
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) {
        throw listenError(error, `port ${port}`);
      }
      // Perhaps a machine without IPv6.
    }
  }
  const hostname = hostnames.at(-1)!;
  try {
    return await open({ hostname, port });
  } catch (error) {
    throw listenError(error, formatEndpoint({ hostname, port }));
  }
}

/** Opens the servers, and closes what it opened if one fails. */
async function openServers(
  { hostnames, port, httpPort }: Plan,
  service: SwarmService,
): Promise<{ udp: UdpTrackerServer; http: HttpTrackerServer | undefined }> {
  for (let attempt = 1;; attempt++) {
    const udp = await firstOf(
      hostnames,
      port,
      (listen) => UdpTrackerServer.open({ listen, service }),
    );
    if (httpPort === null) return { udp, http: undefined };
    const local = udp.locals[0]!;
    try {
      const http = await firstOf(
        [local.hostname],
        httpPort ?? local.port,
        (listen) => HttpTrackerServer.open({ listen, service }),
      );
      return { udp, http };
    } catch (error) {
      await udp.close();
      // A UDP port that was free may be taken as a TCP port.
      const isChosen = port !== 0 || httpPort !== undefined;
      if (isChosen || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/** Prints where it listens, and figures now and then. */
class TrackerReporter implements Disposable {
  readonly #output: Output;
  readonly #json: boolean;
  readonly #read: () => Promise<TrackerFigures>;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #startedAt = performance.now();

  constructor(
    output: Output,
    json: boolean,
    read: () => Promise<TrackerFigures>,
  ) {
    this.#output = output;
    this.#json = json;
    this.#read = read;
    this.#timer = setInterval(() => void this.report(), REPORT_MS);
  }

  listening(
    udp: Endpoint,
    http: Endpoint | undefined,
    stats: Endpoint | undefined,
  ): void {
    if (this.#json) {
      this.#output.printJson({
        type: "listening",
        address: udp.hostname,
        port: udp.port,
        httpPort: http?.port ?? null,
        statsPort: stats?.port ?? null,
      });
      return;
    }
    this.#output.print(`udp://${formatEndpoint(udp)}`);
    if (http !== undefined) {
      this.#output.print(`http://${formatEndpoint(http)}/announce`);
    }
    if (stats !== undefined) {
      this.#output.print(`statistics: http://${formatEndpoint(stats)}/stats`);
    }
  }

  /** Reports figures; those of a database that does not answer are missing. */
  async report(): Promise<void> {
    const read = this.#read().catch(() => undefined);
    const figures = await within(systemClock, READ_MS, read);
    if (figures === undefined) {
      return this.note("No statistics: the database did not answer");
    }
    if (this.#json) {
      return this.#output.printJson({ type: "stats", ...figures });
    }
    const swarms = figures.swarms as Record<string, number>;
    const up = formatDuration(performance.now() - this.#startedAt);
    this.#output.note(
      `${up}: ${
        [
          plural(swarms.torrents!, "torrent"),
          plural(swarms.seeders!, "seed"),
          plural(swarms.leechers!, "leecher"),
          plural(Number(figures.announces), "announce"),
        ].join(", ")
      }`,
    );
  }

  note(message: string): void {
    if (this.#json) {
      this.#output.printJson({ type: "warning", message });
    } else this.#output.note(safeText(message));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Opens and watches the lists; a hang-up signal reads them again. */
async function openLists(
  args: Arguments,
  service: SwarmService,
  warn: (message: string) => void,
  stack: AsyncDisposableStack,
): Promise<void> {
  const files: InfoHashFile[] = [];
  for (const name of ["allow", "deny"] as const) {
    const path = args.get(name);
    if (path === undefined) continue;
    files.push(stack.use(
      await InfoHashFile.open(path, (list) => service[name] = list, warn),
    ));
  }
  if (files.length === 0) return;
  stack.use(onHangUp(() => files.forEach((file) => void file.reload())));
}

/** `bip tracker` */
export const trackerVerb: Verb = {
  name: "tracker",
  summary: "Run a UDP and HTTP tracker",
  usage: "[--listen ADDR] [--port N] [OPTIONS]",
  details: [
    "HTTP and UDP share one port number and the same swarms.",
    "The files of --allow and --deny hold one info-hash of 40 hex digits per line. They are reloaded when they change, and on SIGHUP.",
    "With --kv, several trackers share their swarms, and a restart loses none. It needs --unstable-kv, and --allow-read and --allow-write for the file; or, for a service, --allow-env=DENO_KV_ACCESS_TOKEN and the token in that variable.",
    "When --max-peers or --max-torrents is reached, addresses with the most entries lose some. On a busy machine, raise the system's receive buffers (net.core.rmem_default on Linux).",
    "--stats-port serves statistics at /stats (JSON) and /metrics (Prometheus), on 127.0.0.1 unless --listen names an address.",
    '--json prints {"type":"listening", "address", "port", "httpPort", "statsPort"}, {"type":"stats", ...} every minute, and {"type":"warning", "message"}.',
  ],
  operands: [0, 0],
  operandNames: [],
  complete: "none",
  permissions: "--allow-net --allow-read=FILE --unstable-net",
  options: [
    {
      name: "listen",
      value: "ADDR",
      summary: "IP address to listen on (all, IPv4 and IPv6)",
    },
    {
      name: "port",
      value: "N",
      summary: "Port of UDP and HTTP, 0 for any (6969)",
    },
    {
      name: "http-port",
      value: "N",
      summary: "Port of HTTP if different, 0 for any",
    },
    { name: "no-http", summary: "Serve UDP only" },
    {
      name: "interval",
      value: "S",
      summary: "Time between announces of a client (1800)",
    },
    {
      name: "allow",
      value: "FILE",
      summary: "Serve only the torrents in this list",
      complete: "file",
    },
    {
      name: "deny",
      value: "FILE",
      summary: "Do not serve the torrents in this list",
      complete: "file",
    },
    {
      name: "kv",
      value: "PATH|URL",
      summary: "Keep swarms in a Deno KV database",
      complete: "file",
    },
    {
      name: "stats-port",
      value: "N",
      summary: "TCP port of the statistics (none)",
    },
    {
      name: "max-peers",
      value: "N",
      summary: "Maximum number of peers over all torrents (4000000)",
    },
    {
      name: "max-torrents",
      value: "N",
      summary: "Maximum number of torrents (1000000)",
    },
    { name: "json", summary: "Print one JSON object per line" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const plan = planOf(args);
    await using stack = new AsyncDisposableStack();
    const store = await openStore(args.get("kv"), plan.limits);
    stack.defer(() => store.close());
    const service = new SwarmService({ store, intervalMs: plan.intervalMs });
    const { udp, http } = await openServers(plan, service);
    stack.use(udp);
    stack.use(http);
    const { hostname } = udp.locals[0]!;
    const startedAt = performance.now();
    const read = async (): Promise<TrackerFigures> => ({
      uptime: Math.round((performance.now() - startedAt) / 1000),
      memory: Deno.memoryUsage().rss,
      ...await service.stats() as unknown as TrackerFigures,
      udp: { ...udp.stats() },
      http: http && { ...http.stats() },
    });
    const stats = plan.statsPort === undefined ? undefined : stack.use(
      await firstOf(
        // For this machine only, unless an address was named.
        [args.has("listen") ? hostname : "127.0.0.1"],
        plan.statsPort,
        (listen) => TrackerStatsServer.open({ listen, read }),
      ),
    );
    const reporter = stack.use(
      new TrackerReporter(output, args.has("json"), read),
    );
    await openLists(args, service, (message) => reporter.note(message), stack);
    reporter.listening(udp.locals[0]!, http?.local, stats?.local);
    await aborted(signal);
    await reporter.report();
    return EXIT_INTERRUPTED;
  },
};
