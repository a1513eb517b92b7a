import type { Clock } from '../../platform/clock.ts';
import type { Finding } from '../../platform/finding.ts';
import type { Dns } from './answers.ts';
import { dkimFinding } from './dkim.ts';
import { dmarcFindings } from './dmarc.ts';
import { mxFinding, ptrFindings } from './reachable.ts';
import { tlsFinding } from './relay-tls.ts';
import { bulkFinding, hostFindings, senderFinding } from './sender-rules.ts';
import { spfFinding } from './spf.ts';
import { isMailboxOfService, type Way } from './ways.ts';

export interface PreflightParts {
  readonly dns: Dns;
  readonly clock: Clock;
  /** The public address of the sign-in pages. */
  readonly url: string;
  /** Where the DKIM keys are; without any, where the service is known to have them. */
  readonly selectors: readonly string[];
}

/** What stands in the way of the mail that leaves by these ways. Asks, and sends nothing. */
export async function preflight(ways: readonly Way[], parts: PreflightParts): Promise<Finding[]> {
  const each = await Promise.all(ways.map((way) => preflightOf(way, parts)));
  if (ways.length < 2) return each.flat();
  const named = each.flatMap((findings, index) =>
    findings.map((finding) => ({ ...finding, what: `${ways[index]?.name}: ${finding.what}` })),
  );
  return named;
}

async function preflightOf(way: Way, parts: PreflightParts): Promise<Finding[]> {
  const tls = way.relay === undefined ? [] : [tlsFinding(way.relay, parts.clock)];
  const before = [senderFinding(way), ...hostFindings(way, parts.url)];
  const isOurs = before[0]?.status !== 'fail' && !isMailboxOfService(way);
  const [relay, proofs] = await Promise.all([Promise.all(tls), isOurs ? dnsFindings(way, parts) : []]);
  const found = [...before, ...proofs, ...relay];
  return isOurs ? [...found, bulkFinding(found)] : found;
}

/** What the DNS says about the sender and the relay. */
async function dnsFindings(
  way: Way,
  { dns, selectors }: Pick<PreflightParts, 'dns' | 'selectors'>,
): Promise<Finding[]> {
  const [spf, dkim, mx, ptr] = await Promise.all([
    spfFinding(dns, way),
    dkimFinding(dns, way, selectors),
    mxFinding(dns, way),
    ptrFindings(dns, way),
  ]);
  return [spf, dkim, ...(await dmarcFindings(dns, way, { spf, dkim })), mx, ...ptr];
}
