/**
 * What UPnP Internet Gateway Devices say of themselves, and how they are told
 * to map ports (WANIPConnection 1 and 2, WANPPPConnection 1).
 *
 * @module
 */
import { normalizeHostname } from "../../_shared/address.ts";
import type { HttpRequest } from "./http.ts";
import {
  escapeXml,
  tryParseXml,
  xmlElements,
  xmlText,
} from "../../_shared/http/xml.ts";

/** Services that map ports, best first. */
const SERVICES: readonly string[] = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/** Most services of a description that are tried. */
const MAX_SERVICES = 4;
/** Longest address of a service. */
const MAX_URL = 512;

/** A service of a gateway that maps ports. */
export interface IgdService {
  /** Its type. */
  readonly type: string;
  /** Where it is told what to do; on the gateway. */
  readonly controlUrl: string;
  /** Whether it can pick a free port (WANIPConnection 2). */
  readonly picksPorts: boolean;
}

/**
 * Checks a URL that a gateway names: it must be `http:` and lead to the gateway
 * itself, by address. Returns it in full, or `undefined`.
 */
export function tryGatewayUrl(
  text: string,
  gateway: string,
  base?: string,
): string | undefined {
  const url = text.length > MAX_URL ? null : URL.parse(text, base);
  const isRight = url !== null && url.protocol === "http:" &&
    url.username === "" && url.password === "" && url.port !== "0" &&
    normalizeHostname(url.hostname) === normalizeHostname(gateway);
  return isRight ? url.href.replace(/#.*$/s, "") : undefined;
}

/**
 * Finds the services of a device description that map ports, best first;
 * those elsewhere than on the gateway are left out.
 */
export function parseIgdServices(
  text: string,
  location: string,
  gateway: string,
): IgdService[] {
  const root = tryParseXml(text);
  if (root === undefined) return [];
  const base = xmlText(root, "URLBase") || location;
  const found: IgdService[] = [];
  for (const service of xmlElements(root, "service")) {
    const type = xmlText(service, "serviceType") ?? "";
    const path = xmlText(service, "controlURL") ?? "";
    const controlUrl = path && tryGatewayUrl(path, gateway, base);
    if (!SERVICES.includes(type) || !controlUrl) continue;
    found.push({ type, controlUrl, picksPorts: type === SERVICES[0] });
  }
  const rank = ({ type }: IgdService) => SERVICES.indexOf(type);
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, MAX_SERVICES);
}

/** Makes the request for an action of a service. */
export function soapRequest(
  { type, controlUrl }: IgdService,
  action: string,
  values: readonly (readonly [name: string, value: string | number])[],
): HttpRequest {
  const inner = values.map(([name, value]) =>
    `<${name}>${escapeXml(`${value}`)}</${name}>`
  ).join("");
  return {
    url: controlUrl,
    headers: {
      "Content-Type": 'text/xml; charset="utf-8"',
      SOAPAction: `"${type}#${action}"`,
    },
    body: '<?xml version="1.0"?>\r\n<s:Envelope' +
      ' xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"' +
      ' s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>' +
      `<u:${action} xmlns:u="${type}">${inner}</u:${action}>` +
      "</s:Body></s:Envelope>\r\n",
  };
}

/** What came of an action. */
export type SoapResult =
  | {
    readonly type: "done";
    /** Reads a value by its name. */
    value(name: string): string | undefined;
  }
  | {
    readonly type: "fault";
    /** UPnP's number of the error; 0 when none was given. */
    readonly code: number;
  };

/** Reads the answer to an action; `undefined` for junk. */
export function tryParseSoap(
  text: string,
  action: string,
): SoapResult | undefined {
  const root = tryParseXml(text);
  if (root?.name !== "Envelope") return undefined;
  for (const response of xmlElements(root, `${action}Response`)) {
    return { type: "done", value: (name) => xmlText(response, name) };
  }
  for (const fault of xmlElements(root, "Fault")) {
    const code = xmlText(fault, "errorCode") ?? "";
    return { type: "fault", code: /^\d{1,5}$/.test(code) ? Number(code) : 0 };
  }
  return undefined;
}
