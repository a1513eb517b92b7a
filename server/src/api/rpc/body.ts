import type { IncomingMessage } from 'node:http';
import { Problem } from '../../core/problems.ts';

/** A page of users is a tenth of this. */
export const MESSAGE_MAX = 256 * 1024;

/** The length of the frame around a message (gRPC over HTTP/2, "Length-Prefixed-Message"). */
const FRAME = 5;

/** The whole body of a call. Throws `body_too_large` before more than that was read. */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const most = MESSAGE_MAX + FRAME;
  if (Number(request.headers['content-length'] ?? 0) > most) throw tooLarge();
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size > most) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (failure) {
    if (failure instanceof Problem) throw failure;
    throw new Problem('invalid_request', 'The request ended before all of it was here.', { cause: failure });
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

export function tooLarge(): Problem {
  return new Problem('body_too_large', 'A message of the API is at most 256 kB.');
}
