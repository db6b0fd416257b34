/**
 * Services find each other on the local network by a name: nobody types an
 * address, and there is no server.
 *
 * ```sh
 * deno run --allow-net examples/service_discovery.ts serve|find NAME
 * ```
 *
 * `serve` offers a web service under NAME; `find` asks every such service that
 * it hears of for its greeting, until Ctrl-C.
 *
 * Permissions: `--allow-net` for multicast, to serve and to ask. With
 * --allow-sys=networkInterfaces every network is used instead of the one that
 * the system prefers.
 *
 * @module
 */
import { hashServiceName, LocalDiscovery } from "@bip/bip/lpd";

/** Longest time a service may take to answer, in ms. */
const TIMEOUT_MS = 3000;
/** Longest answer that is shown, in characters. */
const MAX_TEXT = 200;

/** Offers the service until the signal fires. */
async function serve(name: string, signal: AbortSignal): Promise<void> {
  await using discovery = await LocalDiscovery.open({ families: [4] });
  await using server = Deno.serve({
    hostname: "0.0.0.0",
    port: 0,
    onListen: () => {},
  }, () => new Response(`Hello from process ${Deno.pid}\n`));
  discovery.announce(hashServiceName(name), server.addr.port);
  console.log(`Serving on port ${server.addr.port}`);
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
}

/** Asks a service; anybody can announce one. */
async function greet(hostname: string, port: number): Promise<string> {
  const url = `http://${hostname}:${port}/`;
  try {
    const response = await fetch(url, {
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    let text = "";
    for await (
      const part of response.body!.pipeThrough(new TextDecoderStream())
    ) {
      text += part;
      if (text.length > MAX_TEXT) break;
    }
    const line = text.trim().slice(0, MAX_TEXT);
    return `${url} ${line.replace(/[^\p{L}\p{N}\p{P}\p{Zs}]/gu, "\ufffd")}`;
  } catch (error) {
    return `${url} did not answer: ${(error as Error).message}`;
  }
}

/** Shows the greeting of each service that is heard of. */
async function find(name: string, signal: AbortSignal): Promise<void> {
  await using discovery = await LocalDiscovery.open({ families: [4], signal });
  discovery.watch(hashServiceName(name));
  console.log("Listening");
  for await (const { address } of discovery) {
    console.log(await greet(address.hostname, address.port));
  }
}

if (import.meta.main) {
  const [action, name] = Deno.args;
  if (!["serve", "find"].includes(action ?? "") || !name) {
    console.error("Usage: service_discovery.ts serve|find NAME");
    Deno.exit(2);
  }
  try {
    const interrupted = new AbortController();
    Deno.addSignalListener("SIGINT", () => interrupted.abort());
    await (action === "serve" ? serve : find)(name, interrupted.signal);
    Deno.exit(0);
  } catch (error) {
    console.error(`service_discovery: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
