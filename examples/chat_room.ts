/**
 * A chat room without any server: the room's name makes a hash, the DHT tells
 * who else has that hash, and each peer found shakes hands with a protocol
 * that is not BitTorrent's.
 *
 * ```sh
 * deno run --allow-net examples/chat_room.ts ROOM NICKNAME [--listen IP[:PORT]] [--bootstrap HOST:PORT]...
 * ```
 *
 * What is typed goes to all others, a line at a time; Ctrl-D leaves. Without
 * `--bootstrap` it uses the public DHT. To try it on one machine, give all
 * `--listen 127.0.0.1`, and all but the first `--bootstrap` with the address
 * that the first one shows.
 *
 * Permissions: `--allow-net` for the DHT, and to dial and be dialled.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  DHT_ROUTERS,
  type Endpoint,
  MainlineDht,
  type PeerCandidate,
} from "@bip/bip/dht";
import { type HandshakeConnected, Handshaker } from "@bip/bip/handshake";

/** Strangers with another protocol string are never let in. */
const PROTOCOL = "bip example chat 1";
/** Bytes in front of the text of a frame. */
const HEAD = 6;
/** Longest text of a frame in bytes; a peer that sends a longer one is dropped. */
const MAX_TEXT = 1024;
/** Frames that are sent again to newcomers. */
const MAX_REMEMBERED = 32;
/** Frames that may wait for a slow peer before it is dropped. */
const MAX_WAITING = 128;
/** After how long without a connection somebody has left, in ms. */
const ABSENCE_MS = 500;
/** Time between two looks for others, in ms, at first and in the long run. */
const FIRST_LOOK_MS = 2000;
const LAST_LOOK_MS = 5 * 60_000;

interface Options {
  readonly room: string;
  readonly nickname: string;
  readonly listen: Endpoint;
  readonly bootstrap: readonly Endpoint[];
}

