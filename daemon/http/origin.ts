/**
 * Whether a request was meant for us: by the name it calls us, and by the page
 * it comes from. Both keep pages that a person merely visits from using the
 * browser against a server on this machine.
 *
 * @module
 */
import { tryParseIp } from "../../_shared/address.ts";
import type { HttpAnswer } from "../../tracker/http_answer.ts";
import { httpHeader, type HttpRequest } from "../../tracker/http_request.ts";

/** Who may call us what. */
export interface OriginRules {
  /**
   * Names that we may be called by beside IP addresses and `localhost`;
   * `*.example.org` stands for all below one. They keep DNS rebinding out.
   */
  readonly hosts: readonly string[];
  /** Origins whose pages may ask beside our own, such as that of an add-on. */
  readonly origins: readonly string[];
}

/** The name in a `Host` header, without port, brackets and final dot. */
function nameOf(host: string): string | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:\[\]]*))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2])?.toLowerCase().replace(/\.$/, "");
}

function isOurs(name: string, hosts: readonly string[]): boolean {
  if (name === "localhost" || tryParseIp(name) !== undefined) return true;
  return hosts.some((host) => {
    const known = host.toLowerCase().replace(/\.$/, "");
    return known.startsWith("*.")
      ? name.endsWith(known.slice(1)) && name.length >= known.length
      : name === known;
  });
}

/**
 * Judges a request by its headers.
 *
 * @param request What came.
 * @param rules Who may call us what.
 * @param navigable Whether links of other sites may lead there.
 * @returns The refusal, or `undefined`.
 */
export function judgeOrigin(
  request: HttpRequest,
  rules: OriginRules,
  navigable: boolean,
): HttpAnswer | undefined {
  const hosts = request.headers.filter(([name]) => name === "host");
  const host = hosts.length === 1 ? hosts[0]![1] : "";
  const name = nameOf(host);
  if (name === undefined || name === "") {
    return { status: 400, body: "Expected one Host header\n" };
  }
  if (!isOurs(name, rules.hosts)) {
    const body = "Unknown host name: --rpc-host allows it\n";
    return { status: 421, body };
  }
  const origin = httpHeader(request, "origin");
  if (origin !== undefined) {
    // Which scheme it was is for a proxy in front of us to say.
    const own = /^https?:\/\/(.*)$/i.exec(origin)?.[1];
    if (own?.toLowerCase() === host.toLowerCase()) return undefined;
    if (rules.origins.includes(origin)) return undefined;
    return { status: 403, body: "Not for pages of other origins\n" };
  }
  const site = httpHeader(request, "sec-fetch-site") ?? "none";
  if (site === "none" || site === "same-origin") return undefined;
  const follows = navigable && request.method === "GET" &&
    httpHeader(request, "sec-fetch-mode") === "navigate" &&
    httpHeader(request, "sec-fetch-dest") === "document";
  return follows
    ? undefined
    : { status: 403, body: "Not for pages of other sites\n" };
}
