/**
 * `bip portmap`: tries whether the gateway maps ports.
 *
 * @module
 */
import { aborted } from "../../_shared/abort.ts";
import { deadlineSignal, systemClock } from "../../_shared/clock.ts";
import { PortMapper } from "../../portmap/port_mapper.ts";
import type { PortMapping } from "../../portmap/types.ts";
import { ipOf } from "../address_options.ts";
import type { Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, EXIT_IO } from "../exit_code.ts";
import { formatDuration } from "../units.ts";

const DEFAULT_PORT = 6881;
const DEFAULT_SECONDS = 15;
const MAX_SECONDS = 600;
/** Names of the protocols. */
const NAMES = { "pcp": "PCP", "nat-pmp": "NAT-PMP", "upnp": "UPnP" } as const;

/** Waits for a mapping; `undefined` when time is up or the person stops. */
async function firstMapping(
  mapper: PortMapper,
  signal: AbortSignal,
): Promise<PortMapping | undefined> {
  const events = mapper.events()[Symbol.asyncIterator]();
  const stopped = aborted(signal).then(() => undefined);
  while (true) {
    const next = await Promise.race([events.next(), stopped]);
    const event = next?.value;
    if (event === undefined) return undefined;
    if (event.type === "mapped") return event.mapping;
    if (event.type === "failed") {
      throw new CommandError(
        EXIT_IO,
        "unavailable",
        `The gateway did not map a port: ${event.reason}`,
      );
    }
  }
}

/** `bip portmap` */
export const portmapVerb: Verb = {
  name: "portmap",
  summary: "Test port mapping on the gateway",
  usage: "[--gateway ADDR] [--port N] [--timeout S] [--json]",
  details: [
    "Maps a TCP port on the gateway by PCP, NAT-PMP or UPnP, shows the mapping, and removes it.",
    "The gateway is that of the default route, which is found on Linux with all permissions (-A) only; otherwise name it with --gateway.",
    '--json prints {"gateway", "protocol", "externalAddress", "externalPort", "port", "lifetimeSeconds"}; what is unknown is null.',
    "Exit code 0 if a port was mapped, 6 if not.",
  ],
  operands: [0, 0],
  operandNames: [],
  complete: "none",
  permissions: "--allow-net --allow-sys=networkInterfaces",
  options: [
    { name: "gateway", value: "ADDR", summary: "IP address of the gateway" },
    {
      name: "port",
      value: "N",
      summary: `Port to map (${DEFAULT_PORT})`,
    },
    {
      name: "timeout",
      value: "S",
      summary: `Give up after this long (${DEFAULT_SECONDS})`,
    },
    { name: "json", summary: "Print one JSON object" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const gateway = ipOf(args, "gateway");
    const port = args.integer("port", 1, 65535) ?? DEFAULT_PORT;
    const ms = args.duration("timeout") ?? DEFAULT_SECONDS * 1000;
    if (ms < 1 || ms > MAX_SECONDS * 1000) {
      throw new UsageError("--timeout must be more than 0 and at most 10m");
    }
    await using mapper = await PortMapper.open({
      ports: [{ protocol: "tcp", port }],
      gateway,
    });
    if (mapper.gateway === undefined) {
      throw new CommandError(
        EXIT_IO,
        "unavailable",
        "No gateway found; name it with --gateway ADDR",
      );
    }
    using deadline = deadlineSignal(
      systemClock,
      ms,
      "The gateway does not answer",
      signal,
    );
    const mapping = await firstMapping(mapper, deadline.signal);
    if (mapping === undefined) {
      if (signal.aborted) return EXIT_INTERRUPTED;
      throw new CommandError(
        EXIT_IO,
        "timeout",
        `Gateway ${mapper.gateway} did not map a port within ${
          formatDuration(ms)
        }`,
      );
    }
    const { externalAddress, externalPort, via, lifetimeMs } = mapping;
    if (args.has("json")) {
      output.printJson({
        gateway: mapping.gateway,
        protocol: via,
        externalAddress: externalAddress ?? null,
        externalPort,
        port,
        lifetimeSeconds: lifetimeMs === Infinity ? null : lifetimeMs / 1000,
      });
    } else {
      output.print(`Gateway   ${mapping.gateway}`);
      output.print(`Protocol  ${NAMES[via]}`);
      output.print(`External  ${externalAddress ?? "unknown"}:${externalPort}`);
    }
    return EXIT_DONE;
  },
};
