import { createServer, type Socket } from 'node:net';

/** A relay that takes every mail at once and tells who waits for it; small, since it shares the load's core. */
export interface Sink {
  readonly url: string;
  /** The raw mail to an address, once it has been taken. */
  mailTo(address: string): Promise<string>;
  close(): void;
}

export function startSink(): Promise<Sink> {
  const waiting = new Map<string, (mail: string) => void>();
  const early = new Map<string, string>();
  const deliver = (address: string, mail: string) => {
    const waiter = waiting.get(address);
    waiting.delete(address);
    if (waiter) waiter(mail);
    else early.set(address, mail);
  };
  const server = createServer((socket) => converse(socket, deliver));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      resolve({
        url: `smtp://127.0.0.1:${port}`,
        mailTo: (to) =>
          new Promise((found) => {
            const mail = early.get(to);
            early.delete(to);
            if (mail === undefined) waiting.set(to, found);
            else found(mail);
          }),
        close: () => server.close(),
      });
    });
  });
}

const REPLIES: ReadonlyArray<readonly [RegExp, string]> = [
  [/^EHLO/i, '250-sink\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n'],
  [/^(HELO|MAIL|RCPT|RSET|NOOP)/i, '250 ok\r\n'],
  [/^DATA/i, '354 go on\r\n'],
  [/^QUIT/i, '221 bye\r\n'],
];

function converse(socket: Socket, deliver: (address: string, mail: string) => void): void {
  let buffer = '';
  let recipient = '';
  let inData = false;
  socket.setNoDelay(true);
  socket.setEncoding('utf8');
  socket.write('220 sink\r\n');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    buffer += chunk;
    for (;;) {
      const mark = inData ? '\r\n.\r\n' : '\r\n';
      const at = buffer.indexOf(mark);
      if (at < 0) return;
      const part = buffer.slice(0, at);
      buffer = buffer.slice(at + mark.length);
      if (inData) {
        inData = false;
        socket.write('250 taken\r\n');
        deliver(recipient, part);
        continue;
      }
      recipient = /^RCPT TO:<([^>]+)>/i.exec(part)?.[1] ?? recipient;
      inData = /^DATA/i.test(part);
      socket.write(REPLIES.find(([command]) => command.test(part))?.[1] ?? '502 no\r\n');
    }
  });
}
