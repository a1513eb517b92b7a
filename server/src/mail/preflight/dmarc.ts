import type { Finding } from '../../platform/finding.ts';
import { type Dns, recordsIn } from './answers.ts';
import { tagsOf } from './dkim.ts';
import { registrableDomain, shareOwner, txtRecord } from './domains.ts';
import type { Found, Way } from './ways.ts';

const POLICIES = ['none', 'quarantine', 'reject'];

const why =
  'DMARC says what becomes of mail that others send in your name, and tells you about it (RFC 7489).';
const alignmentWhy = 'DMARC counts SPF and DKIM only where they prove the domain that people see.';

/** The policy that holds for a domain, wherever it stands. */
interface Policy {
  readonly at: string;
  readonly records: readonly string[];
  readonly tags: ReadonlyMap<string, string>;
}

/** The DMARC record of the sender, and whether what is known of SPF and DKIM fits it. */
export async function dmarcFindings(
  dns: Dns,
  way: Way,
  proved: { readonly spf: Finding; readonly dkim: Finding },
): Promise<Finding[]> {
  const policy = await policyOf(dns, way.sender.domain);
  const record = { id: 'mail.dmarc', why, ...(await recordFound(dns, way, policy)) };
  const tags = typeof policy === 'string' ? new Map<string, string>() : policy.tags;
  return [record, { id: 'mail.alignment', why: alignmentWhy, ...alignment(way, tags, proved) }];
}

/** A domain without a record has that of its owner's domain (RFC 7489 6.6.3). */
async function policyOf(dns: Dns, domain: string): Promise<Policy | 'none' | 'failed'> {
  for (const name of new Set([domain, registrableDomain(domain)])) {
    const at = `_dmarc.${name}`;
    const answer = await dns.txt(at);
    if (answer === 'failed') return 'failed';
    const records = recordsIn(answer).filter((text) => /^v=DMARC1\s*(?:;|$)/i.test(text));
    if (records.length > 0) return { at, records, tags: tagsOf(records[0] ?? '') };
  }
  return 'none';
}

async function recordFound(
  dns: Dns,
  { sender }: Way,
  policy: Awaited<ReturnType<typeof policyOf>>,
): Promise<Found> {
  const { domain } = sender;
  const first = txtRecord(
    `_dmarc.${domain}`,
    `v=DMARC1; p=none; rua=mailto:dmarc@${registrableDomain(domain)}`,
  );
  if (policy === 'none') {
    const fix = `Publish: ${first} and p=reject once its reports show that all of your mail passes.`;
    return { status: 'fail', what: `${domain} has no DMARC record.`, fix };
  }
  if (policy === 'failed') {
    const fix = 'Look whether the name servers of the domain answer, and try again.';
    return { status: 'warn', what: `The DNS does not say which DMARC record ${domain} has.`, fix };
  }
  return ruleFault(policy, domain) ?? (await reportFault(dns, policy, domain)) ?? good(policy, domain);
}

function policyFor({ at, tags }: Policy, domain: string): string | undefined {
  const inherited = at !== `_dmarc.${domain}`;
  return ((inherited ? tags.get('sp') : undefined) ?? tags.get('p'))?.toLowerCase();
}

function good(policy: Policy, domain: string): Found {
  return { status: 'ok', what: `DMARC of ${domain} says ${policyFor(policy, domain)} (${policy.at}).` };
}

