/**
 * A body that comes byte by byte, each in the same place of a large buffer: who
 * keeps the chunks keeps the buffer, and has the last byte many times.
 */
export function drippingBody(
  byteAt: (index: number) => number | undefined,
  onCancel: () => void = () => {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(64 * 1024);
  let index = 0;
  return new ReadableStream({
    pull(controller) {
      const byte = byteAt(index++);
      if (byte === undefined) return controller.close();
      buffer[0] = byte;
      controller.enqueue(buffer.subarray(0, 1));
    },
    cancel: onCancel,
  }, { highWaterMark: 0 });
}
