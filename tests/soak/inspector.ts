/** What a Deno process with `--inspect` keeps, garbage left out. */

/** What Deno itself prints of its inspector. */
export const INSPECTOR_LINE =
  /^(Debugger (listening|session)|Visit chrome:).*\n?/gm;

/** A method of the Chrome DevTools Protocol, and what it answers. */
type Ask = (method: string) => Promise<Readonly<Record<string, number>>>;

async function connect(port: number): Promise<WebSocket> {
  // A connection that is kept would count among those of the process.
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const url = `http://127.0.0.1:${port}/json/list`;
  const list = await fetch(url, { client } as RequestInit);
  const [{ webSocketDebuggerUrl }] = await list.json();
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return socket;
}

function asker(socket: WebSocket): Ask {
  let last = 0;
  return (method) =>
    new Promise((resolve, reject) => {
      const id = ++last;
      socket.onmessage = ({ data }) => {
        const answer = JSON.parse(data);
        if (answer.id === id) resolve(answer.result);
      };
      socket.onclose = () => reject(new Error(`No answer to ${method}`));
      socket.send(JSON.stringify({ id, method }));
    });
}

/**
 * Collects the garbage of a process's main thread and counts what is left.
 *
 * @param port Of its inspector, on 127.0.0.1.
 * @returns Bytes of objects and buffers.
 */
export async function liveBytes(port: number): Promise<number> {
  const socket = await connect(port);
  try {
    const ask = asker(socket);
    await ask("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await ask("Runtime.getHeapUsage");
    return usedSize! + backingStorageSize!;
  } finally {
    socket.onclose = null;
    socket.close();
  }
}