function ruleFault(policy: Policy, domain: string): Found | undefined {
  const { at, records, tags } = policy;
  const rule = policyFor(policy, domain);
  const with_ = (changes: Record<string, string>) =>
    `Publish in its place: ${txtRecord(at, written(tags, changes))}`;
  if (records.length > 1) {
    const what = `${at} has ${records.length} DMARC records: receivers then take none of them.`;
    return { status: 'fail', what, fix: with_({}) };
  }
  if (rule === undefined || !POLICIES.includes(rule)) {
    const what = `DMARC of ${domain} has no policy: p= is ${rule ? 'none of the three' : 'missing'}.`;
    return { status: 'fail', what, fix: with_({ p: 'none' }) };
  }
  if (rule === 'none') {
    const what = `DMARC of ${domain} only watches (p=none): what others send in its name arrives.`;
    const tag = at === `_dmarc.${domain}` || !tags.has('sp') ? 'p' : 'sp';
    return { status: 'warn', what, fix: with_({ [tag]: 'quarantine' }) };
  }
  const share = tags.get('pct') ?? '100';
  if (share !== '100') {
    const what = `DMARC of ${domain} holds for ${share} of 100 mails only.`;
    return { status: 'warn', what, fix: with_({ pct: '100' }) };
  }
  return undefined;
}

/** Reports: that they are asked for, and that a foreign domain has said that it takes them (RFC 7489 7.1). */
async function reportFault(dns: Dns, { at, tags }: Policy, domain: string): Promise<Found | undefined> {
  const places = (tags.get('rua') ?? '').split(',').filter((place) => /^mailto:[^@]+@[^@]+/i.test(place));
  const owner = registrableDomain(domain);
  if (places.length === 0) {
    const fix = `Publish in its place: ${txtRecord(at, written(tags, { rua: `mailto:dmarc@${owner}` }))}`;
    return { status: 'warn', what: `DMARC of ${domain} asks for no reports: rua= is missing.`, fix };
  }
  const policyDomain = at.slice('_dmarc.'.length);
  for (const place of places) {
    const host = place
      .slice(place.lastIndexOf('@') + 1)
      .replace(/!.*$/, '')
      .toLowerCase();
    const name = `${policyDomain}._report._dmarc.${host}`;
    const answer = shareOwner(host, owner) ? 'failed' : await dns.txt(name);
    if (answer === 'failed' || recordsIn(answer).some((text) => /^v=DMARC1/i.test(text))) continue;
    const what = `${host} has not said that it takes DMARC reports about ${policyDomain}, so none are sent.`;
    return { status: 'warn', what, fix: `Publish: ${txtRecord(name, 'v=DMARC1')}` };
  }
  return undefined;
}

function written(tags: ReadonlyMap<string, string>, changes: Record<string, string>): string {
  const all = new Map([['v', 'DMARC1'], ['p', tags.get('p') ?? 'none'], ...tags, ...Object.entries(changes)]);
  all.set('v', 'DMARC1');
  return [...all].map(([name, value]) => `${name}=${value}`).join('; ');
}

function alignment(
  { sender, envelope, signs, service }: Way,
  tags: ReadonlyMap<string, string>,
  proved: { readonly spf: Finding; readonly dkim: Finding },
): Found {
  const fits = (name: string | undefined, mode: string | undefined) =>
    name !== undefined && (mode === 's' ? name === sender.domain : shareOwner(name, sender.domain));
  const byDkim = fits(signs, tags.get('adkim')) && proved.dkim.status !== 'fail';
  const bySpf = fits(envelope, tags.get('aspf')) && proved.spf.status !== 'fail';
  if (byDkim || bySpf) {
    const names = [byDkim && `DKIM (${signs})`, bySpf && `SPF (${envelope})`].filter(Boolean);
    return {
      status: 'ok',
      what: `${names.join(' and ')} ${names.length > 1 ? 'prove' : 'proves'} ${sender.domain}.`,
    };
  }
  const isForeign = !fits(signs, tags.get('adkim'));
  const place = service?.title ?? 'the mail server';
  return {
    status: 'fail',
    what: `Neither SPF nor DKIM proves ${sender.domain} to DMARC${isForeign ? `: mail is signed for ${signs}` : ''}.`,
    fix: isForeign
      ? `Let ${place} send for ${sender.domain}, or give a sender in ${signs}.`
      : `Let ${place} sign for ${sender.domain}: the DKIM finding says how.`,
  };
}
