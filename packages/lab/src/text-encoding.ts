/**
 * Text and bytes. The encoders are everywhere the lab runs (Node, workers, pages), though not in the language's own
 * types.
 */

declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (label?: string) => { decode(bytes: Uint8Array, options?: { stream: boolean }): string };

/** UTF-8 bytes of a text. */
export function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Decodes UTF-8 piece by piece: a character cut in two by packets is put together again. */
export function textDecoder(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder("utf-8");
  return (bytes) => decoder.decode(bytes, { stream: true });
}