/** `HOST:PORT` or `HOST`, where HOST may be an IPv6 address in brackets. */
function parseEndpoint(text: string): Endpoint {
  if (!URL.canParse(`tcp://${text}`)) {
    throw new TypeError(`Expected HOST:PORT, not ${text}`);
  }
  const { hostname, port } = new URL(`tcp://${text}`);
  return { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

function show({ hostname, port }: Endpoint): string {
  return hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
}

/** Text of a stranger, harmless on a terminal. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu, "\ufffd");
}

/** The hash of a room: anything of 20 bytes can be looked for in the DHT. */
async function hashRoom(room: string): Promise<Uint8Array> {
  const text = new TextEncoder().encode(`bip example chat/${room}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-1", text));
}

/** What goes over the wire: a length of two bytes, a number of four, a text. */
interface Frame {
  /** 0 for the sender's name; what it says is numbered from 1. */
  readonly number: number;
  readonly text: string;
}

/** Encodes a text, as several frames if it is long. */
function encodeFrames(text: string, number: number): Uint8Array[] {
  const encoder = new TextEncoder();
  const frames: Uint8Array[] = [];
  while (text !== "") {
    const frame = new Uint8Array(HEAD + MAX_TEXT);
    const { read, written } = encoder.encodeInto(text, frame.subarray(HEAD));
    const view = new DataView(frame.buffer);
    view.setUint16(0, written);
    view.setUint32(2, number + frames.length);
    frames.push(frame.subarray(0, HEAD + written));
    text = text.slice(read);
  }
  return frames;
}

/** Somebody in the room. */
class Member {
  readonly #connection: HandshakeConnected["connection"];
  readonly #waiting: Uint8Array[] = [];
  #writing: Promise<void> | undefined;

  constructor(connection: HandshakeConnected["connection"]) {
    this.#connection = connection;
  }

  /** Sends frames, without waiting. */
  send(frames: readonly Uint8Array[]): void {
    this.#waiting.push(...frames);
    if (this.#waiting.length > MAX_WAITING) return this.close();
    this.#writing ??= this.#write();
  }

  /** What comes in; ends with the connection. */
  async *frames(): AsyncGenerator<Frame> {
    const buffer = new Uint8Array(HEAD + MAX_TEXT);
    const view = new DataView(buffer.buffer);
    let filled = 0;
    while (true) {
      let count: number | null;
      try {
        count = await this.#connection.read(buffer.subarray(filled));
      } catch {
        return;
      }
      if (count === null) return;
      filled += count;
      while (filled >= HEAD) {
        const end = HEAD + view.getUint16(0);
        if (end > buffer.length) return;
        if (filled < end) break;
        const text = new TextDecoder().decode(buffer.subarray(HEAD, end));
        yield { number: view.getUint32(2), text: harmless(text) };
        buffer.copyWithin(0, end, filled);
        filled -= end;
      }
    }
  }

  close(): void {
    this.#connection.close();
  }

  async #write(): Promise<void> {
    try {
      for (let frame; (frame = this.#waiting[0]) !== undefined;) {
        for (let offset = 0; offset < frame.length;) {
          offset += await this.#connection.write(frame.subarray(offset));
        }
        this.#waiting.shift();
      }
    } catch {
      this.close();
    }
    this.#writing = undefined;
  }
}

/** All that are in the room, by peer id. */
class Room {
  readonly #greeting: readonly Uint8Array[];
  readonly #members = new Map<string, Member>();
  readonly #names = new Map<string, string>();
  readonly #heard = new Map<string, number>();
  readonly #said: Uint8Array[] = [];
  #number = 1;

  constructor(nickname: string) {
    this.#greeting = encodeFrames(nickname, 0).slice(0, 1);
  }

  /** Tells everybody. */
  say(text: string): void {
    const frames = encodeFrames(text, this.#number);
    this.#number += frames.length;
    this.#said.push(...frames);
    this.#said.splice(0, this.#said.length - MAX_REMEMBERED);
    for (const member of this.#members.values()) member.send(frames);
  }

  /**
   * Listens to somebody until the connection ends. Two that dial each other at
   * once keep one of both connections, so what was said last is said again.
   */
  async join({ connection, peerId }: HandshakeConnected): Promise<void> {
    const member = new Member(connection);
    const key = peerId.toHex();
    this.#members.set(key, member);
    member.send(this.#greeting);
    member.send(this.#said);
    for await (const { number, text } of member.frames()) {
      const name = this.#names.get(key);
      if (number === 0) {
        if (name === undefined) console.log(`* ${text} is here`);
        this.#names.set(key, name ?? text);
      } else if (name !== undefined && number > (this.#heard.get(key) ?? 0)) {
        this.#heard.set(key, number);
        console.log(`${name}: ${text}`);
      }
    }
    member.close();
    if (this.#members.get(key) === member) this.#members.delete(key);
    await new Promise((resolve) => setTimeout(resolve, ABSENCE_MS));
    const name = this.#names.get(key);
    if (this.#members.has(key) || name === undefined) return;
    this.#names.delete(key);
    this.#heard.delete(key);
    console.log(`* ${name} has left`);
  }

  close(): void {
    for (const member of this.#members.values()) member.close();
  }
}

/** Looks for others again and again, and hands them to the handshaker. */
async function search(
  dht: MainlineDht,
  handshaker: Handshaker,
  infoHash: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const announcePort = handshaker.local!.port;
  for (let wait = FIRST_LOOK_MS; !signal.aborted;) {
    await ReadableStream
      .from(dht.getPeers(infoHash, { announcePort, signal }))
      .pipeThrough(
        new TransformStream<PeerCandidate, PeerCandidate>({
          transform: (candidate, controller) =>
            controller.enqueue({ ...candidate, protocol: PROTOCOL }),
        }),
      )
      .pipeTo(handshaker.sink(), { signal });
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, wait);
    const wake = () => resolve();
    signal.addEventListener("abort", wake);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
    wait = Math.min(2 * wait, LAST_LOOK_MS);
  }
}

/** Takes part in a room until there are no more lines, or the signal fires. */
async function chat(options: Options, signal: AbortSignal): Promise<void> {
  const { room, nickname, listen, bootstrap } = options;
  const infoHash = await hashRoom(room);
  await using handshaker = await Handshaker.open({ listen });
  handshaker.addTorrent(infoHash, { protocol: PROTOCOL });
  await using dht = await MainlineDht.open({
    ...listen,
    bootstrap,
  });
  console.log(`* Room ${room}, DHT node ${show(dht.locals[0]!)}`);

  const people = new Room(nickname);
  const receive = async () => {
    for await (const event of handshaker.events()) {
      if (event.type === "connected") void people.join(event);
    }
  };
  const leaving = new AbortController();
  const leave = AbortSignal.any([signal, leaving.signal]);
  const receiving = receive();
  const searching = search(dht, handshaker, infoHash, leave);
  searching.catch((error) => leaving.abort(error));
  let rest = "";
  try {
    await Deno.stdin.readable
      .pipeThrough(new TextDecoderStream())
      .pipeTo(
        new WritableStream<string>({
          write(text) {
            const lines = (rest + text).split("\n");
            rest = lines.pop()!;
            for (const line of lines) {
              if (line.trim() !== "") people.say(line.trim());
            }
          },
        }),
        { signal: leave },
      );
    // What was said last is still on its way.
    await new Promise((resolve) => setTimeout(resolve, 100));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    leaving.abort();
    await searching.catch((error) => {
      if (error !== leave.reason) throw error;
    });
    people.close();
    await handshaker.close();
    await receiving;
  }
}

function parseOptions(args: readonly string[]): Options | undefined {
  const parsed = parseArgs([...args], {
    string: ["_", "listen", "bootstrap"],
    collect: ["bootstrap"],
  });
  const [room, nickname, ...rest] = parsed._ as string[];
  if (room === undefined || nickname === undefined || rest.length > 0) {
    return undefined;
  }
  const listen = parseEndpoint(parsed.listen ?? "0.0.0.0");
  const isLocal = listen.hostname.startsWith("127.");
  const named = parsed.bootstrap.map(parseEndpoint);
  // The first one of a room on this machine has nobody to ask.
  const bootstrap = named.length > 0 || isLocal ? named : DHT_ROUTERS;
  return { room, nickname, listen, bootstrap };
}

if (import.meta.main) {
  try {
    const options = parseOptions(Deno.args);
    if (options === undefined) {
      console.error(
        "Usage: chat_room.ts ROOM NICKNAME [--listen IP[:PORT]] [--bootstrap HOST:PORT]...",
      );
      Deno.exit(2);
    }
    const interrupted = new AbortController();
    Deno.addSignalListener("SIGINT", () => interrupted.abort());
    await chat(options, interrupted.signal);
    Deno.exit(0);
  } catch (error) {
    console.error(`chat_room: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
