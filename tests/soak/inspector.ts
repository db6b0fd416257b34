/** What a Deno process with `--inspect` keeps, garbage left out. */

/** What Deno itself prints of its inspector. */
export const INSPECTOR_LINE =
  /^(Debugger (listening|session)|Visit chrome:).*\n?/gm;

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

/** What is read of V8's snapshot of a heap. */
interface Snapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[];
      readonly node_types: readonly [readonly string[], ...unknown[]];
    };
  };
  /** The fields of one node after the other. */
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

function takeSnapshot(socket: WebSocket): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    const parts: string[] = [];
    socket.onmessage = ({ data }) => {
      const { id, method, params } = JSON.parse(data);
      if (method === "HeapProfiler.addHeapSnapshotChunk") {
        parts.push(params.chunk);
      } else if (id === 1) resolve(JSON.parse(parts.join("")));
    };
    socket.onclose = () => reject(new Error("The inspector went away"));
    socket.send('{"id":1,"method":"HeapProfiler.takeHeapSnapshot"}');
  });
}

/** Whether a program's data grow by it; compiled code comes for long. */
function isData(type: string, name: string): boolean {
  return type === "native"
    ? name === "system / JSArrayBufferData"
    : type !== "code" && type !== "object shape";
}

/**
 * Collects the garbage of a process's main thread and counts what is left.
 *
 * @param port Of its inspector, on 127.0.0.1.
 * @returns Bytes of objects, strings and buffers; not of code.
 */
export async function liveBytes(port: number): Promise<number> {
  const socket = await connect(port);
  try {
    const { snapshot, nodes, strings } = await takeSnapshot(socket);
    const { node_fields: fields, node_types: [types] } = snapshot.meta;
    const [type, name, size] = ["type", "name", "self_size"]
      .map((field) => fields.indexOf(field)) as [number, number, number];
    let bytes = 0;
    for (let at = 0; at < nodes.length; at += fields.length) {
      if (isData(types[nodes[at + type]!]!, strings[nodes[at + name]!]!)) {
        bytes += nodes[at + size]!;
      }
    }
    return bytes;
  } finally {
    socket.onclose = null;
    socket.close();
  }
}
