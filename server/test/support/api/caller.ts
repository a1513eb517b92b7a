import assert from 'node:assert/strict';
import type { TestServer } from '../server.ts';

export interface Answer {
  readonly status: number;
  readonly body: ReturnType<JSON['parse']>;
}

/** An app that calls the REST API with a token of its own. */
export type Api = (method: string, path: string, body?: object | string) => Promise<Answer>;

export async function apiOf(
  server: TestServer,
  app: { id: string; secret: string } = server.app,
): Promise<Api> {
  const token = await tokenFor(server, app);
  return async (method, path, body) => {
    const response = await fetch(new URL(path, server.url), {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };
}

async function tokenFor(server: TestServer, app: { id: string; secret: string }): Promise<string> {
  const response = await askToken(server, app);
  assert.equal(response.status, 200, await response.clone().text());
  const { access_token: token } = await response.json();
  return token;
}

export function askToken(server: TestServer, app: { id: string; secret: string }): Promise<Response> {
  const form = { grant_type: 'client_credentials', client_id: app.id, client_secret: app.secret };
  return fetch(new URL('/oauth/token', server.url), { method: 'POST', body: new URLSearchParams(form) });
}

/** The fields that a refusal names. */
export function fieldsOf({ body }: Answer): string[] {
  const violations: { field: string }[] = body.details[0].validation_error_info?.field_violations ?? [];
  return violations.map(({ field }) => field);
}

export function codeOf({ body }: Answer): string {
  return body.details[0].error_code;
}
