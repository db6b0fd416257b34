/**
 * Port mapping on real sockets.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import { ipScope, tryParseIp } from "../_shared/address.ts";
import {
  type ByteConnection,
  type ByteTransport,
  tcpTransport,
  writeAll,
} from "../_shared/byte_conn.ts";
import { type Clock, deadlineSignal, systemClock } from "../_shared/clock.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
} from "../_shared/datagram.ts";
import { Driver } from "../_shared/drive.ts";
import { EventHub } from "../_shared/event_queue.ts";
import { HttpResponseDecoder } from "../_shared/http/http_response.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { encodeHttpRequest, type HttpRequest } from "./codec/http.ts";
import { parseGateway } from "./codec/route.ts";
import {
  type PortMapInput,
  PortMapMachine,
  type PortMapOutput,
} from "./port_map_machine.ts";
import type { HttpResult } from "./protocol/client.ts";
import type { PortMapEvent, PortMapping, PortRequest } from "./types.ts";

/** Where Linux says which gateway there is. */
const ROUTES = "/proc/net/route";
/** Time between two looks for another gateway, in ms. */
const LOOK_MS = 60_000;
/** Time for an HTTP request, however slowly its answer comes, in ms. */
const HTTP_MS = 10_000;
/** Longest body of its answer, in bytes. */
const MAX_BODY = 65_536;

/** Options of {@linkcode PortMapper.open}. */
export interface PortMapperOptions {
  /** What is to be mapped: 1 to 50 ports. */
  readonly ports: readonly PortRequest[];
  /**
   * IP address of the gateway, or what finds it; it is asked every minute.
   *
   * @default the default route's, on Linux, where all is permitted
   */
  readonly gateway?: string | (() => Promise<string | undefined>) | undefined;
  /**
   * Our own IP address on the way to the gateway.
   *
   * @default that of the interface which has the gateway in its network, if
   * `--allow-sys=networkInterfaces` is granted; without it there is no PCP
   */
  readonly local?: string | undefined;
  /** Opens sockets. @default a real UDP socket */
  readonly socket?:
    | ((options: DatagramOptions) => Promise<DatagramSocket>)
    | undefined;
  /** Makes connections to the gateway. @default {tcpTransport} */
  readonly transport?: ByteTransport | undefined;
  /** Clock to use. @default the system's clock */
  readonly clock?: Clock | undefined;
  /** Where random bytes come from. @default the system's source */
  readonly random?: RandomSource | undefined;
  /** Closes the mapper. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks the gateway to lead ports of its own to ours, by PCP, NAT-PMP or UPnP,
 * keeps the mappings alive and removes them at the end.
 *
 * Tell others the external port of a mapping, not your own: gateways may pick
 * another one. Nothing is sent to anybody but the gateway, and its UPnP service
 * is searched by multicast.
 *
 * @example
 * ```ts ignore
 * import { PortMapper } from "@bip/bip/portmap";
 *
 * const ports = [{ protocol: "tcp", port: 6881 }] as const;
 * await using mapper = await PortMapper.open({ ports });
 * for await (const event of mapper.events()) {
 *   if (event.type === "mapped") console.log(event.mapping.externalPort);
 * }
 * ```
 */
export class PortMapper implements AsyncDisposable {
  readonly #options: PortMapperOptions;
  readonly #clock: Clock;
  readonly #machine: PortMapMachine;
  readonly #driver: Driver<PortMapInput, PortMapOutput>;
  readonly #hub = new EventHub<PortMapEvent>();
  readonly #tasks = new Set<Promise<void>>();
  readonly #ended = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #socket: DatagramSocket | undefined;
  #cancelLook = () => {};
  #detachSignal = () => {};
  #isClosing = false;

