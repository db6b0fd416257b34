/**
 * A gateway asked by UPnP: searched (SSDP), described (XML), told (SOAP).
 *
 * @module
 */
import { type Endpoint, normalizeHostname } from "../../_shared/address.ts";
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import type { HttpRequest } from "../codec/http.ts";
import {
  type IgdService,
  parseIgdServices,
  soapRequest,
  type SoapResult,
  tryGatewayUrl,
  tryParseSoap,
} from "../codec/igd.ts";
import {
  encodeSsdpSearch,
  SSDP_GROUP,
  SSDP_TARGETS,
  tryDecodeSsdpAnswer,
} from "../codec/ssdp.ts";
import type { PortRequest } from "../types.ts";
import {
  type ClientOutput,
  type HttpResult,
  LEASE_SECONDS,
  type MappingClient,
} from "./client.ts";

/** Searches, each 2 s later than the one before. */
const MAX_SEARCHES = 12;
const SEARCH_STEP_MS = 2000;
/** Descriptions that are looked at. */
const MAX_LOCATIONS = 8;
/** Ports that are tried instead of one that is taken, and how often. */
const FIRST_OTHER_PORT = 40_000;
const OTHER_PORTS = 10_000;
const MAX_CONFLICTS = 4;
/** Errors (WANIPConnection 1 and 2, UPnP Device Architecture). */
const INVALID_ACTION = 401;
const INVALID_ARGS = 402;
const ACTION_FAILED = 501;
const NO_SUCH_MAPPING = 714;
const CONFLICT = 718;
const ONLY_PERMANENT_LEASES = 725;
const CONFLICT_WITH_OTHER = 729;
const FAULTS: Readonly<Record<number, string>> = {
  [INVALID_ACTION]: "action not supported",
  [INVALID_ARGS]: "invalid arguments",
  [ACTION_FAILED]: "action failed",
  606: "not authorized",
  [NO_SUCH_MAPPING]: "no such mapping",
  [CONFLICT]: "the port is taken",
  724: "the external port has to be the same",
  [ONLY_PERMANENT_LEASES]: "only permanent mappings",
  728: "no port is free",
  [CONFLICT_WITH_OTHER]: "the port is taken",
};

/** Something that is asked of the gateway, one after the other. */
type Job =
  | { readonly type: "describe"; readonly location: string }
  | { readonly type: "address"; readonly service: IgdService }
  | {
    readonly type: "add";
    readonly request: PortRequest;
    readonly externalPort: number;
    readonly conflicts: number;
  }
  | {
    readonly type: "remove";
    readonly request: PortRequest;
    readonly externalPort: number;
  };

/** Asks by UPnP. */
export class UpnpClient implements MappingClient {
  readonly outputs: ClientOutput[] = [];
  readonly #gateway: string;
  readonly #random: RandomSource;
  readonly #isMulticast: boolean;
  readonly #seen = new Set<string>();
  #searches = 0;
  #searchAt: number | undefined;
  /** Looks for a gateway; comes before what is asked of it. */
  #looks: Job[] = [];
  #jobs: Job[] = [];
  /** What the request under way is for. */
  #running: Job | undefined;
  /** The service that is told, once one said our external address. */
  #service: IgdService | undefined;
  #externalAddress = "";
  /** Our address in the local network. */
  #local: string | undefined;
  #isPermanent = false;
  /** Whether the gateway is asked to pick a port (AddAnyPortMapping). */
  #picksPorts = false;

  constructor(
    gateway: string,
    random: RandomSource,
    options: {
      readonly local: string | undefined;
      readonly isMulticast: boolean;
    },
  ) {
    this.#gateway = gateway;
    this.#random = random;
    this.#local = options.local;
    this.#isMulticast = options.isMulticast;
  }

