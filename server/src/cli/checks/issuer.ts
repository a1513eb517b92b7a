import { z } from 'zod';
import type { Finding } from '../../platform/finding.ts';
import { redactedText } from '../../platform/redact.ts';

/** Longer than this no browser of a person should wait either. */
const ANSWER_WITHIN = 5000;

const PATH = '/.well-known/openid-configuration';
const why = 'Apps find the server by this document, and refuse one that names another issuer.';

/** Asks the server for its discovery document, from here. */
export async function issuerFinding(url: string): Promise<Finding> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await fetch(`${url}${PATH}`, { redirect: 'manual', signal });
    return response.status === 200 ? named(url, await response.text()) : strange(url, response.status);
  } catch (failure) {
    return silent(url, failure);
  }
}

function named(url: string, text: string): Finding {
  const issuer = issuerIn(text);
  if (issuer === url) return { id: 'issuer', status: 'ok', what: `${url} answers, and names itself.`, why };
  return {
    id: 'issuer',
    status: 'fail',
    what:
      issuer === undefined
        ? `${url}${PATH} holds no discovery document.`
        : `${url} names another issuer: ${JSON.stringify(issuer.slice(0, 200))}.`,
    why,
    fix: 'Give server and command the same POSTERN_URL, and let the proxy pass its requests to this server.',
  };
}

function issuerIn(text: string): string | undefined {
  try {
    return z.object({ issuer: z.string() }).parse(JSON.parse(text)).issuer;
  } catch {
    return undefined;
  }
}

function strange(url: string, status: number): Finding {
  return {
    id: 'issuer',
    status: 'warn',
    what: `${url}${PATH} answers with ${status}.`,
    why,
    fix: 'Look at the log of the server, and at the proxy in front of it.',
  };
}

function silent(url: string, failure: unknown): Finding {
  const cause = failure instanceof Error && failure.cause instanceof Error ? failure.cause : failure;
  const words = cause instanceof Error ? (codeOf(cause) ?? cause.message) : String(cause);
  return {
    id: 'issuer',
    status: 'warn',
    what: `${url} cannot be reached from here (${redactedText(words)}).`,
    why,
    fix: 'Start the server, or run this where its public address can be reached.',
  };
}

function codeOf(failure: Error): string | undefined {
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : undefined;
}
