/**
 * Port mapping as a pure machine: which protocol works, which ports are mapped
 * and when each has to be asked for again.
 *
 * @module
 */
import {
  type Endpoint,
  ipScope,
  normalizeHostname,
  tryParseIp,
} from "../_shared/address.ts";
import { type Machine, TimerTable } from "../_shared/machine.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { HttpRequest } from "./codec/http.ts";
import {
  type ClientOutput,
  type HttpResult,
  type MappingClient,
  portKey,
} from "./protocol/client.ts";
import { NatPmpClient } from "./protocol/nat_pmp_client.ts";
import { PcpClient } from "./protocol/pcp_client.ts";
import { UpnpClient } from "./protocol/upnp_client.ts";
import type {
  PortMapEvent,
  PortMapping,
  PortMapProtocol,
  PortRequest,
} from "./types.ts";

/** Most ports that are mapped. */
const MAX_PORTS = 50;
/** How long the better protocols may go first, in ms. */
const NAT_PMP_AFTER_MS = 750;
const UPNP_AFTER_MS = 1000;
/** When everything is tried again after it failed, in ms. */
const AGAIN_MS = 2 * 60 * 60_000;
/** Shares of its life after which a mapping is asked for again. */
const RENEW = { "pcp": 0.75, "nat-pmp": 0.5, "upnp": 0.75 } as const;
/** Bounds of a life that are believed, and the least time between requests, in ms. */
const MIN_LIFE_MS = 20_000;
const MAX_LIFE_MS = 24 * 60 * 60_000;
const MIN_WAIT_MS = 10_000;
/** A permanent mapping is looked after that often, in ms. */
const PERMANENT_MS = 60 * 60_000;
/** A port that is refused is asked for again after so long, doubling, in ms. */
const REFUSED_MS = 60_000;
const MAX_REFUSED_MS = 30 * 60_000;
/** How long removing may take, in ms. */
const CLOSE_MS = 2000;

/** Options of {@linkcode PortMapMachine}. */
export interface PortMapMachineOptions {
  /** What is to be mapped: 1 to 50 ports. */
  readonly ports: readonly PortRequest[];
  /** Where random bytes come from. */
  readonly random: RandomSource;
}

/** What happens to a {@linkcode PortMapMachine}. */
export type PortMapInput =
  | {
    /** There is a gateway, another one, or none any more. */
    readonly type: "gateway";
    /** Its IP address. */
    readonly gateway: string | undefined;
    /** Our address on the way to it; PCP needs it. */
    readonly local: string | undefined;
  }
  | {
    readonly type: "datagram";
    readonly data: Uint8Array;
    readonly from: Endpoint;
  }
  | {
    /** What came of a request. */
    readonly type: "response";
    /** That of the request. */
    readonly id: number;
    readonly result: HttpResult;
  }
  /** Everything is to be removed. */
  | { readonly type: "close" };

/** What a {@linkcode PortMapMachine} wants done. */
export type PortMapOutput =
  | { readonly type: "send"; readonly data: Uint8Array; readonly to: Endpoint }
  | {
    /** An HTTP request to the gateway, to be answered within 10 s. */
    readonly type: "request";
    readonly id: number;
    readonly request: HttpRequest;
  }
  | { readonly type: "event"; readonly event: PortMapEvent }
  /** Everything is removed, as far as the gateway answered. */
  | { readonly type: "closed" };

interface Entry {
  readonly request: PortRequest;
  mapping: PortMapping | undefined;
  expiresAt: number;
  /** When it came to be as it is, in ms. */
  changedAt: number;
  /** When it is asked for again; `undefined` while it is being asked for. */
  renewAt: number | undefined;
  refusals: number;
}

/** Maps ports on one gateway at a time. */
export class PortMapMachine implements Machine<PortMapInput, PortMapOutput> {
  readonly #random: RandomSource;
  readonly #entries = new Map<string, Entry>();
  readonly #outputs: PortMapOutput[] = [];
  readonly #timers = new TimerTable<"nat-pmp" | "upnp" | "again" | "close">();
  #gateway: string | undefined;
  #local: string | undefined;
  #clients = new Map<PortMapProtocol, MappingClient>();
  /** The protocol that works. */
  #chosen: PortMapProtocol | undefined;
  /** Why the others do not, and which ports they refused before that. */
  #failures = new Map<PortMapProtocol, string>();
  #refused = new Map<PortMapProtocol, Set<string>>();
  /** Requests under way, of which only those of these clients are answered. */
  readonly #requests = new Map<number, MappingClient>();
  #nextId = 1;
  #state: "open" | "closing" | "closed" = "open";