  get deadline(): number | undefined {
    return this.#searchAt;
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Begins to look for the gateway's service. */
  search(now: number): void {
    this.#searchAt = now;
    this.handleTimeout(now);
  }

  request(request: PortRequest, externalPort: number): void {
    this.#jobs.push({ type: "add", request, externalPort, conflicts: 0 });
    this.#next();
  }

  remove(request: PortRequest, externalPort: number): void {
    this.#jobs.push({ type: "remove", request, externalPort });
    this.#next();
  }

  stop(): void {
    this.#searchAt = undefined;
    this.#looks = [];
    this.#jobs = [];
  }

  receive(data: Uint8Array, from: Endpoint): void {
    if (this.#searchAt === undefined) return;
    if (normalizeHostname(from.hostname) !== this.#gateway) return;
    const answer = tryDecodeSsdpAnswer(data);
    const location = answer && tryGatewayUrl(answer.location, this.#gateway);
    if (!location || this.#seen.has(location)) return;
    if (this.#seen.size === MAX_LOCATIONS) return;
    this.#seen.add(location);
    this.#looks.push({ type: "describe", location });
    this.#next();
  }

  respond(result: HttpResult, now: number): void {
    const job = this.#running;
    this.#running = undefined;
    if (job === undefined) return;
    if ("local" in result) this.#local ??= result.local;
    if (job.type === "describe") this.#described(job.location, result);
    else {
      const soap = soapOf(result, actionOf(job, this.#picksPorts));
      if (job.type === "address") this.#addressed(job.service, soap);
      else if (job.type === "add") this.#added(job, soap, errorOf(result));
    }
    this.#next();
    this.#giveUp(now);
  }

  handleTimeout(now: number): void {
    if (this.#searchAt === undefined || now < this.#searchAt) return;
    if (this.#searches === MAX_SEARCHES) return this.#giveUp(now);
    this.#searches++;
    this.#searchAt = now + this.#searches * SEARCH_STEP_MS;
    const { port } = SSDP_GROUP;
    const places = [{ hostname: this.#gateway, port }];
    if (this.#isMulticast) places.push(SSDP_GROUP);
    for (const target of SSDP_TARGETS) {
      const data = encodeSsdpSearch(target, 1);
      for (const to of places) this.outputs.push({ type: "send", data, to });
    }
  }

  /** Fails once all searches are over and nothing more is to be looked at. */
  #giveUp(now: number): void {
    if (this.#searchAt === undefined || this.#searchAt > now) return;
    if (this.#searches < MAX_SEARCHES || this.isBusy) return;
    this.stop();
    const reason = this.#seen.size === 0
      ? "no answer"
      : "the gateway offers no connection";
    this.outputs.push({ type: "failed", reason });
  }

  /** Sends the next request, if none is under way. */
  #next(): void {
    if (this.#running !== undefined) return;
    const queue = this.#service === undefined ? this.#looks : this.#jobs;
    const job = queue.shift();
    if (job === undefined) return;
    this.#running = job;
    this.outputs.push({ type: "request", request: this.#requestOf(job) });
  }

  #requestOf(job: Job): HttpRequest {
    if (job.type === "describe") return { url: job.location };
    const action = actionOf(job, this.#picksPorts);
    if (job.type === "address") return soapRequest(job.service, action, []);
    const { request, externalPort } = job;
    const values: [string, string | number][] = [
      ["NewRemoteHost", ""],
      ["NewExternalPort", externalPort],
      ["NewProtocol", request.protocol.toUpperCase()],
    ];
    if (job.type === "add") {
      values.push(
        ["NewInternalPort", request.port],
        ["NewInternalClient", this.#local!],
        ["NewEnabled", 1],
        ["NewPortMappingDescription", "bip"],
        ["NewLeaseDuration", this.#isPermanent ? 0 : LEASE_SECONDS],
      );
    }
    return soapRequest(this.#service!, action, values);
  }

  #described(location: string, result: HttpResult): void {
    if (!("status" in result) || result.status !== 200) return;
    const text = decodeTextLossy(result.body);
    const services = parseIgdServices(text, location, this.#gateway);
    this.#looks.unshift(
      ...services.map((service) => ({ type: "address" as const, service })),
    );
  }

  #addressed(service: IgdService, soap: SoapResult | undefined): void {
    if (soap?.type !== "done") return;
    const address = soap.value("NewExternalIPAddress") ?? "";
    // A connection that is down has no address.
    if (address === "" || address === "0.0.0.0") return;
    this.#externalAddress = address;
    this.#service = service;
    this.#picksPorts = service.picksPorts;
    this.#searchAt = undefined;
    this.#looks = [];
  }

  #added(
    job: Extract<Job, { readonly type: "add" }>,
    soap: SoapResult | undefined,
    error: string,
  ): void {
    const { request, conflicts } = job;
    const again = (change: Partial<typeof job>) =>
      void this.#jobs.unshift({ ...job, ...change });
    if (soap?.type === "done") {
      const picked = Number(soap.value("NewReservedPort") ?? NaN);
      const isPort = Number.isInteger(picked) && picked > 0 && picked < 65536;
      this.outputs.push({
        type: "granted",
        request,
        externalPort: isPort ? picked : job.externalPort,
        externalAddress: this.#externalAddress,
        lifetimeMs: this.#isPermanent ? Infinity : 1000 * LEASE_SECONDS,
      });
      return;
    }
    const code = soap?.code ?? 0;
    if (
      this.#picksPorts && (code === INVALID_ACTION || code === INVALID_ARGS)
    ) {
      this.#picksPorts = false;
      return again({});
    }
    if (
      !this.#isPermanent &&
      (code === ONLY_PERMANENT_LEASES || code === INVALID_ARGS)
    ) {
      this.#isPermanent = true;
      return again({});
    }
    const isTaken = code === CONFLICT || code === ACTION_FAILED ||
      code === CONFLICT_WITH_OTHER;
    if (isTaken && conflicts < MAX_CONFLICTS) {
      return again({
        externalPort: FIRST_OTHER_PORT + randomInt(this.#random, OTHER_PORTS),
        conflicts: conflicts + 1,
      });
    }
    const reason = FAULTS[code] ?? (code > 0 ? `error ${code}` : error);
    this.outputs.push({ type: "refused", request, reason });
  }
}

function actionOf(job: Job, picksPorts: boolean): string {
  if (job.type === "address") return "GetExternalIPAddress";
  if (job.type === "remove") return "DeletePortMapping";
  return picksPorts ? "AddAnyPortMapping" : "AddPortMapping";
}

function soapOf(result: HttpResult, action: string): SoapResult | undefined {
  if (!("status" in result)) return undefined;
  // A fault is sent with status 500; redirects and the like are no answer.
  if (result.status !== 200 && result.status !== 500) return undefined;
  return tryParseSoap(decodeTextLossy(result.body), action);
}

function errorOf(result: HttpResult): string {
  return "error" in result ? result.error : `status ${result.status}`;
}
