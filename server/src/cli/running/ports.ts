import { connect, createServer } from 'node:net';

/** Whether nothing listens on a port, neither on every address nor on loopback alone. */
export async function isFree(port: number): Promise<boolean> {
  return (
    (await boundPort({ port })) !== undefined && (await boundPort({ port, host: '127.0.0.1' })) !== undefined
  );
}

/** The first free port of a range, or any free one. */
export async function freePort(wanted: { from: number; to: number }): Promise<number> {
  for (let port = wanted.from; port <= wanted.to; port += 1) if (await isFree(port)) return port;
  return (await boundPort({ port: 0, host: '127.0.0.1' })) ?? 0;
}

/** Whether something takes connections on this port of this machine. */
export function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: 'localhost' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function boundPort(wanted: { port: number; host?: string }): Promise<number | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(undefined));
    probe.listen({ ...wanted, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : undefined));
    });
  });
}