  /**
   * Makes a machine that knows no gateway yet.
   *
   * @param options See {@linkcode PortMapMachineOptions}.
   * @throws {RangeError} If there are no or too many ports, or one is none.
   */
  constructor(options: PortMapMachineOptions) {
    const { ports, random } = options;
    this.#random = random;
    if (ports.length < 1 || ports.length > MAX_PORTS) {
      throw new RangeError(
        `Cannot map ${ports.length} ports: it must be 1 to ${MAX_PORTS}`,
      );
    }
    for (const { protocol, port } of ports) {
      if (!Number.isInteger(port) || port < 1 || port > 65535) {
        throw new RangeError(
          `Cannot map port ${port}: it must be an integer from 1 to 65535`,
        );
      }
      const request = { protocol, port };
      this.#entries.set(portKey(request), {
        request,
        mapping: undefined,
        expiresAt: Infinity,
        changedAt: -Infinity,
        renewAt: undefined,
        refusals: 0,
      });
    }
  }

  /** The mappings there are. */
  get mappings(): PortMapping[] {
    return [...this.#entries.values()].flatMap((entry) => entry.mapping ?? []);
  }

  /** The gateway that is asked, if there is one. */
  get gateway(): string | undefined {
    return this.#gateway;
  }

  /** When {@linkcode PortMapMachine.handleTimeout} is due, in ms. */
  get deadline(): number | undefined {
    if (this.#state === "closed") return undefined;
    let first = this.#timers.deadline ?? Infinity;
    for (const client of this.#clients.values()) {
      first = Math.min(first, client.deadline ?? Infinity);
    }
    if (this.#state === "open") {
      for (const { renewAt = Infinity, expiresAt } of this.#entries.values()) {
        first = Math.min(first, renewAt, expiresAt);
      }
    }
    return first === Infinity ? undefined : first;
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in ms.
   */
  handle(input: PortMapInput, now: number): void {
    if (this.#state === "closed") return;
    if (input.type === "datagram") {
      for (const client of [...this.#clients.values()]) {
        client.receive(input.data, input.from, now);
      }
    } else if (input.type === "response") {
      const client = this.#requests.get(input.id);
      this.#requests.delete(input.id);
      client?.respond?.(input.result, now);
    } else if (input.type === "close") this.#close(now);
    else if (this.#state === "open") this.#meet(input, now);
    this.#settle(now);
  }

  /**
   * Takes the next output.
   *
   * @returns What to do, or `undefined`.
   */
  poll(): PortMapOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Sends what is due.
   *
   * @param now The time in ms.
   */
  handleTimeout(now: number): void {
    if (this.#state === "closed") return;
    for (const client of this.#clients.values()) client.handleTimeout(now);
    for (let due; (due = this.#timers.takeDue(now)) !== undefined;) {
      if (due === "close") return this.#end();
      if (due === "again") this.#begin(now);
      else this.#ask(due, now);
    }
    if (this.#state === "open") this.#renewDue(now);
    this.#settle(now);
  }

  #tell(event: PortMapEvent): void {
    this.#outputs.push({ type: "event", event });
  }

  #meet(
    { gateway, local }: Extract<PortMapInput, { readonly type: "gateway" }>,
    now: number,
  ): void {
    const address = gateway && normalizeHostname(gateway);
    if (address === this.#gateway && local === this.#local) return;
    this.#gateway = address;
    this.#local = local;
    for (const entry of this.#entries.values()) this.#drop(entry);
    this.#tell({ type: "gateway", gateway: address });
    this.#begin(now);
  }

  /** Asks the gateway from the beginning. */
  #begin(now: number): void {
    this.#clients.clear();
    this.#requests.clear();
    this.#failures.clear();
    this.#refused.clear();
    this.#chosen = undefined;
    this.#clearTimers();
    for (const entry of this.#entries.values()) entry.renewAt = undefined;
    const gateway = this.#gateway;
    if (gateway === undefined) return;
    const isIpv4 = !gateway.includes(":");
    const [random, local] = [this.#random, this.#local];
    if (isIpv4) {
      const ip = tryParseIp(gateway);
      const isMulticast = ip !== undefined && ipScope(ip) !== "loopback";
      const upnp = new UpnpClient(gateway, random, { local, isMulticast });
      this.#clients.set("nat-pmp", new NatPmpClient(gateway));
      this.#clients.set("upnp", upnp);
      this.#timers.set("nat-pmp", now + NAT_PMP_AFTER_MS);
      this.#timers.set("upnp", now + UPNP_AFTER_MS);
      upnp.search(now);
    }
    if (local === undefined) {
      return this.#fail("pcp", "our own address is not known", now);
    }
    this.#clients.set("pcp", new PcpClient(gateway, local, random));
    this.#ask("pcp", now);
  }

  #clearTimers(): void {
    for (const name of ["nat-pmp", "upnp", "again"] as const) {
      this.#timers.clear(name);
    }
  }

  /** Asks for every port in one protocol. */
  #ask(via: PortMapProtocol, now: number): void {
    for (const { request } of this.#entries.values()) {
      this.#clients.get(via)?.request(request, request.port, now);
    }
  }

  /** Takes what the protocols have to say. */
  #settle(now: number): void {
    for (const [via, client] of [...this.#clients]) {
      for (let output; (output = client.outputs.shift()) !== undefined;) {
        if (this.#clients.get(via) !== client) break;
        this.#take(via, client, output, now);
      }
    }
    if (this.#state !== "closing") return;
    if (!this.#clients.values().some((client) => client.isBusy)) this.#end();
  }

  #take(
    via: PortMapProtocol,
    client: MappingClient,
    output: ClientOutput,
    now: number,
  ): void {
    if (output.type === "send") this.#outputs.push(output);
    else if (output.type === "request") {
      const id = this.#nextId++;
      this.#requests.set(id, client);
      this.#outputs.push({ type: "request", id, request: output.request });
    } else if (output.type === "granted") this.#granted(via, output, now);
    else if (this.#state !== "open") return;
    else if (output.type === "failed") this.#fail(via, output.reason, now);
    else if (output.type === "refused") {
      this.#refuse(via, output.request, output.reason, now);
    } else if (via === this.#chosen) {
      for (const entry of this.#entries.values()) {
        if (entry.renewAt !== undefined) entry.renewAt = now;
      }
      this.#renewDue(now);
    }
  }

  #granted(
    via: PortMapProtocol,
    granted: Extract<ClientOutput, { readonly type: "granted" }>,
    now: number,
  ): void {
    const { request, externalPort } = granted;
    const client = this.#clients.get(via)!;
    const entry = this.#entries.get(portKey(request))!;
    if (this.#state !== "open") {
      return client.remove(request, externalPort, now);
    }
    this.#choose(via);
    if (via !== this.#chosen) {
      // Too late: it goes, unless that would remove the other one as well.
      const isApart = entry.mapping !== undefined &&
        entry.mapping.externalPort !== externalPort;
      if (isApart && via !== "nat-pmp") {
        client.remove(request, externalPort, now);
      }
      return;
    }
    const isForever = granted.lifetimeMs === Infinity;
    const lifeMs = Math.min(
      MAX_LIFE_MS,
      Math.max(MIN_LIFE_MS, isForever ? PERMANENT_MS : granted.lifetimeMs),
    );
    const before = entry.mapping;
    const externalAddress = usableAddress(granted.externalAddress);
    const isNews = before?.externalPort !== externalPort ||
      before.externalAddress !== externalAddress;
    if (isNews) {
      // Others are told of each change.
      const soon = before !== undefined && now - entry.changedAt < MIN_WAIT_MS;
      if (soon) return;
      entry.changedAt = now;
    }
    const mapping: PortMapping = {
      ...request,
      externalPort,
      externalAddress,
      via,
      gateway: this.#gateway!,
      lifetimeMs: isForever ? Infinity : lifeMs,
    };
    entry.mapping = mapping;
    entry.refusals = 0;
    entry.renewAt = now + Math.max(MIN_WAIT_MS, lifeMs * RENEW[via]);
    entry.expiresAt = isForever ? Infinity : now + lifeMs;
    if (isNews) this.#tell({ type: "mapped", mapping });
  }

  /** The first protocol that works is used; the others are left alone. */
  #choose(via: PortMapProtocol): void {
    if (this.#chosen !== undefined) return;
    this.#chosen = via;
    this.#clearTimers();
    for (const [name, client] of this.#clients) {
      if (name !== via) client.stop();
    }
  }

  #refuse(
    via: PortMapProtocol,
    request: PortRequest,
    reason: string,
    now: number,
  ): void {
    const key = portKey(request);
    if (this.#chosen === undefined) {
      const refused = this.#refused.get(via) ?? new Set();
      this.#refused.set(via, refused.add(key));
      if (refused.size === this.#entries.size) this.#fail(via, reason, now);
    } else if (this.#chosen === via) {
      const entry = this.#entries.get(key)!;
      const wait = entry.mapping === undefined
        ? Math.min(MAX_REFUSED_MS, REFUSED_MS * 2 ** entry.refusals)
        : (Math.min(entry.expiresAt, now + PERMANENT_MS) - now) / 2;
      entry.refusals++;
      entry.renewAt = now + Math.max(MIN_WAIT_MS, wait);
      this.#tell({ type: "failed", request, reason });
    }
  }

  /** A protocol does not work; perhaps the next does. */
  #fail(via: PortMapProtocol, reason: string, now: number): void {
    if (this.#chosen !== undefined) {
      if (this.#chosen !== via) return;
      // Another gateway stands in its place.
      for (const entry of this.#entries.values()) this.#drop(entry);
      return this.#begin(now);
    }
    if (this.#failures.has(via)) return;
    this.#failures.set(via, reason);
    const next = via === "pcp"
      ? "nat-pmp"
      : this.#failures.has("pcp")
      ? "upnp"
      : undefined;
    if (next !== undefined && this.#timers.get(next) !== undefined) {
      this.#timers.set(next, now);
    }
    const all = this.#clients.size + (this.#clients.has("pcp") ? 0 : 1);
    if (this.#failures.size < all) return;
    const reasons = [...this.#failures].map(([name, why]) => `${name}: ${why}`);
    this.#timers.set("again", now + AGAIN_MS);
    this.#tell({
      type: "failed",
      request: undefined,
      reason: reasons.join("; "),
    });
  }

  #drop(entry: Entry): void {
    const { mapping } = entry;
    entry.mapping = undefined;
    entry.expiresAt = Infinity;
    if (mapping !== undefined) this.#tell({ type: "unmapped", mapping });
  }

  #renewDue(now: number): void {
    let isLapsed = false;
    for (const entry of this.#entries.values()) {
      if (entry.expiresAt <= now) {
        this.#drop(entry);
        isLapsed = true;
      }
      if (entry.renewAt === undefined || entry.renewAt > now) continue;
      entry.renewAt = undefined;
      const { request, mapping } = entry;
      const port = mapping?.externalPort ?? request.port;
      this.#clients.get(this.#chosen!)!.request(request, port, now);
    }
    if (isLapsed && this.mappings.length === 0) this.#begin(now);
  }

  #close(now: number): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#clearTimers();
    this.#timers.set("close", now + CLOSE_MS);
    const wasAsked = this.#clients.get("pcp")?.isBusy;
    for (const client of this.#clients.values()) client.stop();
    for (const { request, mapping } of this.#entries.values()) {
      if (mapping !== undefined) {
        const { via, externalPort } = mapping;
        this.#clients.get(via)?.remove(request, externalPort, now);
        // Perhaps it has just been granted.
      } else if (wasAsked) this.#clients.get("pcp")!.remove(request, 0, now);
    }
  }

  #end(): void {
    this.#state = "closed";
    this.#outputs.push({ type: "closed" });
  }
}

/** An external address, unless nobody could be there. */
function usableAddress(text: string): string | undefined {
  const ip = tryParseIp(text);
  if (ip === undefined) return undefined;
  const scope = ipScope(ip);
  return scope === "global" || scope === "private"
    ? normalizeHostname(text)
    : undefined;
}
