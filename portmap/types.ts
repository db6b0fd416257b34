/**
 * What is asked of a gateway, and what came of it.
 *
 * @module
 */

/** A port of ours that strangers should reach. */
export interface PortRequest {
  /** Which transport. */
  readonly protocol: "tcp" | "udp";
  /** The port we listen on, 1 to 65535. */
  readonly port: number;
}

/** A protocol that gateways are asked in. */
export type PortMapProtocol = "pcp" | "nat-pmp" | "upnp";

/** A port of the gateway that leads to one of ours. */
export interface PortMapping extends PortRequest {
  /** The gateway's port: the one to tell others. */
  readonly externalPort: number;
  /** The gateway's address outside, if it told a usable one. */
  readonly externalAddress: string | undefined;
  /** How it was made. */
  readonly via: PortMapProtocol;
  /** IP address of the gateway. */
  readonly gateway: string;
  /** Time it was granted for, in ms; `Infinity` if until removed. */
  readonly lifetimeMs: number;
}

/** What happens while ports are mapped. */
export type PortMapEvent =
  /** A port is mapped, or its external port or address is another one now. */
  | { readonly type: "mapped"; readonly mapping: PortMapping }
  /** A mapping is gone: it lapsed, or there is another gateway. */
  | { readonly type: "unmapped"; readonly mapping: PortMapping }
  /** The gateway that is asked from now on, if there is one. */
  | { readonly type: "gateway"; readonly gateway: string | undefined }
  /** The gateway maps nothing, or not that port; it is asked again later. */
  | {
    readonly type: "failed";
    /** Which port; none when no protocol worked. */
    readonly request: PortRequest | undefined;
    /** One line. */
    readonly reason: string;
  };
