/** Stand-in for `@std/streams/unstable-fixed-chunk-stream`. */

export class FixedChunkStream extends TransformStream<Uint8Array, Uint8Array> {
  constructor(size: number) {
    let pending = new Uint8Array(size);
    let filled = 0;
    super({
      transform(chunk, controller) {
        let offset = 0;
        while (offset < chunk.length) {
          const part = chunk.subarray(offset, offset + size - filled);
          pending.set(part, filled);
          filled += part.length;
          offset += part.length;
          if (filled === size) {
            controller.enqueue(pending);
            pending = new Uint8Array(size);
            filled = 0;
          }
        }
      },
      flush(controller) {
        if (filled > 0) controller.enqueue(pending.subarray(0, filled));
      },
    });
  }
}
