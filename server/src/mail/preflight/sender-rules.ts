import { isIP } from 'node:net';
import { mailHostOf } from '../../core/mail-hosts.ts';
import { isLoopbackHost } from '../../core/redirect-uri.ts';
import type { Finding } from '../../platform/finding.ts';
import { isReservedDomain, registrableDomain, shareOwner } from './domains.ts';
import { type Found, isMailboxOfService, type Way } from './ways.ts';

const senderWhy = 'Receivers and people judge a mail first by who it comes from.';
const hostWhy =
  'People are told to type codes only where the mail comes from: the names should be of one family.';
const bulkWhy =
  'Gmail and Yahoo ask this of everybody, and refuse without it who sends them 5,000 mails a day or more.';

/** Whether the sender can be one at all. */
export function senderFinding(way: Way): Finding {
  return { id: 'mail.sender', why: senderWhy, ...senderFound(way) };
}

function senderFound(way: Way): Found {
  const { address, domain } = way.sender;
  const fix = 'Give a sender in a domain of your own: POSTERN_MAIL_FROM="Acme <sign-in@acme.com>".';
  if (isReservedDomain(domain))
    return {
      status: 'fail',
      what: `Nobody has the domain of the sender ${address}: mail from it is refused.`,
      fix,
    };
  if (mailHostOf(domain) === undefined) return { status: 'ok', what: `Mail comes from ${address}.` };
  const isUnread = /^(?:no|do-?not)[._-]?reply/i.test(address);
  if (!isMailboxOfService(way))
    return {
      status: 'fail',
      what: `${address} is of a domain where anybody gets an address, and only its own servers may send for it.`,
      fix,
    };
  if (isUnread)
    return {
      status: 'warn',
      what: `${address} is an address that anybody could have, and takes no answers.`,
      fix,
    };
  const limits = `${address} is a person's mailbox, with its limits of a few hundred mails a day.`;
  return { status: 'warn', what: limits, fix };
}

/** Whether sender and sign-in pages are of one owner; nothing to say on this machine. */
export function hostFindings({ sender }: Way, url: string): Finding[] {
  const { hostname } = new URL(url);
  if (isLoopbackHost(hostname) || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return [];
  const [id, why] = ['mail.host', hostWhy];
  if (shareOwner(sender.domain, hostname))
    return [{ id, why, status: 'ok', what: `Mail from ${sender.domain} leads to ${hostname}: one owner.` }];
  const what = `Mail from ${sender.domain} leads to ${hostname}: people see two owners (names compared from the right).`;
  const fix = `Send from sign-in@${registrableDomain(hostname)}, or serve the sign-in below ${registrableDomain(sender.domain)}.`;
  return [{ id, why, status: 'warn', what, fix }];
}

const BULK = ['mail.spf', 'mail.dkim', 'mail.dmarc', 'mail.alignment', 'mail.ptr', 'mail.tls'];

/** The rules of large receivers for who sends a lot, by what was found. */
export function bulkFinding(findings: readonly Finding[]): Finding {
  const about = findings.filter(({ id }) => BULK.includes(id));
  const names = (ids: readonly string[]) =>
    ids.map((id) => id.slice('mail.'.length).toUpperCase()).join(', ');
  const broken = BULK.filter((id) => about.some((one) => one.id === id && isBroken(one)));
  const [id, why] = ['mail.bulk', bulkWhy];
  if (broken.length === 0) {
    const met = names(BULK.filter((one) => about.some((finding) => finding.id === one)));
    const what = `What Gmail and Yahoo ask of bulk senders is there: ${met}. Sign-in mails need no List-Unsubscribe.`;
    return { id, why, status: 'ok', what };
  }
  const what = `Of what Gmail and Yahoo ask of bulk senders this is missing: ${names(broken)}.`;
  return { id, why, status: 'warn', what, fix: 'Do what those findings say, and look again.' };
}

/** p=none is enough for them, and so is a key of 1024 bits; an address without a name is not. */
function isBroken({ id, status }: Finding): boolean {
  return status === 'fail' || (id === 'mail.ptr' && status === 'warn');
}
