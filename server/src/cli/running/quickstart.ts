import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clients } from '../../clients/clients.ts';
import type { Client } from '../../clients/store.ts';
import { Problem } from '../../core/problems.ts';
import { freePort } from './ports.ts';

/** Where the example is by default, and where it goes when something else is there. */
const PORTS = { from: 3000, to: 3019 };

/** The registered example, and where it is to listen. */
export interface Quickstart {
  readonly clientId: string;
  readonly clientSecret: string;
  readonly port: number;
}

interface Kept {
  readonly client_id: string;
  readonly client_secret: string;
}

/**
 * The client "Quickstart", made once; its credentials are kept in the data directory. It is made anew
 * when it was deleted, or when the example has to listen where the client has no redirect URI.
 */
export async function ensureQuickstart(
  clients: Clients,
  dataDir: string,
  ports: { from: number; to: number } = PORTS,
): Promise<Quickstart> {
  const path = join(dataDir, 'quickstart.json');
  const port = await freePort(ports);
  const kept = readKept(path);
  const client = kept && (await find(clients, kept.client_id));
  if (kept && client?.redirectUris.includes(callbackOf(port)))
    return { clientId: kept.client_id, clientSecret: kept.client_secret, port };
  if (client) await clients.remove(client.id);
  const made = await register(clients, [...new Set([PORTS.from, ...portsOf(client), port])]);
  writeFileSync(path, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 });
  return { clientId: made.client_id, clientSecret: made.client_secret, port };
}

async function register(clients: Clients, ports: number[]): Promise<Kept> {
  const { client, clientSecret = '' } = await clients.create({
    name: 'Quickstart',
    redirectUris: ports.map(callbackOf),
    postLogoutRedirectUris: ports.map((port) => `http://localhost:${port}/`),
  });
  return { client_id: client.id, client_secret: clientSecret };
}

function callbackOf(port: number): string {
  return `http://localhost:${port}/auth/callback`;
}

/** A few, so that no number of busy ports makes the client grow without end. */
function portsOf(client: Client | undefined): number[] {
  return (client?.redirectUris ?? []).map((uri) => Number(new URL(uri).port)).slice(-8);
}

async function find(clients: Clients, id: string): Promise<Client | undefined> {
  try {
    return await clients.show(id);
  } catch (failure) {
    if (failure instanceof Problem && failure.code === 'client_not_found') return undefined;
    throw failure;
  }
}

function readKept(path: string): Kept | undefined {
  try {
    const { client_id, client_secret } = JSON.parse(readFileSync(path, 'utf8'));
    const usable = typeof client_id === 'string' && typeof client_secret === 'string';
    return usable ? { client_id, client_secret } : undefined;
  } catch {
    return undefined;
  }
}
