/** Stand-in for the parts of `@std/streams` that the package uses. */

export function toBytes(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array> {
  return new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>)
    .bytes();
}
export async function toArrayBuffer(
  readableStream: ReadableStream<Uint8Array>,
): Promise<ArrayBuffer> {
  return (await toBytes(readableStream)).buffer as ArrayBuffer;
}
export async function toText(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream as ReadableStream<string | Uint8Array>) {
    text += typeof chunk === "string"
      ? chunk
      : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
export function mergeReadableStreams<T>(
  ...streams: ReadableStream<T>[]
): ReadableStream<T> {
  return new ReadableStream<T>({
    async start(controller) {
      let over = false;
      const drain = async (stream: ReadableStream<T>) => {
        for await (const item of stream) {
          if (over) return;
          controller.enqueue(item);
        }
      };
      try {
        await Promise.all(streams.map(drain));
        controller.close();
      } catch (error) {
        over = true;
        controller.error(error);
      }
    },
  });
}
export class ByteSliceStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(start = 0, end: number = Infinity) {
    if (start < 0) {
      throw new RangeError(
        `Cannot construct ByteSliceStream as start must be >= 0: received ${start}`,
      );
    }
    let at = 0;
    super({
      transform(chunk, controller) {
        const from = Math.max(start - at, 0);
        const to = Math.min(end + 1 - at, chunk.length);
        at += chunk.length;
        if (from < to) controller.enqueue(chunk.subarray(from, to));
        if (at > end) controller.terminate();
      },
    });
  }
}
