/**
 * A gateway asked by NAT-PMP (RFC 6886).
 *
 * @module
 */
import { type Endpoint, normalizeHostname } from "../../_shared/address.ts";
import {
  encodeNatPmpAddressRequest,
  encodeNatPmpMapRequest,
  NAT_PMP_RESULTS,
  type NatPmpResponse,
  tryDecodeNatPmpResponse,
} from "../codec/nat_pmp.ts";
import { PCP_PORT } from "../codec/pcp.ts";
import type { PortRequest } from "../types.ts";
import {
  type ClientOutput,
  Epoch,
  LEASE_SECONDS,
  type MappingClient,
  portKey,
  Retries,
} from "./client.ts";

/** Name of the question for the external address. */
const ADDRESS = "address";

interface Entry {
  readonly request: PortRequest;
  externalPort: number;
  lifetimeSeconds: number;
}

type Granted = Extract<ClientOutput, { readonly type: "granted" }>;

/** Asks by NAT-PMP. */
export class NatPmpClient implements MappingClient {
  readonly outputs: ClientOutput[] = [];
  readonly #gateway: string;
  readonly #entries = new Map<string, Entry>();
  readonly #retries = new Retries();
  readonly #epoch = new Epoch();
  #externalAddress = "0.0.0.0";
  /** Mappings that wait for the external address. */
  readonly #held: Granted[] = [];

  constructor(gateway: string) {
    this.#gateway = gateway;
  }

  get deadline(): number | undefined {
    return this.#retries.deadline;
  }

  get isBusy(): boolean {
    return this.#retries.size > 0;
  }

  request(request: PortRequest, externalPort: number, now: number): void {
    this.#retries.start(ADDRESS, now);
    this.#send(encodeNatPmpAddressRequest());
    this.#begin({ request, externalPort, lifetimeSeconds: LEASE_SECONDS }, now);
  }

  remove(request: PortRequest, _externalPort: number, now: number): void {
    this.#begin({ request, externalPort: 0, lifetimeSeconds: 0 }, now);
  }

  stop(): void {
    this.#retries.clear();
    this.#held.length = 0;
  }

  receive(data: Uint8Array, from: Endpoint, now: number): void {
    if (from.port !== PCP_PORT) return;
    if (normalizeHostname(from.hostname) !== this.#gateway) return;
    const response = tryDecodeNatPmpResponse(data);
    if (response === undefined) return;
    const name = response.type === "map" ? portKey(response) : ADDRESS;
    if (!this.#retries.stop(name)) return;
    if (this.#epoch.isLost(response.epochSeconds, now)) {
      this.outputs.push({ type: "restarted" });
    }
    if (response.type === "map") return this.#settle(name, response);
    if (response.result === 0) this.#externalAddress = response.externalAddress;
    this.#release();
  }

  handleTimeout(now: number): void {
    for (const [name, isOver] of this.#retries.takeDue(now)) {
      if (name === ADDRESS) {
        if (isOver) this.#release();
        else this.#send(encodeNatPmpAddressRequest());
        continue;
      }
      const entry = this.#entries.get(name)!;
      const { request } = entry;
      if (!isOver) this.#sendMap(entry);
      else if (entry.lifetimeSeconds > 0) {
        this.outputs.push({ type: "refused", request, reason: "no answer" });
      }
    }
  }

  #begin(entry: Entry, now: number): void {
    const key = portKey(entry.request);
    this.#entries.set(key, entry);
    this.#retries.start(key, now);
    this.#sendMap(entry);
  }

  #sendMap({ request, externalPort, lifetimeSeconds }: Entry): void {
    this.#send(
      encodeNatPmpMapRequest({ ...request, externalPort, lifetimeSeconds }),
    );
  }

  #send(data: Uint8Array): void {
    const to = { hostname: this.#gateway, port: PCP_PORT };
    this.outputs.push({ type: "send", data, to });
  }

  #settle(
    key: string,
    response: Extract<NatPmpResponse, { readonly type: "map" }>,
  ): void {
    const { request, lifetimeSeconds } = this.#entries.get(key)!;
    if (lifetimeSeconds === 0) return;
    const { result, externalPort } = response;
    if (result !== 0 || response.lifetimeSeconds === 0 || externalPort === 0) {
      const reason = NAT_PMP_RESULTS[result] ?? `error ${result}`;
      this.outputs.push({ type: "refused", request, reason });
      return;
    }
    this.#held.push({
      type: "granted",
      ...{ request, externalPort, externalAddress: "" },
      lifetimeMs: response.lifetimeSeconds * 1000,
    });
    if (!this.#retries.has(ADDRESS)) this.#release();
  }

  /** Tells of what waited for the address. */
  #release(): void {
    for (const granted of this.#held.splice(0)) {
      const externalAddress = this.#externalAddress;
      this.outputs.push({ ...granted, externalAddress });
    }
  }
}