  private constructor(options: PortMapperOptions) {
    const { clock = systemClock, random = systemRandom, ports } = options;
    this.#options = options;
    this.#clock = clock;
    this.#machine = new PortMapMachine({ ports, random });
    this.#driver = new Driver<PortMapInput, PortMapOutput>(this.#machine, {
      clock,
      perform: (output) => this.#perform(output),
    });
  }

  /**
   * Starts to map. Needs `--allow-net`.
   *
   * @param options See {@linkcode PortMapperOptions}.
   * @returns The mapper, which may still be asking.
   * @throws {RangeError} If a port makes no sense. Whatever the system says
   * when no socket can be opened; the signal's reason if it was aborted.
   */
  static async open(options: PortMapperOptions): Promise<PortMapper> {
    const { signal, gateway } = options;
    signal?.throwIfAborted();
    if (typeof gateway === "string" && tryParseIp(gateway) === undefined) {
      throw new RangeError(
        `Cannot ask gateway "${gateway}": it must be an IP address`,
      );
    }
    const mapper = new PortMapper(options);
    try {
      await mapper.#look();
      signal?.throwIfAborted();
    } catch (error) {
      await mapper.close();
      throw error;
    }
    mapper.#detachSignal = onAborted(signal, () => void mapper.close());
    return mapper;
  }

  /** The gateway that is asked, if one was found. */
  get gateway(): string | undefined {
    return this.#machine.gateway;
  }

  /** Resolves when the mappings are removed and nothing is open. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Tells what is mapped.
   *
   * @returns A snapshot.
   */
  mappings(): readonly PortMapping[] {
    return this.#machine.mappings;
  }

  /**
   * Subscribes to what happens from now on; mappings that exist come first.
   *
   * @returns Events, of which 4096 wait for a slow reader. They end when the
   * mapper closes.
   */
  events(): AsyncIterable<PortMapEvent> {
    const known = this.mappings()
      .map((mapping) => ({ type: "mapped", mapping }) as const);
    return this.#hub.subscribe({}, this.#isClosing ? [] : known);
  }

  /**
   * Removes the mappings, within 2 s, and closes. Idempotent.
   *
   * @returns {@linkcode PortMapper.closed}.
   */
  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#detachSignal();
      this.#cancelLook();
      this.#hub.close();
      this.#driver.input({ type: "close" });
    }
    return this.#closed.promise;
  }

  /** Same as {@linkcode PortMapper.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #perform(output: PortMapOutput): void {
    if (output.type === "send") {
      // What is not sent is not answered: it is tried again.
      this.#socket?.send(output.data, output.to).catch(() => {});
    } else if (output.type === "request") {
      this.#track(this.#request(output.id, output.request));
    } else if (output.type === "event") {
      this.#hub.publish(output.event);
    } else this.#end();
  }

  #end(): void {
    this.#driver.close();
    this.#ended.abort();
    this.#socket?.close();
    Promise.allSettled([...this.#tasks]).then(() => this.#closed.resolve());
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    const forget = () => this.#tasks.delete(task);
    task.then(forget, forget);
  }

  /** Looks which gateway there is, and for a socket to speak to it. */
  async #look(): Promise<void> {
    const { gateway = systemGateway } = this.#options;
    const found = typeof gateway === "string" ? gateway : await gateway();
    const local = found && (this.#options.local ?? localAddress(found));
    if (found !== undefined && this.#socket === undefined) {
      const { socket: open = openDatagramSocket } = this.#options;
      const hostname = found.includes(":") ? "::" : "0.0.0.0";
      const socket = await open({ hostname: local ?? hostname });
      if (this.#isClosing) return socket.close();
      this.#socket = socket;
      this.#track(this.#receive(socket));
    }
    if (this.#isClosing) return;
    this.#driver.input({ type: "gateway", gateway: found, local });
    if (typeof gateway !== "string") this.#later();
  }

  #later(): void {
    if (this.#isClosing) return;
    this.#cancelLook = this.#clock.schedule(
      this.#clock.now() + LOOK_MS,
      () => this.#track(this.#look().catch(() => this.#later())),
    );
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    for (let one; (one = await socket.receive()) !== undefined;) {
      this.#driver.input({
        type: "datagram",
        data: one.data,
        from: one.from,
      });
    }
  }

  async #request(id: number, request: HttpRequest): Promise<void> {
    using deadline = deadlineSignal(
      this.#clock,
      HTTP_MS,
      "The gateway takes too long",
      this.#ended.signal,
    );
    const { transport = tcpTransport } = this.#options;
    const result = await exchange(transport, request, deadline.signal)
      .catch((error): HttpResult => ({
        error: error instanceof Error ? error.message : String(error),
      }));
    this.#driver.input({ type: "response", id, result });
  }
}

/** One request and its answer, bounded by the reader and the signal. */
async function exchange(
  transport: ByteTransport,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResult> {
  const { hostname, port } = new URL(request.url);
  const remote = { hostname, port: Number(port || 80) };
  const conn = await transport.connect(remote, { signal });
  const forget = onAborted(signal, () => conn.close());
  try {
    signal.throwIfAborted();
    return await readAnswer(conn, request);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    forget();
    conn.close();
  }
}

/** Follows no redirect and unpacks nothing. */
async function readAnswer(
  conn: ByteConnection,
  request: HttpRequest,
): Promise<HttpResult> {
  await writeAll(conn, encodeHttpRequest(request));
  const decoder = new HttpResponseDecoder();
  const body = new Uint8Array(MAX_BODY);
  let length = 0;
  const buffer = new Uint8Array(4096);
  while (!decoder.done) {
    const count = await conn.read(buffer);
    if (count === null) {
      decoder.end();
      continue;
    }
    for (const part of decoder.push(buffer.subarray(0, count))) {
      if (length + part.length > MAX_BODY) {
        return { error: "The answer is too long" };
      }
      body.set(part, length);
      length += part.length;
    }
  }
  const { status, fields } = decoder.head!;
  const isPacked = fields.some(([name, value]) =>
    name === "content-encoding" && value.toLowerCase() !== "identity"
  );
  return isPacked
    ? { error: "The answer is compressed" }
    : { status, body: body.slice(0, length), local: conn.local.hostname };
}

/** The default gateway, without asking the user for a permission. */
async function systemGateway(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  const query = { name: "read", path: ROUTES } as const;
  if (Deno.permissions.querySync(query).state !== "granted") return undefined;
  try {
    return parseGateway(await Deno.readTextFile(ROUTES));
  } catch {
    // Deno guards /proc: it can be read only where all is permitted.
    return undefined;
  }
}

/** Our address in the network of the gateway, if we may know it. */
function localAddress(gateway: string): string | undefined {
  const query = { name: "sys", kind: "networkInterfaces" } as const;
  if (Deno.permissions.querySync(query).state !== "granted") return undefined;
  const ip = tryParseIp(gateway);
  if (ip === undefined || ipScope(ip) === "unspecified") return undefined;
  for (const { address, cidr } of Deno.networkInterfaces()) {
    const ours = tryParseIp(address);
    const length = Number(cidr.split("/")[1]);
    if (ours?.length === ip.length && isWithin(ip, ours, length)) {
      return address;
    }
  }
  return undefined;
}

function isWithin(a: Uint8Array, b: Uint8Array, length: number): boolean {
  for (let i = 0; 8 * i < length; i++) {
    const shift = Math.max(0, 8 - (length - 8 * i));
    if (a[i]! >> shift !== b[i]! >> shift) return false;
  }
  return true;
}
