/**
 * Loads a tracker from a process of its own, as strangers do who mean no good:
 * `deno run -A --unstable-net tests/support/tracker_flood.ts UDP_PORT HTTP_PORT SECONDS WINDOW`
 *
 * Of ten UDP datagrams eight announce random info-hashes with a good connection
 * id, one is garbage, one has a connection id that is made up or another
 * address's. Announces are paced by their answers, WINDOW at a time; the rest
 * goes along with them. Prints one line of JSON at the end.
 */
import { toHex, writeUint16, writeUint32 } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";

/** What the flood prints. */
export interface FloodReport {
  readonly type: "flood";
  /** Announces of random info-hashes sent, and answered. */
  announces: number;
  answers: number;
  /** Longest of those answers, in bytes. */
  longest: number;
  /** Garbage sent, and datagrams that came back. */
  garbage: number;
  garbageAnswers: number;
  /** Forged connection ids sent; answered by short errors; answered else. */
  forged: number;
  forgedErrors: number;
  forgedOther: number;
  /** HTTP announces of random info-hashes that were answered. */
  httpAnswers: number;
  /** HTTP requests that make no sense, and those of them that were refused. */
  httpGarbage: number;
  httpRefused: number;
}

/** When announces without an answer are given up, in milliseconds. */
const STALLED_MS = 100;

function openSocket(hostname: string): Deno.DatagramConn {
  // Where loopback has one address only, the attacker shares it.
  for (const name of [hostname, "127.0.0.1"]) {
    try {
      return Deno.listenDatagram({ transport: "udp", hostname: name, port: 0 });
    } catch {
      continue;
    }
  }
  throw new Error("Cannot open a socket on loopback");
}

class Flood {
  readonly report: FloodReport = {
    type: "flood",
    announces: 0,
    answers: 0,
    longest: 0,
    garbage: 0,
    garbageAnswers: 0,
    forged: 0,
    forgedErrors: 0,
    forgedOther: 0,
    httpAnswers: 0,
    httpGarbage: 0,
    httpRefused: 0,
  };
  readonly #random = seededRandom(Date.now());
  readonly #udp: Deno.NetAddr;
  readonly #http: string;
  readonly #end: number;
  readonly #window: number;
  readonly #announcer = openSocket("127.0.0.2");
  readonly #garbler = openSocket("127.0.0.3");
  readonly #forger = openSocket("127.0.0.4");
  #connectionId: Uint8Array | undefined;
  #connectedAt = -Infinity;
  #lastHash: Uint8Array = new Uint8Array(20);
  #outstanding = 0;
  #answeredAt = performance.now();
  #wake: () => void = () => {};

  constructor(
    udpPort: number,
    httpPort: number,
    seconds: number,
    window: number,
  ) {
    this.#udp = { transport: "udp", hostname: "127.0.0.1", port: udpPort };
    this.#http = `http://127.0.0.1:${httpPort}`;
    this.#end = performance.now() + 1000 * seconds;
    this.#window = window;
  }

