import type { Socket } from 'node:net';

/** What a client that knows HTTP/2 says first (RFC 9113 3.4), as far as no method of HTTP/1.1 begins with it. */
const PREFACE = Buffer.from('PRI ', 'latin1');

/**
 * Tells HTTP/2 from the rest by the first bytes of a connection, and leaves them in it. Answers once; never where
 * the connection ends before. `late` is called where they are not there within that time, in milliseconds.
 */
export function sniff(
  socket: Socket,
  to: { found: (protocol: 'h1' | 'h2') => void; late: () => void; within: number },
): void {
  let head: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => {
    leave();
    to.late();
  }, to.within);
  const leave = () => {
    clearTimeout(timer);
    socket.off('readable', look).off('end', end).off('close', leave).off('error', ignore);
  };
  const end = () => socket.destroy();
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const begins = head.subarray(0, PREFACE.length);
    const maybe = begins.equals(PREFACE.subarray(0, begins.length));
    if (maybe && begins.length < PREFACE.length) return;
    leave();
    socket.unshift(head);
    to.found(maybe ? 'h2' : 'h1');
  };
  socket.on('readable', look).on('end', end).on('close', leave).on('error', ignore);
}

/** A connection that breaks before its first request tells nobody anything. */
function ignore(): void {}
