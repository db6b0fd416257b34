/**
 * A gateway asked by PCP (RFC 6887).
 *
 * @module
 */
import { type Endpoint, normalizeHostname } from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { randomBytes, type RandomSource } from "../../_shared/random.ts";
import {
  encodePcpMapRequest,
  PCP_PORT,
  PCP_RESULTS,
  type PcpMapResponse,
  pcpProtocol,
  tryDecodePcpResponse,
} from "../codec/pcp.ts";
import type { PortRequest } from "../types.ts";
import {
  type ClientOutput,
  Epoch,
  LEASE_SECONDS,
  type MappingClient,
  portKey,
  Retries,
} from "./client.ts";

interface Entry {
  readonly request: PortRequest;
  /** The same for every request about the port. */
  readonly nonce: Uint8Array;
  externalPort: number;
  externalAddress: string | undefined;
  lifetimeSeconds: number;
}

/** Asks by PCP. */
export class PcpClient implements MappingClient {
  readonly outputs: ClientOutput[] = [];
  readonly #gateway: string;
  readonly #local: string;
  readonly #random: RandomSource;
  readonly #entries = new Map<string, Entry>();
  readonly #retries = new Retries();
  readonly #epoch = new Epoch();

  constructor(gateway: string, local: string, random: RandomSource) {
    this.#gateway = gateway;
    this.#local = local;
    this.#random = random;
  }

  get deadline(): number | undefined {
    return this.#retries.deadline;
  }

  get isBusy(): boolean {
    return this.#retries.size > 0;
  }

  request(request: PortRequest, externalPort: number, now: number): void {
    const entry = this.#entry(request);
    entry.externalPort = externalPort;
    entry.lifetimeSeconds = LEASE_SECONDS;
    this.#begin(entry, now);
  }

  remove(request: PortRequest, _externalPort: number, now: number): void {
    const entry = this.#entry(request);
    entry.externalPort = entry.lifetimeSeconds = 0;
    entry.externalAddress = undefined;
    this.#begin(entry, now);
  }

  stop(): void {
    this.#retries.clear();
  }

  receive(data: Uint8Array, from: Endpoint, now: number): void {
    if (from.port !== PCP_PORT) return;
    if (normalizeHostname(from.hostname) !== this.#gateway) return;
    const response = tryDecodePcpResponse(data);
    if (response === undefined) return;
    if (response.type === "unsupported-version") {
      if (!this.isBusy) return;
      this.stop();
      this.outputs.push({ type: "failed", reason: PCP_RESULTS[1]! });
      return;
    }
    const entry = response.type === "map" ? this.#find(response) : undefined;
    if (response.type === "map" && entry === undefined) return;
    if (this.#epoch.isLost(response.epochSeconds, now)) {
      this.outputs.push({ type: "restarted" });
    }
    if (response.type === "map") this.#settle(entry!, response);
  }

  handleTimeout(now: number): void {
    for (const [key, isOver] of this.#retries.takeDue(now)) {
      const entry = this.#entries.get(key)!;
      if (!isOver) this.#send(entry);
      else if (entry.lifetimeSeconds > 0) {
        const { request } = entry;
        this.outputs.push({ type: "refused", request, reason: "no answer" });
      }
    }
  }

  #entry(request: PortRequest): Entry {
    const key = portKey(request);
    const known = this.#entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = {
      request,
      nonce: randomBytes(this.#random, 12),
      externalPort: 0,
      externalAddress: undefined,
      lifetimeSeconds: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }

  #begin(entry: Entry, now: number): void {
    this.#send(entry);
    this.#retries.start(portKey(entry.request), now);
  }

  #send(entry: Entry): void {
    this.outputs.push({
      type: "send",
      to: { hostname: this.#gateway, port: PCP_PORT },
      data: encodePcpMapRequest({
        ...entry.request,
        ...entry,
        clientAddress: this.#local,
      }),
    });
  }

  #find(response: PcpMapResponse): Entry | undefined {
    return this.#entries.values().find(({ request, nonce }) =>
      request.port === response.port &&
      pcpProtocol(request.protocol) === response.protocol &&
      equalBytes(nonce, response.nonce)
    );
  }

  #settle(entry: Entry, response: PcpMapResponse): void {
    const { request } = entry;
    const { result, externalPort, externalAddress } = response;
    const isOurs = this.#retries.stop(portKey(request));
    if (entry.lifetimeSeconds === 0) return;
    if (result !== 0) {
      const reason = PCP_RESULTS[result] ?? `error ${result}`;
      if (isOurs) this.outputs.push({ type: "refused", request, reason });
    } else if (response.lifetimeSeconds > 0 && externalPort > 0) {
      entry.externalAddress = externalAddress;
      const lifetimeMs = response.lifetimeSeconds * 1000;
      this.outputs.push({
        type: "granted",
        ...{ request, externalPort, externalAddress, lifetimeMs },
      });
    }
  }
}