  async run(): Promise<void> {
    const readers = [
      this.#read(this.#announcer, (data) => this.#answered(data)),
      this.#read(this.#garbler, () => this.report.garbageAnswers++),
      this.#read(this.#forger, (data) => this.#forgeryAnswered(data)),
    ];
    await Promise.all([this.#flood(), this.#floodHttp(), this.#garbleHttp()]);
    // What is still on its way counts, too.
    await new Promise((resolve) => setTimeout(resolve, 300));
    for (const socket of [this.#announcer, this.#garbler, this.#forger]) {
      socket.close();
    }
    await Promise.all(readers);
  }

  get #isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async #read(
    socket: Deno.DatagramConn,
    take: (data: Uint8Array) => void,
  ): Promise<void> {
    const buffer = new Uint8Array(4096);
    try {
      while (true) take((await socket.receive(buffer))[0]);
    } catch {
      // Closed.
    }
  }

  #answered(data: Uint8Array): void {
    this.#answeredAt = performance.now();
    if (data[3] === 0 && data.length === 16) {
      this.#connectionId = data.slice(8);
      this.#connectedAt = this.#answeredAt;
    } else {
      this.report.answers++;
      this.report.longest = Math.max(this.report.longest, data.length);
      if (this.#outstanding > 0) this.#outstanding--;
    }
    this.#wake();
  }

  #forgeryAnswered(data: Uint8Array): void {
    if (data[3] === 3 && data.length <= 98) this.report.forgedErrors++;
    else this.report.forgedOther++;
  }

  async #flood(): Promise<void> {
    for (let n = 0; !this.#isOver;) {
      if (performance.now() - this.#connectedAt > 45_000) {
        const connect = new Uint8Array(16);
        connect.set([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80]);
        await this.#announcer.send(connect, this.#udp);
        await this.#answer();
        if (this.#connectionId === undefined) continue;
      }
      while (this.#outstanding < this.#window && !this.#isOver) {
        const kind = n++ % 10;
        if (kind === 0) await this.#sendGarbage(n);
        else if (kind === 1) await this.#sendForged(n);
        else await this.#sendAnnounce(n);
      }
      await this.#answer();
    }
  }

  /** Waits for an answer; those that do not come in time are given up. */
  async #answer(): Promise<void> {
    const timer = setTimeout(() => {
      this.#outstanding = 0;
      this.#wake();
    }, STALLED_MS);
    await new Promise<void>((resolve) => this.#wake = resolve);
    clearTimeout(timer);
  }

  #packet(n: number, id: Uint8Array): Uint8Array {
    const packet = new Uint8Array(98);
    this.#random(packet.subarray(12, 56));
    packet.set(id);
    packet[11] = 1;
    packet[71] = n & 1;
    writeUint32(packet, 92, 200);
    writeUint16(packet, 96, 1 + n % 65535);
    return packet;
  }

  async #sendAnnounce(n: number): Promise<void> {
    this.report.announces++;
    this.#outstanding++;
    const packet = this.#packet(n, this.#connectionId!);
    // Every other swarm has two peers.
    if (n % 3 === 0) packet.set(this.#lastHash, 16);
    else this.#lastHash = packet.subarray(16, 36);
    await this.#announcer.send(packet, this.#udp);
  }

  async #sendGarbage(n: number): Promise<void> {
    this.report.garbage++;
    const data = this.#random(new Uint8Array(n % 300));
    // Half of it looks like a request at first sight.
    if (data.length >= 12 && n % 20 < 10) writeUint32(data, 8, n % 5);
    await this.#garbler.send(data, this.#udp);
  }

  async #sendForged(n: number): Promise<void> {
    this.report.forged++;
    const theirs = this.#announcer.addr as Deno.NetAddr;
    const own = this.#forger.addr as Deno.NetAddr;
    const id = n % 20 < 10 || own.hostname === theirs.hostname
      ? this.#random(new Uint8Array(8))
      : this.#connectionId!;
    await this.#forger.send(this.#packet(n, id), this.#udp);
  }

  async #floodHttp(): Promise<void> {
    while (!this.#isOver) {
      const hash = toHex(this.#random(new Uint8Array(20)));
      const port = 1 + this.report.httpAnswers % 65535;
      const query = `info_hash=${hash.replace(/../g, "%$&")}` +
        `&peer_id=${"x".repeat(20)}&port=${port}&left=1&ip=10.9.8.7`;
      const { status } = await this.#get(`/announce?${query}`);
      if (status === 200) this.report.httpAnswers++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async #garbleHttp(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      this.report.httpGarbage++;
      const rest = toHex(this.#random(new Uint8Array(n % 5000)));
      const path = ["/announce?info_hash=", "/scrape?", "/", "/announce?&&&="];
      const { status, text } = await this.#get(path[n % 4] + rest);
      if (status >= 400 || text.includes("failure reason")) {
        this.report.httpRefused++;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #get(path: string): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(this.#http + path);
      return { status: response.status, text: await response.text() };
    } catch {
      return { status: 599, text: "" };
    }
  }
}

if (import.meta.main) {
  const [udpPort, httpPort, seconds, window] = Deno.args.map(Number);
  const flood = new Flood(udpPort!, httpPort!, seconds!, window!);
  await flood.run();
  console.log(JSON.stringify(flood.report));
}
