/** A gateway for port mapping in virtual time, as good or bad as a test wants. */
import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  type PortMapEvent,
  PortMapMachine,
  type PortMapOutput,
  type PortRequest,
} from "../../portmap/mod.ts";

export const GATEWAY = "192.168.1.1";
export const LOCAL = "192.168.1.2";
const OUTSIDE = [11, 0, 0, 1];
export const DESCRIPTION = `<root><device><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<controlURL>/ctl</controlURL></service></serviceList></device></root>`;

export const soap = (action: string, values: string): string =>
  `<s:Envelope><s:Body><u:${action}Response>${values}</u:${action}Response></s:Body></s:Envelope>`;
export const soapFault = (code: number): string =>
  `<s:Envelope><s:Body><s:Fault><errorCode>${code}</errorCode></s:Fault></s:Body></s:Envelope>`;

/** What a gateway answers; by default it speaks nothing. */
export class IgdWorld {
  readonly machine: PortMapMachine;
  readonly events: PortMapEvent[] = [];
  /** Datagrams to the gateway: time, port, bytes. */
  readonly sent: {
    at: number;
    port: number;
    data: Uint8Array;
    host: string;
  }[] = [];
  /** SOAP actions: name, external port, lease. */
  readonly actions: {
    at: number;
    name: string;
    port: string;
    lease: string;
  }[] = [];
  readonly urls: string[] = [];
  now = 0;
  closedAt: number | undefined;
  /** When the gateway was started. */
  bootAt = 0;
  lifeSeconds = 3600;
  externalPort = (port: number): number => port;
  externalAddress = OUTSIDE;
  /** Results; `undefined` for silence. */
  pcp: number | undefined;
  natPmp: number | undefined;
  location: string | undefined;
  description: string | undefined = DESCRIPTION;
  soap: (name: string, body: string) => string | number = (name): string =>
    soap(
      name,
      name === "GetExternalIPAddress"
        ? "<NewExternalIPAddress>11.0.0.1</NewExternalIPAddress>"
        : "",
    );

  constructor(
    ports: readonly PortRequest[] = [{ protocol: "tcp", port: 6881 }],
  ) {
    this.machine = new PortMapMachine({ ports, random: seededRandom(1) });
  }

  meet(
    gateway: string | undefined = GATEWAY,
    local: string | undefined = LOCAL,
  ): void {
    this.machine.handle({ type: "gateway", gateway, local }, this.now);
    this.#drain();
  }

  leave(): void {
    const none = { gateway: undefined, local: undefined };
    this.machine.handle({ type: "gateway", ...none }, this.now);
    this.#drain();
  }

  close(): void {
    this.machine.handle({ type: "close" }, this.now);
    this.#drain();
  }

  receive(data: Uint8Array, hostname = GATEWAY, port = 5351): void {
    const from = { hostname, port };
    this.machine.handle({ type: "datagram", data, from }, this.now);
    this.#drain();
  }

  /** Lets so much time pass. */
  run(ms: number): void {
    const end = this.now + ms;
    while (true) {
      const { deadline } = this.machine;
      if (deadline === undefined || deadline > end) break;
      this.now = Math.max(this.now, deadline);
      this.machine.handleTimeout(this.now);
      this.#drain();
    }
    this.now = end;
  }

  /** External ports that were told as mapped, in order. */
  get mapped(): [via: string, port: number][] {
    return this.events.flatMap((event) =>
      event.type === "mapped"
        ? [[event.mapping.via, event.mapping.externalPort] as [string, number]]
        : []
    );
  }

  get failed(): string[] {
    return this.events.flatMap((event) =>
      event.type === "failed" ? [event.reason] : []
    );
  }

  #drain() {
    const inputs: (() => void)[] = [];
    for (let output; (output = this.machine.poll()) !== undefined;) {
      const answer = this.#answer(output);
      if (answer !== undefined) inputs.push(answer);
    }
    for (const input of inputs) input();
  }

  #answer(output: PortMapOutput): (() => void) | undefined {
    if (output.type === "closed") this.closedAt = this.now;
    else if (output.type === "event") this.events.push(output.event);
    else if (output.type === "request") {
      const { url, headers, body } = output.request;
      this.urls.push(url);
      const name = /#(\w+)/.exec(headers?.SOAPAction ?? "")?.[1];
      let text: string | number | undefined = this.description;
      if (name !== undefined) {
        const read = (tag: string) =>
          new RegExp(`<${tag}>(.*?)</`).exec(body!)?.[1] ?? "";
        const port = read("NewExternalPort");
        const lease = read("NewLeaseDuration");
        this.actions.push({ at: this.now, name, port, lease });
        text = this.soap(name, body!);
      }
      const result = typeof text === "number" || text === undefined
        ? { status: text ?? 404, body: new Uint8Array(0), local: LOCAL }
        : {
          status: text.includes("Fault") ? 500 : 200,
          body: encodeText(text),
          local: LOCAL,
        };
      const { id } = output;
      return () => {
        this.machine.handle({ type: "response", id, result }, this.now);
        this.#drain();
      };
    } else {
      const { data, to } = output;
      this.sent.push({ at: this.now, port: to.port, data, host: to.hostname });
      const reply = to.hostname === GATEWAY
        ? this.#reply(data, to.port)
        : undefined;
      if (reply !== undefined) {
        return () => this.receive(reply, GATEWAY, to.port);
      }
    }
    return undefined;
  }

  #reply(data: Uint8Array, port: number): Uint8Array | undefined {
    if (port === 1900) {
      return this.location === undefined ||
          !decodeTextLossy(data).includes("Device:1")
        ? undefined
        : encodeText(`HTTP/1.1 200 OK\r\nLOCATION: ${this.location}\r\n\r\n`);
    }
    const epoch = Math.floor((this.now - this.bootAt) / 1000);
    const view = (bytes: Uint8Array) => new DataView(bytes.buffer);
    if (data[0] === 2) {
      if (this.pcp === undefined) return undefined;
      if (this.pcp === 1) return Uint8Array.of(0, 0x81, 0, 1, 0, 0, 0, 0);
      const bytes = data.slice();
      const out = view(bytes);
      bytes[1]! |= 0x80;
      bytes[3] = this.pcp;
      bytes.fill(0, 12, 24);
      if (out.getUint32(4) > 0) out.setUint32(4, this.lifeSeconds);
      out.setUint32(8, epoch);
      out.setUint16(42, this.externalPort(out.getUint16(40)));
      bytes.set(this.externalAddress, 56);
      return bytes;
    }
    if (this.natPmp === undefined) return undefined;
    const bytes = new Uint8Array(data[1] === 0 ? 12 : 16);
    const out = view(bytes);
    bytes[1] = 0x80 | data[1]!;
    out.setUint16(2, this.natPmp);
    out.setUint32(4, epoch);
    if (data[1] === 0) bytes.set(this.externalAddress, 8);
    else {
      bytes.set(data.subarray(4, 6), 8);
      out.setUint16(10, this.externalPort(out.getUint16(8)));
      const wanted = new DataView(data.buffer).getUint32(8);
      out.setUint32(12, wanted && this.lifeSeconds);
    }
    return bytes;
  }
}
